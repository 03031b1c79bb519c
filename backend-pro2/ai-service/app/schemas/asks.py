"""Questions to data, and their answers."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from shared.schemas import ApiModel, RequestModel

from .analyses import DATASET, PROJECT, ResultChart, ResultTable, ResultWarning

MOST_DATASETS = 10
QUESTION_CHARACTERS = 4000
# Besides what no text may hold: characters that show nothing and change how the rest reads.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


def _readable(text: str) -> str:
    text = _HIDDEN.sub("", text.replace("\r\n", "\n")).strip()
    if not text:
        raise ValueError("a question must have something to read")
    return text


Readable = AfterValidator(_readable)
Question = Annotated[str, StringConstraints(min_length=1, max_length=QUESTION_CHARACTERS), Readable]
DatasetIds = Annotated[
    list[UUID],
    Field(min_length=1, max_length=MOST_DATASETS, description="Datasets of the project, in their current versions."),
    AfterValidator(lambda ids: list(dict.fromkeys(ids))),
]


class AskRequest(RequestModel):
    """A question in everyday words."""

    project_id: UUID
    dataset_ids: DatasetIds
    question: Question = Field(description="In any language.")
    conversation_id: UUID | None = Field(
        None, description="Goes on with one of your conversations; absent: begins one."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "project_id": PROJECT,
                "dataset_ids": [DATASET],
                "question": "Which country has the highest mean price?",
            }
        }
    )


class ClaimCell(ApiModel):
    """A cell of one of the answer's tables; rows count from 0."""

    table: str
    row: int
    column: str


class Claim(ApiModel):
    """A number, date or reference in the answer."""

    text: str = Field(description="As it stands in the answer; of a struck one, as the model wrote it.")
    value: float | int | str | None
    cell: ClaimCell | None
    status: Literal["grounded", "struck"] = Field(description="A struck one reads `[unverified]` in the answer.")


class AskUsage(ApiModel):
    """What the answer took of the LLM; nothing, if the same was asked of the same data lately."""

    tokens_in: int
    tokens_out: int
    cost: float


class AskAnswer(ApiModel):
    """An answer whose numbers are cells of `tables`, which the queries in `sql` gave."""

    task_id: UUID
    conversation_id: UUID | None
    answer: str = Field(description="Plain text or Markdown without links, images and HTML.")
    sql: list[str]
    tables: list[ResultTable]
    charts: list[ResultChart]
    claims: list[Claim]
    warnings: list[ResultWarning]
    usage: AskUsage

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "task_id": "01890a5d-c0de-7abc-9def-0123456789ab",
                "conversation_id": "01890a5d-c0df-7abc-9def-0123456789ab",
                "answer": "CH has the highest mean price, 12.5.",
                "sql": ["SELECT country, avg(price) AS mean FROM prices GROUP BY country ORDER BY mean DESC"],
                "tables": [{"name": "t1", "columns": ["country", "mean"], "rows": [["CH", 12.5], ["AT", 9.75]]}],
                "charts": [{"title": "mean by country", "spec": {"mark": "bar"}}],
                "claims": [
                    {
                        "text": "12.5",
                        "value": 12.5,
                        "cell": {"table": "t1", "row": 0, "column": "mean"},
                        "status": "grounded",
                    }
                ],
                "warnings": [],
                "usage": {"tokens_in": 912, "tokens_out": 88, "cost": 0.00019},
            }
        }
    )


AskResult = dict[str, Any]
"""What an answered question leaves in the summary of its result."""
