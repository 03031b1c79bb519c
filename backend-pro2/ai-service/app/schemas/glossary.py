"""Bodies of the glossary routes: a project's own words and metrics."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from shared.schemas import ApiModel, RequestModel, one_line

from .analyses import DATASET, PROJECT

TermName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(one_line),
    Field(description="The word; a project has each but once, letters counting alike, large or small."),
]
Definition = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    Field(description="What it means, in a sentence or two; the LLM is told so, whatever the project's policy."),
]
Expression = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    Field(
        description="With it the term is a metric: one SQL expression over the columns of `dataset_id`, aggregates "
        "included. It is checked against the columns of the current version; those of personal data do not count.",
        examples=["sum(revenue) / nullif(sum(units), 0)"],
    ),
]
OfDataset = Annotated[
    UUID | None, Field(description="The dataset whose word it is; null: of the whole project. A metric has one.")
]
_METRIC: dict[str, JsonValue] = {
    "dataset_id": DATASET,
    "name": "average price",
    "definition": "Revenue for each unit sold, returns left out.",
    "expression": "sum(revenue) / nullif(sum(units), 0)",
}


class NewTerm(RequestModel):
    """A word or a metric of a project."""

    project_id: UUID
    dataset_id: OfDataset = None
    name: TermName
    definition: Definition
    expression: Expression | None = None

    model_config = ConfigDict(json_schema_extra={"example": {"project_id": PROJECT, **_METRIC}})

    @model_validator(mode="after")
    def _of_a_dataset(self) -> Self:
        if self.expression is not None and self.dataset_id is None:
            raise ValueError("an expression needs dataset_id, whose columns it names")
        return self


class TermChange(RequestModel):
    """What to change. What is left out stays; null takes the expression or the dataset away."""

    dataset_id: OfDataset = None
    name: TermName | None = None
    definition: Definition | None = None
    expression: Expression | None = None

    model_config = ConfigDict(json_schema_extra={"example": {"definition": "Revenue for each unit sold."}})


class TermModel(ApiModel):
    """A word of a project's, or a metric."""

    id: UUID
    project_id: UUID
    dataset_id: UUID | None
    name: str
    definition: str
    expression: str | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "01890a5d-9d2e-7a44-b1c3-2f3a4b5c6d7e",
                "project_id": PROJECT,
                **_METRIC,
                "created_by": "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910",
                "created_at": "2026-01-29T12:00:00.123456Z",
                "updated_at": "2026-01-29T12:00:00.123456Z",
            }
        }
    )
