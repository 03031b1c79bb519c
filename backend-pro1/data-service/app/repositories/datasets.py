"""Rows of `datasets`, each with the figures of its current version, or of its latest while none is ready."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict

SHOWN = """
SELECT d.id, d.project_id, d.name, d.description, d.tags, d.status, d.current_version, d.task_id, d.error_code,
       d.error_detail, d.created_by, d.created_at, d.updated_at, d.deleted_at, v.row_count, v.column_count, v.raw_bytes
FROM datasets d
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
LEFT JOIN LATERAL (
    SELECT row_count, column_count, raw_bytes, schema FROM dataset_versions
    WHERE dataset_id = d.id AND (d.current_version IS NULL OR version = d.current_version)
    ORDER BY version DESC LIMIT 1
) v ON true
"""

_ONE = f"{SHOWN} WHERE d.id = $2 AND d.deleted_at IS NULL"

_LOCK = """
SELECT id, project_id, current_version, updated_at FROM datasets WHERE id = $1 AND deleted_at IS NULL FOR UPDATE
"""

_NAMES_LIKE = """
SELECT lower(name) FROM datasets
WHERE project_id = $1 AND deleted_at IS NULL AND starts_with(lower(name), lower($2))
ORDER BY name LIMIT 10000
"""

_NAMES = "SELECT name FROM datasets WHERE project_id = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1000"

_INSERT = """
INSERT INTO datasets (id, project_id, name, description, tags, created_by)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_STARTED = "UPDATE datasets SET task_id = $2, error_code = NULL, error_detail = NULL, updated_at = now() WHERE id = $1"

_UPDATE = """
UPDATE datasets
SET name = coalesce($2, name), description = coalesce($3, description), tags = coalesce($4, tags), updated_at = now()
WHERE id = $1
"""

_REOPEN = """
UPDATE datasets
SET status = CASE WHEN current_version IS NULL THEN 'ingesting' ELSE status END,
    task_id = $2, error_code = NULL, error_detail = NULL, updated_at = now()
WHERE id = $1
"""

_READY = """
UPDATE datasets
SET status = 'ready', current_version = $2, error_code = NULL, error_detail = NULL, updated_at = now()
WHERE id = $1
"""

# A dataset that has a good version stays ready when a later one fails.
_FAILED = """
UPDATE datasets
SET status = CASE WHEN current_version IS NULL THEN 'failed' ELSE status END,
    error_code = $2, error_detail = $3, updated_at = now()
WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as its members see it."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    tags: list[str]
    status: str
    current_version: int | None
    task_id: UUID | None
    error_code: str | None
    error_detail: str | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    row_count: int | None
    column_count: int | None
    raw_bytes: int | None

    @property
    def is_ready(self) -> bool:
        """Whether it has content to look at."""
        return self.current_version is not None


@dataclass(frozen=True, slots=True)
class LockedDataset:
    """A dataset that nobody else can change until the transaction ends."""

    id: UUID
    project_id: UUID
    current_version: int | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewDataset:
    """What an upload makes."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    tags: Sequence[str]
    created_by: UUID


async def visible(session: Session, dataset_id: UUID, user_id: UUID) -> Dataset | None:
    """The dataset, if the user is a member of its project."""
    return await session.fetch_one(Dataset, _ONE, user_id, dataset_id)


async def lock(session: Session, dataset_id: UUID) -> LockedDataset | None:
    """Keep others from changing the dataset; the caller has checked the user's role in its project."""
    return await session.fetch_one(LockedDataset, _LOCK, dataset_id)


async def names_starting_with(session: Session, project_id: UUID, start: str) -> set[str]:
    """Names in the project, in lower case, that begin like `start`."""
    return await _texts(session, _NAMES_LIKE, project_id, start)


async def names(session: Session, project_id: UUID) -> set[str]:
    """The newest thousand names in the project."""
    return await _texts(session, _NAMES, project_id)


async def insert(session: Session, new: NewDataset) -> None:
    """Add a dataset.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(
            _INSERT, new.id, new.project_id, new.name, new.description, list(new.tags), new.created_by
        )
    except UniqueViolation as error:
        raise _name_taken(new.name) from error


async def update(
    session: Session, dataset_id: UUID, *, name: str | None, description: str | None, tags: Sequence[str] | None
) -> None:
    """Change what is not None.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(_UPDATE, dataset_id, name, description, None if tags is None else list(tags))
    except UniqueViolation as error:
        raise _name_taken(name or "") from error


async def mark_started(session: Session, dataset_id: UUID, task_id: UUID) -> None:
    """Note the task that makes its next version."""
    await session.execute(_STARTED, dataset_id, task_id)


async def reopen(session: Session, dataset_id: UUID, task_id: UUID) -> None:
    """Note that the task makes a version after all that it could not make before."""
    await session.execute(_REOPEN, dataset_id, task_id)


async def mark_ready(session: Session, dataset_id: UUID, version: int) -> None:
    """Make `version` the current one, unless that is a newer one."""
    await session.execute(_READY, dataset_id, version)


async def mark_failed(session: Session, dataset_id: UUID, code: str, detail: str) -> None:
    """Note why the latest version could not be made."""
    await session.execute(_FAILED, dataset_id, code, detail)


async def _texts(session: Session, sql: str, *arguments: object) -> set[str]:
    found = await session.fetch_value(f"SELECT array_agg(t.name) FROM ({sql}) AS t (name)", *arguments)  # noqa: S608
    return set(found or ())


def _name_taken(name: str) -> Conflict:
    return Conflict(f"The project already has a dataset '{name}'. Choose another name.", code="name_taken")
