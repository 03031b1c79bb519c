"""Datasets and versions as clients see them."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from shared.schemas import ApiModel, RequestModel

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters or line breaks")
    return text


DatasetName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_printable)
]
Description = Annotated[str, StringConstraints(max_length=2000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(_printable)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(lambda tags: list(dict.fromkeys(tags)))]
Status = Literal["ingesting", "ready", "failed"]


class DownloadFormat(StrEnum):
    """What a version can be saved as."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


class DatasetChange(RequestModel):
    """What to change; members left out or null stay."""

    name: DatasetName | None = None
    description: Description | None = None
    tags: Tags | None = None


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


class ColumnModel(ApiModel):
    """A column and its type."""

    name: str = Field(examples=["price"])
    type: str = Field(examples=["number"], description="integer, number, boolean, datetime, date, string or json.")


class SchemaModel(ApiModel):
    """The columns of a version."""

    version: int
    columns: list[ColumnModel]


class VersionModel(ApiModel):
    """An immutable content of a dataset. `report` tells how the file was read, and which lines of it were not."""

    dataset_id: UUID
    version: int
    status: Status
    filename: str
    bytes: int = Field(description="Size of the uploaded file.")
    sha256: str = Field(description="SHA-256 of the uploaded file.")
    rows: int | None
    columns: int | None
    parquet_bytes: int | None
    parquet_sha256: str | None
    report: dict[str, Any] | None
    operation: dict[str, Any] = Field(examples=[{"op": "upload", "filename": "prices.csv"}])
    created_by: UUID | None
    created_at: datetime
    ready_at: datetime | None
