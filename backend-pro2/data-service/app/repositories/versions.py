"""Rows of `dataset_versions`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

# What stands behind the ? of a URL may be the key to it: members see where a file came from, only its task sees that.
SHOWN_OPERATION = """
CASE WHEN v.operation ? 'url'
     THEN jsonb_set(v.operation, '{url}', to_jsonb(split_part(v.operation ->> 'url', '?', 1)))
     ELSE v.operation END AS operation
"""

_SHOWN = f"""
SELECT v.dataset_id, v.version, v.status, v.filename, v.raw_bytes, v.raw_sha256, v.parquet_key, v.parquet_bytes,
       v.parquet_sha256, v.row_count, v.column_count, v.schema, v.ingest_report, {SHOWN_OPERATION}, v.created_by,
       v.created_at, v.ready_at, v.task_id, v.quality, v.blocked, d.name, d.project_id,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('dataset_id', parent_id, 'version', parent_version)
                                  ORDER BY parent_id, parent_version), '[]'::jsonb)
        FROM version_parents WHERE dataset_id = v.dataset_id AND version = v.version) AS parents
FROM dataset_versions v
JOIN datasets d ON d.id = v.dataset_id AND d.deleted_at IS NULL
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
"""  # noqa: S608 - a piece of our own

_ONE = f"{_SHOWN} WHERE v.dataset_id = $2 AND v.version = $3"

_PAGE = f"""
{_SHOWN}
WHERE v.dataset_id = $2 AND ($3::int IS NULL OR v.version < $3)
ORDER BY v.version DESC
LIMIT $4
"""

_PROFILE = """
SELECT v.profile
FROM dataset_versions v
JOIN datasets d ON d.id = v.dataset_id AND d.deleted_at IS NULL
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
WHERE v.dataset_id = $2 AND v.version = $3
"""

_RAW = """
SELECT v.dataset_id, v.version, v.status, v.filename, v.raw_keys, v.raw_bytes, v.raw_sha256, v.operation
FROM dataset_versions v
WHERE v.dataset_id = $1 AND v.version = $2
"""

_TABLES = """
SELECT d.name, d.status AS dataset_status, d.current_version, v.version, v.status, v.blocked,
       v.parquet_key, v.parquet_sha256, d.id AS dataset_id
FROM datasets d
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
LEFT JOIN dataset_versions v
    ON v.dataset_id = d.id AND (v.version = d.current_version OR v.version = ANY($4::int[]))
