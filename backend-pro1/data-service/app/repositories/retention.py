"""What a dataset's retention keeps: its setting, and the versions that have outlived it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

from .stored import Stored

_READ = """
SELECT d.keep_versions, d.keep_days FROM datasets d
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
WHERE d.id = $2 AND d.deleted_at IS NULL
"""

_SET = "UPDATE datasets SET keep_versions = $2, keep_days = $3, updated_at = now() WHERE id = $1"

_DATASETS = """
SELECT id FROM datasets
WHERE deleted_at IS NULL AND (keep_versions IS NOT NULL OR keep_days IS NOT NULL)
  AND ($1::uuid IS NULL OR project_id = $1) AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""

# A version stays while one of the two keeps it, while it is the current one, and while work that is not finished
# reads it: a task that names it, or a version that is being made of it.
_DUE = """
SELECT v.version, v.raw_keys, v.raw_bytes, v.parquet_key, v.parquet_bytes
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id
WHERE d.id = $1 AND v.status IN ('ready', 'failed') AND v.version IS DISTINCT FROM d.current_version
  AND (d.keep_versions IS NOT NULL OR d.keep_days IS NOT NULL)
  AND (d.keep_versions IS NULL OR d.keep_versions <= (
          SELECT count(*) FROM dataset_versions newer
          WHERE newer.dataset_id = d.id AND newer.status = 'ready' AND newer.version > v.version))
  AND (d.keep_days IS NULL OR coalesce(v.ready_at, v.created_at) < now() - d.keep_days * interval '1 day')
  AND NOT EXISTS (
          SELECT 1 FROM analysis_tasks t
          WHERE t.dataset_id = d.id AND t.version = v.version AND t.status IN ('queued', 'running'))
  AND NOT EXISTS (
          SELECT 1 FROM version_parents p
          JOIN dataset_versions child ON child.dataset_id = p.dataset_id AND child.version = p.version
          WHERE p.parent_id = d.id AND p.parent_version = v.version AND child.status = 'ingesting')
ORDER BY v.version
LIMIT $2
FOR UPDATE OF v
"""

_EXPIRE = """
UPDATE dataset_versions
SET status = 'expired', raw_keys = '{}', parquet_key = NULL, profile = NULL
WHERE dataset_id = $1 AND version = ANY($2::int[])
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How many versions, and for how many days, at least; None sets no such condition."""

    keep_versions: int | None
    keep_days: int | None


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


async def read(session: Session, dataset_id: UUID, user_id: UUID) -> Retention | None:
    """The dataset's setting, if the user is a member of its project."""
    return await session.fetch_one(Retention, _READ, user_id, dataset_id)


async def put(session: Session, dataset_id: UUID, setting: Retention) -> None:
    """Replace the setting; the caller has locked the dataset."""
    await session.execute(_SET, dataset_id, setting.keep_versions, setting.keep_days)


async def datasets(session: Session, project_id: UUID | None, after: UUID | None, limit: int) -> list[UUID]:
    """Datasets that have a retention, of one project or of all, with ids beyond `after`."""
    return [row.id for row in await session.fetch_all(_Id, _DATASETS, project_id, after, limit)]


async def due(session: Session, dataset_id: UUID, limit: int) -> list[Stored]:
    """Versions whose time is over, held until the transaction ends; the caller has locked the dataset."""
    return await session.fetch_all(Stored, _DUE, dataset_id, limit)


async def expire(session: Session, dataset_id: UUID, numbers: Sequence[int]) -> None:
    """Take these versions' content from their rows."""
    await session.execute(_EXPIRE, dataset_id, list(numbers))
