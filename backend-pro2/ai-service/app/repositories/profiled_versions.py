"""Current versions of datasets with their profiles and notes. The tables belong to the data service."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session

_READ = """
SELECT d.id AS dataset_id, d.name, v.version, v.row_count, v.parquet_key, v.parquet_sha256, v.schema, v.profile,
       d.column_notes AS notes
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = d.current_version
WHERE d.project_id = $1 AND d.id = ANY ($2::uuid[]) AND d.deleted_at IS NULL
  AND v.status = 'ready' AND NOT v.blocked
ORDER BY array_position($2::uuid[], d.id)
"""

_READ_ONE = """
SELECT d.id AS dataset_id, d.name, v.version, v.row_count, v.parquet_key, v.parquet_sha256, v.schema, v.profile,
       d.column_notes AS notes
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = coalesce($3, d.current_version)
WHERE d.project_id = $1 AND d.id = $2 AND d.deleted_at IS NULL
"""

_NEWEST = """
SELECT array(
    SELECT id FROM datasets
    WHERE project_id = $1 AND ($2::uuid IS NULL OR id = $2) AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT $3
)
"""


@dataclass(frozen=True, slots=True)
class ProfiledVersion:
    """What is known of a version of a dataset, mostly its current one; `notes` are by column."""

    dataset_id: UUID
    name: str
    version: int
    row_count: int | None
    parquet_key: str | None
    parquet_sha256: str | None
    schema: list[dict[str, Any]] | None
    profile: dict[str, Any] | None
    notes: dict[str, dict[str, Any]]


async def read_profiled(session: Session, project_id: UUID, dataset_ids: Sequence[UUID]) -> list[ProfiledVersion]:
    """Those of these datasets of the project whose current version can be used, in this order."""
    return await session.fetch_all(ProfiledVersion, _READ, project_id, list(dataset_ids))


async def read_profiled_version(
    session: Session, project_id: UUID, dataset_id: UUID, version: int | None
) -> ProfiledVersion | None:
    """This version of a dataset of the project, or its current one, whether or not its content can be used."""
    return await session.fetch_one(ProfiledVersion, _READ_ONE, project_id, dataset_id, version)


async def newest_datasets(session: Session, project_id: UUID, dataset_id: UUID | None, limit: int) -> list[UUID]:
    """Ids of the project's newest datasets, or of the one asked for if the project has it."""
    return list(await session.fetch_value(_NEWEST, project_id, dataset_id, limit))