WHERE d.project_id = $2 AND d.deleted_at IS NULL AND lower(d.name) = ANY($3::text[])
LIMIT 1000
"""

_INSERT = """
INSERT INTO dataset_versions (dataset_id, version, filename, raw_keys, raw_bytes, raw_sha256, operation, created_by,
                              task_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

_NEXT_NUMBER = "SELECT coalesce(max(version), 0) + 1 FROM dataset_versions WHERE dataset_id = $1"

_ADD_PARENTS = """
INSERT INTO version_parents (dataset_id, version, parent_id, parent_version)
SELECT DISTINCT $1::uuid, $2::int, parent.id, parent.version
FROM unnest($3::uuid[], $4::int[]) AS parent (id, version)
"""

_READY = """
UPDATE dataset_versions
SET status = 'ready', ready_at = now(), parquet_key = $3, parquet_bytes = $4, parquet_sha256 = $5, row_count = $6,
    column_count = $7, schema = $8, profile = $9, ingest_report = $10
WHERE dataset_id = $1 AND version = $2 AND status = 'ingesting'
"""

# Only a version that has no file yet; of two attempts at fetching one, the first to come here has an effect.
_SET_RAW = """
UPDATE dataset_versions SET raw_keys = $3, raw_bytes = $4, raw_sha256 = $5
WHERE dataset_id = $1 AND version = $2 AND status = 'ingesting' AND raw_keys = '{}'
"""

_SET_RAW_SHA256 = """
UPDATE dataset_versions SET raw_sha256 = $3 WHERE dataset_id = $1 AND version = $2 AND raw_sha256 IS NULL
"""

_REOPEN = """
UPDATE dataset_versions SET status = 'ingesting' WHERE dataset_id = $1 AND version = $2 AND status = 'failed'
"""

# A task that is cancelled while it waits has ended before a worker does what its kind does then.
_GIVE_UP = """
UPDATE dataset_versions AS version
SET status = 'failed'
FROM analysis_tasks AS task
WHERE version.dataset_id = $1 AND version.status = 'ingesting' AND task.id = version.task_id
  AND task.status IN ('failed', 'cancelled')
"""

_FAILED = "UPDATE dataset_versions SET status = 'failed' WHERE dataset_id = $1 AND version = $2 AND status <> 'ready'"


@dataclass(frozen=True, slots=True)
class Version:
    """A version as members of its project see it, without its profile; `name` is the dataset's."""

    dataset_id: UUID
    version: int
    status: str
    filename: str | None
    raw_bytes: int
    raw_sha256: str | None
    parquet_key: str | None
    parquet_bytes: int | None
    parquet_sha256: str | None
    row_count: int | None
    column_count: int | None
    schema: list[dict[str, Any]] | None
    ingest_report: dict[str, Any] | None
    operation: dict[str, Any]
    created_by: UUID | None
    created_at: datetime
    ready_at: datetime | None
    task_id: UUID | None
    quality: str | None
    blocked: bool
    name: str
    project_id: UUID
    parents: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RawFile:
    """What an ingest starts from."""

    dataset_id: UUID
    version: int
    status: str
    filename: str | None
    raw_keys: list[str]
    raw_bytes: int
    raw_sha256: str | None
    operation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that its task has yet to fill; one that is computed has no file."""

    dataset_id: UUID
    version: int
    operation: dict[str, Any]
    created_by: UUID
    task_id: UUID
    filename: str | None = None
    raw_keys: Sequence[str] = ()
    raw_bytes: int = 0
    raw_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """A version that another was made from."""

    dataset_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Content:
    """What an ingest finds out, and where it put the Parquet file."""

    parquet_key: str
    parquet_bytes: int
    parquet_sha256: str
    row_count: int
    schema: list[dict[str, Any]]
    profile: dict[str, Any]
    ingest_report: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A version that a query may name; without one, the dataset has no such version."""

    name: str
    dataset_status: str
    current_version: int | None
    version: int | None
    status: str | None
    blocked: bool | None
    parquet_key: str | None
    parquet_sha256: str | None
    dataset_id: UUID


async def visible(session: Session, dataset_id: UUID, version: int, user_id: UUID) -> Version | None:
    """The version, if the user is a member of its project."""
    return await session.fetch_one(Version, _ONE, user_id, dataset_id, version)


async def page(session: Session, dataset_id: UUID, user_id: UUID, *, below: int | None, limit: int) -> list[Version]:
    """Versions of the dataset, newest first, older than `below`."""
    return await session.fetch_all(Version, _PAGE, user_id, dataset_id, below, limit)


async def profile(session: Session, dataset_id: UUID, version: int, user_id: UUID) -> dict[str, Any] | None:
    """The profile of the version, if the user is a member of its project."""
    found: dict[str, Any] | None = await session.fetch_value(_PROFILE, user_id, dataset_id, version)
    return found


async def tables(
    session: Session, project_id: UUID, user_id: UUID, names: Sequence[str], versions: Sequence[int]
) -> list[TableVersion]:
    """Of the datasets with these `names` (in lower case): the current version, and those numbered in `versions`."""
    return await session.fetch_all(TableVersion, _TABLES, user_id, project_id, list(names), list(versions))


async def raw_file(session: Session, dataset_id: UUID, version: int) -> RawFile | None:
    """What to ingest; for workers, who act for the task's creator."""
    return await session.fetch_one(RawFile, _RAW, dataset_id, version)


async def insert(session: Session, new: NewVersion) -> None:
    """Add a version; what it comes from is stored.

    Raises:
        UniqueViolation: another version of the dataset is not finished yet; the transaction is over.
    """
    file = (new.filename, list(new.raw_keys), new.raw_bytes, new.raw_sha256)
    figures = (*file, new.operation, new.created_by, new.task_id)
    await session.execute(_INSERT, new.dataset_id, new.version, *figures)


async def next_number(session: Session, dataset_id: UUID) -> int:
    """The number of the next version of the dataset, which the caller holds."""
    number: int = await session.fetch_value(_NEXT_NUMBER, dataset_id)
    return number


async def give_up(session: Session, dataset_id: UUID) -> None:
    """Let no version stand in the way whose task has ended without it; the caller has locked the dataset."""
    await session.execute(_GIVE_UP, dataset_id)


async def add_parents(session: Session, dataset_id: UUID, version: int, parents: Sequence[Parent]) -> None:
    """Note what the version is made from."""
    ids, numbers = [parent.dataset_id for parent in parents], [parent.version for parent in parents]
    await session.execute(_ADD_PARENTS, dataset_id, version, ids, numbers)


async def mark_ready(session: Session, dataset_id: UUID, version: int, content: Content) -> bool:
    """Add the content; False when the version is no longer there to be filled."""
    figures = (content.parquet_key, content.parquet_bytes, content.parquet_sha256, content.row_count)
    found = (len(content.schema), content.schema, content.profile, content.ingest_report)
    return await session.execute(_READY, dataset_id, version, *figures, *found) == 1


async def set_raw(
    session: Session, dataset_id: UUID, version: int, keys: Sequence[str], size: int, sha256: str
) -> bool:
    """Note the file of a version whose task fetched it; False when it has one already, or has gone."""
    return await session.execute(_SET_RAW, dataset_id, version, list(keys), size, sha256) == 1


async def set_raw_sha256(session: Session, dataset_id: UUID, version: int, sha256: str) -> None:
    """Note the hash of a file that came in parts."""
    await session.execute(_SET_RAW_SHA256, dataset_id, version, sha256)


async def reopen(session: Session, dataset_id: UUID, version: int) -> None:
    """Let a failed version be filled after all, as `insert` does; the caller has locked the dataset."""
    await session.execute(_REOPEN, dataset_id, version)


async def mark_failed(session: Session, dataset_id: UUID, version: int) -> None:
    """Note that the version will never be ready."""
    await session.execute(_FAILED, dataset_id, version)
