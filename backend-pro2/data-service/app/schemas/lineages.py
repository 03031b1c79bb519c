"""A lineage as clients see it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel

_A, _B = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11", "01890a5d-c7e2-7d13-9b7a-4a1b7c8d9e22"
_TASK = "01890a5d-ac96-774b-bcce-b302099a8057"
_AT = "2026-01-31T12:00:00.123456Z"
_GONE: dict[str, JsonValue] = {"name": None, "status": None, "operation": None, "created_at": None, "removed": True}
_LINEAGE: dict[str, JsonValue] = {
    "nodes": [
        {"id": f"{_A}@1", "kind": "dataset_version", "dataset_id": _A, "version": 1, "task_id": None, **_GONE},
        {
            "id": f"{_B}@2",
            "kind": "dataset_version",
            "dataset_id": _B,
            "version": 2,
            "task_id": None,
            "name": "prices by month",
            "status": "ready",
            "operation": {"op": "process"},
            "created_at": _AT,
            "removed": False,
        },
        {
            "id": _TASK,
            "kind": "analysis",
            "dataset_id": _B,
            "version": 2,
            "task_id": _TASK,
            "name": "regression",
            "status": "succeeded",
            "operation": None,
            "created_at": _AT,
            "removed": False,
        },
    ],
    "edges": [
        {"from": f"{_A}@1", "to": f"{_B}@2", "op": "process"},
        {"from": f"{_B}@2", "to": _TASK, "op": "regression"},
    ],
    "truncated": False,
}


class LineageNode(ApiModel):
    """A version of a dataset, or work that reads one. Of a version that is gone only its numbers are known."""

    id: str = Field(description="Of a version: its dataset's id, @ and its number; of work: the task's id.")
    kind: str = Field(description="`dataset_version`, or the kind of task, such as `analysis`.")
    dataset_id: UUID
    version: int
    task_id: UUID | None
    name: str | None = Field(description="The dataset's name; of an analysis, its type.")
    status: str | None = Field(description="That of the version, or of the task.")
    operation: dict[str, Any] | None = Field(description="What made the version.")
    created_at: datetime | None
    removed: bool


class LineageEdge(ApiModel):
    """`to` was made of `from`, or reads it."""

    source: str = Field(alias="from", description="Id of a node.")
    to: str = Field(description="Id of a node.")
    op: str | None = Field(description="What was done.")

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)


class LineageModel(ApiModel):
    """The graph round a version."""

    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool = Field(description="Whether there is more than 500 versions, or than 500 pieces of work.")

    model_config = ConfigDict(json_schema_extra={"example": _LINEAGE})
