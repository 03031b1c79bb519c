"""Schedules, as members of their projects see and change them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict

_SHOWN = """
SELECT s.id, s.project_id, s.name, s.cron, s.timezone, s.action, s.catch_up, s.paused, s.paused_reason,
       s.next_run_at, s.last_run_at, s.created_by, s.created_at, s.updated_at
FROM schedules s
JOIN project_members m ON m.project_id = s.project_id AND m.user_id = $1
"""

_ONE = f"{_SHOWN} WHERE s.id = $2"

_PAGE = f"""
{_SHOWN}
WHERE ($2::uuid IS NULL OR s.project_id = $2) AND ($3::uuid IS NULL OR s.id < $3)
ORDER BY s.id DESC
LIMIT $4
"""

# Until the transaction ends, so that two who count come in turn.
_LOCK_COUNT = "SELECT pg_advisory_xact_lock(hashtextextended('schedules ' || $1::text, 0))::text"

_COUNT = "SELECT count(*) FROM schedules WHERE project_id = $1"

_LOCK = "SELECT true FROM schedules WHERE id = $1 FOR NO KEY UPDATE"

_LOCK_TASKS = """
SELECT count(*) FROM (
    SELECT id FROM analysis_tasks WHERE schedule_id = $1 AND status IN ('queued', 'running') FOR UPDATE
) AS held
"""

_NOW = "SELECT clock_timestamp()"

_INSERT = """
INSERT INTO schedules (id, project_id, created_by, name, cron, timezone, action, catch_up, paused, next_run_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

_UPDATE = """
UPDATE schedules
SET created_by = $2, name = $3, cron = $4, timezone = $5, action = $6, catch_up = $7, paused = $8, next_run_at = $9,
    paused_reason = CASE WHEN $8 THEN paused_reason END, updated_at = clock_timestamp()
WHERE id = $1
"""

_PIPELINE = """
SELECT p.version
FROM pipelines p
JOIN pipeline_versions v ON v.pipeline_id = p.id AND v.version = coalesce($3, p.version)
WHERE p.project_id = $1 AND p.id = $2
"""

_DATASET = "SELECT true FROM datasets WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL"

_IS_ACTIVE = "SELECT is_active FROM users WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as members of its project see it."""

    id: UUID
    project_id: UUID
    name: str
    cron: str
    timezone: str
    action: dict[str, Any]
    catch_up: str
    paused: bool
    paused_reason: str | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """What people write of a schedule."""

    created_by: UUID | None
    name: str
    cron: str
    timezone: str
    action: dict[str, Any]
    catch_up: str
    paused: bool
    next_run_at: datetime | None


async def visible(session: Session, schedule_id: UUID, user_id: UUID) -> Schedule | None:
    """The schedule, if the user is a member of its project."""
    return await session.fetch_one(Schedule, _ONE, user_id, schedule_id)


async def page(
    session: Session, user_id: UUID, *, project_id: UUID | None, before: UUID | None, limit: int
) -> list[Schedule]:
    """Schedules of the user's projects, newest first, older than `before`."""
    return await session.fetch_all(Schedule, _PAGE, user_id, project_id, before, limit)


async def count(session: Session, project_id: UUID) -> int:
    """How many the project has; until the transaction ends, nobody else counts them."""
    await session.execute(_LOCK_COUNT, str(project_id))
    found: int = await session.fetch_value(_COUNT, project_id)
    return found


async def now(session: Session) -> datetime:
    """The database's clock, by which all workers go."""
    found: datetime = await session.fetch_value(_NOW)
    return found


async def lock(session: Session, schedule_id: UUID) -> bool:
    """Keep others from it, and its runs from beginning; False if it has gone."""
    return bool(await session.fetch_value(_LOCK, schedule_id))


async def insert(session: Session, schedule_id: UUID, project_id: UUID, state: ScheduleState) -> None:
    """Add a schedule.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    who, rest = (schedule_id, project_id, state.created_by), (state.catch_up, state.paused, state.next_run_at)
    try:
        await session.execute(_INSERT, *who, state.name, state.cron, state.timezone, state.action, *rest)
    except UniqueViolation as error:
        raise _name_taken(state.name) from error


async def update(session: Session, schedule_id: UUID, state: ScheduleState) -> None:
    """Write what people may change; the caller has locked it.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    content = (state.created_by, state.name, state.cron, state.timezone, state.action)
    try:
        await session.execute(_UPDATE, schedule_id, *content, state.catch_up, state.paused, state.next_run_at)
    except UniqueViolation as error:
        raise _name_taken(state.name) from error


async def delete(session: Session, schedule_id: UUID) -> None:
    """Remove it with its history; its tasks stay. The caller has locked it."""
    # First, since a run that commits holds its task and may then ask for the schedule, for a further task of it.
    await session.execute(_LOCK_TASKS, schedule_id)
    await session.execute("DELETE FROM schedules WHERE id = $1", schedule_id)


async def pipeline_exists(session: Session, project_id: UUID, pipeline_id: UUID, version: int | None) -> bool:
    """Whether the project has the pipeline, in that version. The tables belong to the data service."""
    return await session.fetch_value(_PIPELINE, project_id, pipeline_id, version) is not None


async def dataset_exists(session: Session, project_id: UUID, dataset_id: UUID) -> bool:
    """Whether the project has the dataset, outside the trash."""
    return bool(await session.fetch_value(_DATASET, project_id, dataset_id))


async def is_active(session: Session, user_id: UUID) -> bool:
    """Whether the user may log in."""
    return bool(await session.fetch_value(_IS_ACTIVE, user_id))


def _name_taken(name: str) -> Conflict:
    return Conflict(f"The project already has a schedule '{name}'. Choose another name.", code="name_taken")
