"""Rows of `pipelines` and `pipeline_versions`, and the tasks that ran them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict
from shared.tasks import Task

_SHOWN = """
SELECT p.id, p.project_id, p.name, p.description, p.version, v.steps, p.created_by, p.created_at, p.updated_at
FROM pipelines p
JOIN project_members m ON m.project_id = p.project_id AND m.user_id = $1
JOIN pipeline_versions v ON v.pipeline_id = p.id AND v.version = p.version
"""

_ONE = f"{_SHOWN} WHERE p.id = $2"

_PAGE = f"""
{_SHOWN}
WHERE ($2::uuid IS NULL OR p.project_id = $2) AND ($3::uuid IS NULL OR p.id < $3)
ORDER BY p.id DESC
LIMIT $4
"""

_COUNT = "SELECT count(*) FROM pipelines WHERE project_id = $1"

# As they are stored, so that none of them has to be unpacked.
_STORED_BYTES = """
SELECT coalesce(sum(pg_column_size(v.steps)), 0)::bigint
FROM pipelines p
JOIN pipeline_versions v ON v.pipeline_id = p.id
WHERE p.project_id = $1
"""

_LOCK = "SELECT id FROM pipelines WHERE id = $1 FOR UPDATE"

_INSERT = """
INSERT INTO pipelines (id, project_id, name, description, version, created_by) VALUES ($1, $2, $3, $4, 1, $5)
"""

_UPDATE = "UPDATE pipelines SET name = $2, description = $3, version = $4, updated_at = now() WHERE id = $1"

_INSERT_VERSION = """
INSERT INTO pipeline_versions (pipeline_id, version, steps, created_by) VALUES ($1, $2, $3, $4)
"""

_VERSION = """
SELECT v.pipeline_id, v.version, v.steps, v.created_by, v.created_at
FROM pipeline_versions v
JOIN pipelines p ON p.id = v.pipeline_id
JOIN project_members m ON m.project_id = p.project_id AND m.user_id = $1
WHERE v.pipeline_id = $2 AND v.version = $3
"""

_VERSIONS = """
SELECT v.pipeline_id, v.version, v.steps, v.created_by, v.created_at
FROM pipeline_versions v
JOIN pipelines p ON p.id = v.pipeline_id
JOIN project_members m ON m.project_id = p.project_id AND m.user_id = $1
WHERE v.pipeline_id = $2 AND ($3::int IS NULL OR v.version < $3)
ORDER BY v.version DESC
LIMIT $4
"""

# `params ? …` is what the index is made for.
_RUNS = """
SELECT t.id, t.kind, t.queue, t.status, t.priority, t.project_id, t.dataset_id, t.version, t.params, t.attempts,
       t.max_attempts, t.claims, t.waiting_for, t.not_before, t.deadline, t.worker, t.lease_until, t.cancel_requested,
       t.progress_done, t.progress_total, t.progress_message, t.error_code, t.error_detail, t.request_id, t.schedule_id,
       t.created_by, t.created_at, t.started_at, t.finished_at
FROM analysis_tasks t
JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
WHERE t.params ? 'pipeline_id' AND t.params ->> 'pipeline_id' = $2 AND ($3::uuid IS NULL OR t.id < $3)
ORDER BY t.id DESC
LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline as members of its project see it, with the steps of its newest version."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    version: int
    steps: list[dict[str, Any]]
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PipelineVersion:
    """One state of a pipeline's steps."""

    pipeline_id: UUID
    version: int
    steps: list[dict[str, Any]]
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PipelineState:
    """What is written of a pipeline."""

    id: UUID
    name: str
    description: str
    version: int
    steps: list[dict[str, Any]]
    created_by: UUID


async def visible(session: Session, pipeline_id: UUID, user_id: UUID) -> Pipeline | None:
    """The pipeline, if the user is a member of its project."""
    return await session.fetch_one(Pipeline, _ONE, user_id, pipeline_id)


async def page(
    session: Session, user_id: UUID, *, project_id: UUID | None, before: UUID | None, limit: int
) -> list[Pipeline]:
    """Pipelines of the user's projects, newest first, older than `before`."""
    return await session.fetch_all(Pipeline, _PAGE, user_id, project_id, before, limit)


async def count(session: Session, project_id: UUID) -> int:
    """How many the project has."""
    found: int = await session.fetch_value(_COUNT, project_id)
    return found


async def stored_bytes(session: Session, project_id: UUID) -> int:
    """What the steps of all versions of the project's pipelines take in the database."""
    found: int = await session.fetch_value(_STORED_BYTES, project_id)
    return found


async def lock(session: Session, pipeline_id: UUID) -> bool:
    """Keep others from changing it; False if it has gone. The caller has checked the user's role in its project."""
    return await session.fetch_value(_LOCK, pipeline_id) is not None


async def insert(session: Session, project_id: UUID, state: PipelineState) -> None:
    """Add a pipeline with its first version.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(_INSERT, state.id, project_id, state.name, state.description, state.created_by)
    except UniqueViolation as error:
        raise _name_taken(state.name) from error
    await session.execute(_INSERT_VERSION, state.id, state.version, state.steps, state.created_by)


async def replace(session: Session, state: PipelineState) -> None:
    """Add a version and make it the newest; the caller has locked the pipeline.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    try:
        await session.execute(_UPDATE, state.id, state.name, state.description, state.version)
    except UniqueViolation as error:
        raise _name_taken(state.name) from error
    await session.execute(_INSERT_VERSION, state.id, state.version, state.steps, state.created_by)


async def delete(session: Session, pipeline_id: UUID) -> None:
    """Remove the pipeline and its versions; what it has made stays."""
    await session.execute("DELETE FROM pipelines WHERE id = $1", pipeline_id)


async def version(session: Session, pipeline_id: UUID, number: int, user_id: UUID) -> PipelineVersion | None:
    """The version, if the user is a member of the project."""
    return await session.fetch_one(PipelineVersion, _VERSION, user_id, pipeline_id, number)


async def versions(
    session: Session, pipeline_id: UUID, user_id: UUID, *, below: int | None, limit: int
) -> list[PipelineVersion]:
    """Versions of the pipeline, newest first, older than `below`."""
    return await session.fetch_all(PipelineVersion, _VERSIONS, user_id, pipeline_id, below, limit)


async def runs(session: Session, pipeline_id: UUID, user_id: UUID, *, before: UUID | None, limit: int) -> list[Task]:
    """Tasks that ran the pipeline, newest first, older than `before`."""
    return await session.fetch_all(Task, _RUNS, user_id, str(pipeline_id), before, limit)


def _name_taken(name: str) -> Conflict:
    return Conflict(f"The project already has a pipeline '{name}'. Choose another name.", code="name_taken")
