"""Datasets and versions as clients see them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel, one_line

DatasetName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(one_line)
]
Description = Annotated[str, StringConstraints(max_length=2000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(one_line)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(lambda tags: list(dict.fromkeys(tags)))]
Status = Literal["ingesting", "ready", "failed"]
VersionStatus = Literal["ingesting", "ready", "failed", "expired"]

_DATASET_ID = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11"
_CREATOR = "01890a5d-8c11-7a0b-8e2f-6d5c4b3a2910"
_AT = "2026-01-31T12:00:00.123456Z"
_DATASET: dict[str, JsonValue] = {
    "id": _DATASET_ID,
    "project_id": "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90",
    "name": "prices",
    "description": "Asking prices of flats.",
    "tags": ["housing"],
    "status": "ready",
    "current_version": 1,
    "rows": 1460,
    "columns": 12,
    "bytes": 460676,
    "task_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "error": None,
    "created_by": _CREATOR,
    "created_at": _AT,
    "updated_at": _AT,
    "deleted_at": None,
    "purge_at": None,
}
_VERSION: dict[str, JsonValue] = {
    "dataset_id": _DATASET_ID,
    "version": 1,
    "status": "ready",
    "filename": "prices.csv",
    "bytes": 460676,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "rows": 1460,
    "columns": 12,
    "parquet_bytes": 58211,
    "parquet_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "report": {"rows_rejected": 0},
    "operation": {"op": "upload", "filename": "prices.csv"},
    "parents": [],
    "task_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "quality": "passed",
    "blocked": False,
    "created_by": _CREATOR,
    "created_at": _AT,
    "ready_at": _AT,
}


class DownloadFormat(StrEnum):
    """What a version can be saved as."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"
    XLSX = "xlsx"


class DatasetChange(RequestModel):
    """What to change; members left out or null stay."""

    name: DatasetName | None = None
    description: Description | None = None
    tags: Tags | None = None

    model_config = ConfigDict(json_schema_extra={"example": {"name": "prices 2026", "tags": ["housing", "2026"]}})


class DatasetProblem(ApiModel):
    """Why the dataset, or its latest version, could not be read."""

    code: str = Field(examples=["not_tabular"])
    detail: str


class DatasetModel(ApiModel):
    """A named table in a project. `rows`, `columns` and `current_version` are null until it is ready."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    tags: list[str]
    status: Status
    current_version: int | None
    rows: int | None
    columns: int | None
    bytes: int | None = Field(description="Size of the uploaded file.")
    task_id: UUID | None = Field(description="The task that reads the latest upload.")
    error: DatasetProblem | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = Field(description="In the trash since; null while it is not.")
    purge_at: datetime | None = Field(description="When it leaves the trash for good; null while it is not there.")

    model_config = ConfigDict(json_schema_extra={"example": _DATASET})


class ColumnModel(ApiModel):
    """A column and its type."""

    name: str = Field(examples=["price"])
    type: str = Field(examples=["number"], description="integer, number, boolean, datetime, date, string or json.")


class ParentModel(ApiModel):
    """A version that another was made of."""

    dataset_id: UUID
    version: int


class VersionModel(ApiModel):
    """An immutable content of a dataset. `report` tells how the file was read, and which lines of it were not.

    Of an `expired` version retention has removed the content; what is known of it stays.
    """

    dataset_id: UUID
    version: int
    status: VersionStatus
    filename: str | None = Field(description="Of the uploaded file; null for a version that was computed.")
    bytes: int = Field(description="Size of the uploaded file.")
    sha256: str | None = Field(description="SHA-256 of the uploaded file.")
    rows: int | None
    columns: int | None
    parquet_bytes: int | None
    parquet_sha256: str | None
    report: dict[str, Any] | None
    operation: dict[str, Any] = Field(examples=[{"op": "upload", "filename": "prices.csv"}])
    parents: list[ParentModel] = Field(description="What it was made of.")
    task_id: UUID | None = Field(description="The task that made it, or is making it.")
    quality: Literal["passed", "warned", "failed"] | None = Field(description="How its rules came out, if it has any.")
    blocked: bool = Field(description="The quality gate keeps it from queries, processing and analyses.")
    created_by: UUID | None
    created_at: datetime
    ready_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"example": _VERSION})
