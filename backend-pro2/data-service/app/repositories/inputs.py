"""Versions that a computation reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

# The caller has seen that the user belongs to the project, or works off a task of it.
_FIND = """
SELECT d.id AS dataset_id, d.name, d.status AS dataset_status, d.current_version, wanted.version AS wanted_version,
       v.version, v.status, v.blocked, v.parquet_key, v.parquet_sha256, v.parquet_bytes
FROM unnest($2::uuid[], $3::int[]) AS wanted (dataset_id, version)
JOIN datasets d ON d.id = wanted.dataset_id AND d.project_id = $1 AND d.deleted_at IS NULL
LEFT JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = coalesce(wanted.version, d.current_version)
LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset that was asked for, and the version of it: the current one where none was named; None if not there."""

    dataset_id: UUID
    name: str
    dataset_status: str
    current_version: int | None
    wanted_version: int | None
    version: int | None
    status: str | None
    blocked: bool | None
    parquet_key: str | None
    parquet_sha256: str | None
    parquet_bytes: int | None


async def find(session: Session, project_id: UUID, wanted: Sequence[tuple[UUID, int | None]]) -> list[Input]:
    """Those of the datasets that are in the project, trash apart; for each `(dataset, version)` one."""
    ids, numbers = [dataset_id for dataset_id, _ in wanted], [number for _, number in wanted]
    return await session.fetch_all(Input, _FIND, project_id, ids, numbers)
