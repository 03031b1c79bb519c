"""Versions of datasets, as analyses read them. The tables belong to the data service."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session

_READ = """
SELECT d.id AS dataset_id, d.name, d.status AS dataset_status, d.current_version,
       v.version, v.status, v.task_id, v.blocked, v.parquet_key, v.parquet_sha256, v.schema
FROM datasets d
LEFT JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = coalesce($3, d.current_version, (
    SELECT version FROM dataset_versions WHERE dataset_id = $2 AND status = 'ingesting'))
WHERE d.project_id = $1 AND d.id = $2 AND d.deleted_at IS NULL
"""

_NAMED = "SELECT EXISTS (SELECT FROM datasets WHERE project_id = $1 AND lower(name) = lower($2) AND deleted_at IS NULL)"


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A dataset and one of its versions; what belongs to the version is None if there is no such version.

    `task_id` is the task that makes, or has made, the version.
    """

    dataset_id: UUID
    name: str
    dataset_status: str
    current_version: int | None
    version: int | None
    status: str | None
    task_id: UUID | None
    blocked: bool | None
    parquet_key: str | None
    parquet_sha256: str | None
    schema: list[dict[str, Any]] | None

    @property
    def is_ready(self) -> bool:
        """Whether its content can be used."""
        return self.status == "ready" and self.parquet_key is not None and not self.blocked

    @property
    def is_coming(self) -> bool:
        """Whether a task is making its content."""
        return self.status == "ingesting" and self.task_id is not None

    @property
    def types(self) -> dict[str, str]:
        """The type of each column, in the version's order."""
        return {column["name"]: column["type"] for column in self.schema or ()}


async def read_version(
    session: Session, project_id: UUID, dataset_id: UUID, version: int | None
) -> DatasetVersion | None:
    """The dataset of this project with the version asked for, or its current one, or while there is none the coming."""
    return await session.fetch_one(DatasetVersion, _READ, project_id, dataset_id, version)


async def dataset_named(session: Session, project_id: UUID, name: str) -> bool:
    """Whether the project has a dataset of this name, outside the trash; letters count alike, large or small."""
    return bool(await session.fetch_value(_NAMED, project_id, name))
