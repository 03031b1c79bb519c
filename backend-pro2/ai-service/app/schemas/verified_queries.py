"""Bodies of the routes of verified queries: questions with SQL that a person accepted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel

from .analyses import DATASET, PROJECT

QUESTION_CHARACTERS = 4000
SQL_CHARACTERS = 16 * 1024
MOST_DATASETS = 10


def _distinct(dataset_ids: list[UUID]) -> list[UUID]:
    if len(set(dataset_ids)) < len(dataset_ids):
        raise ValueError("names a dataset twice")
    return dataset_ids


_PAIR: dict[str, JsonValue] = {
    "question": "Which region sells most?",
    "sql": "SELECT region, sum(units) AS units FROM sales GROUP BY region ORDER BY units DESC LIMIT 1",
    "dataset_ids": [DATASET],
}


class NewVerifiedQuery(RequestModel):
    """A question and the SQL that answers it."""

    project_id: UUID
    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=QUESTION_CHARACTERS)] = (
        Field(description="As somebody asks it; a project has each but once.")
    )
    sql: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=SQL_CHARACTERS)] = Field(
        description="One SELECT over these datasets, named as they are. Columns of personal data do not count."
    )
    dataset_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_DATASETS), AfterValidator(_distinct)] = (
        Field(description="The datasets that it reads; it is shown for questions over at least these.")
    )

    model_config = ConfigDict(json_schema_extra={"example": {"project_id": PROJECT, **_PAIR}})


class VerifiedQueryModel(ApiModel):
    """A question with SQL that a person accepted."""

    id: UUID
    project_id: UUID
    question: str
    sql: str
    dataset_ids: list[UUID]
    uses: int = Field(description="Questions that it was shown to the LLM for.")
    created_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-a1b2-7c3d-9e4f-5a6b7c8d9e0f",
                "project_id": PROJECT,
                **_PAIR,
                "uses": 3,
                "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
                "created_at": "2026-01-29T12:00:00.123456Z",
            }
        }
    )
