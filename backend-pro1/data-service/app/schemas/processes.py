"""Processing: steps, where their result goes, and what is asked for them."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from shared.schemas import ApiModel, RequestModel

from .datasets import DatasetName
from .queries import ROWS_EXAMPLE, RowsModel

MAX_STEPS = 100
_PROJECT = "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90"
_DATASET = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11"
_STEPS: list[JsonValue] = [
    {"op": "filter", "where": "price > 0"},
    {"op": "derive", "name": "per_m2", "expression": "price / area"},
]
_ORDER: dict[str, JsonValue] = {"project_id": _PROJECT, "dataset_id": _DATASET, "steps": _STEPS}

StepObject = dict[str, Any]
Steps = Annotated[
    list[StepObject],
    Field(
        min_length=1, max_length=MAX_STEPS, description="Objects with `op`, see `/process/operations`; done in order."
    ),
]
VersionNumber = Annotated[int | None, Field(ge=1, lt=2**31, description="Default: the version that is current now.")]


class Output(RequestModel):
    """A new dataset, by `name`, or the next version of one that exists, by `dataset_id`."""

    name: DatasetName | None = None
    dataset_id: UUID | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.name is None) == (self.dataset_id is None):
            raise ValueError("give either name, for a new dataset, or dataset_id, for its next version")
        return self


class ProcessRequest(RequestModel):
    """Steps over a version of a dataset."""

    project_id: UUID
    dataset_id: UUID
    version: VersionNumber = None
    steps: Steps
    output: Output

    model_config = ConfigDict(json_schema_extra={"example": {**_ORDER, "output": {"name": "prices per m2"}}})


class PreviewRequest(RequestModel):
    """The same, to see its first rows; `output` is allowed and ignored."""

    project_id: UUID
    dataset_id: UUID
    version: VersionNumber = None
    steps: Steps
    output: Output | None = None
    limit: int = Field(100, ge=1, le=1000, description="Rows answered at most.")

    model_config = ConfigDict(json_schema_extra={"example": {**_ORDER, "limit": 20}})


class StepRequest(RequestModel):
    """One step, whose members stand beside these; in `step` where they would clash, as the `dataset_id` of a join."""

    project_id: UUID
    dataset_id: UUID
    version: VersionNumber = None
    output: Output
    step: StepObject | None = Field(None, description="Members of the step, instead of beside the others.")

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "project_id": _PROJECT,
                "dataset_id": _DATASET,
                "where": "price > 0",
                "output": {"name": "prices above 0"},
            }
        },
    )

    def as_process(self, operation: str) -> ProcessRequest:
        """The same as a list of one step."""
        members = {**(self.model_extra or {}), **(self.step or {}), "op": operation}
        return ProcessRequest(
            project_id=self.project_id,
            dataset_id=self.dataset_id,
            version=self.version,
            steps=[members],
            output=self.output,
        )


class StepReport(ApiModel):
    """What became of a step: the columns behind it, and the figures that it learned from the data."""

    op: str
    columns: int
    learned: dict[str, Any]


class PreviewRows(RowsModel):
    """The first rows of what steps give."""

    steps: list[StepReport]

    model_config = ConfigDict(json_schema_extra={"example": {**ROWS_EXAMPLE, "steps": []}})


class OperationModel(ApiModel):
    """A kind of step; `schema` is the JSON Schema of its members."""

    op: str
    title: str
    description: str
    schema_: dict[str, Any] = Field(alias="schema")
    example: dict[str, Any]

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class FunctionArgument(ApiModel):
    """What a function takes; a `literal` has to be written out in the expression."""

    name: str
    types: list[str]
    optional: bool
    literal: bool


class FunctionModel(ApiModel):
    """A function that expressions may call."""

    name: str
    arguments: list[FunctionArgument]
    returns: str
    description: str
    example: str


class Operations(ApiModel):
    """What steps there are, and what expressions in them may call."""

    items: list[OperationModel]
    functions: list[FunctionModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "op": "select",
                        "title": "Select columns",
                        "description": "Keeps the columns, in the order in which they are listed.",
                        "schema": {"type": "object"},
                        "example": {"op": "select", "columns": ["id", "price"]},
                    }
                ],
                "functions": [],
            }
        }
    )
