"""Datasets that can be used, as those outside are told of them."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

_USABLE = """
SELECT d.project_id, d.name, d.current_version AS version, v.row_count AS rows, v.column_count AS columns, v.task_id
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = d.current_version
WHERE d.id = $1 AND d.deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Usable:
    """A dataset by its current version; no task made what a rollback shares."""

    project_id: UUID
    name: str
    version: int
    rows: int | None
    columns: int | None
    task_id: UUID | None


async def usable(session: Session, dataset_id: UUID) -> Usable | None:
    """The dataset, unless it lies in the trash or has no version that can be used."""
    return await session.fetch_one(Usable, _USABLE, dataset_id)
