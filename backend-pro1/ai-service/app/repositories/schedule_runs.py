"""What is due, and what came of it: the side of schedules that workers use, and the history that it leaves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

KEPT_RUNS = 1000
KEPT_DAYS = 90

_RUNS = """
SELECT r.schedule_id, r.due_at, r.at, r.outcome, r.task_id, t.status AS task_status, r.error_code, r.error_detail
FROM schedule_runs r
JOIN schedules s ON s.id = r.schedule_id
JOIN project_members m ON m.project_id = s.project_id AND m.user_id = $1
LEFT JOIN analysis_tasks t ON t.id = r.task_id
WHERE r.schedule_id = $2 AND ($3::timestamptz IS NULL OR r.due_at < $3)
ORDER BY r.due_at DESC
LIMIT $4
"""

_SOON = """
SELECT id, extract(epoch FROM next_run_at - clock_timestamp())::float8 AS seconds
FROM schedules
WHERE NOT paused AND next_run_at <= clock_timestamp() + make_interval(secs => $1)
ORDER BY next_run_at
LIMIT $2
"""

# Of two workers that see the same one due, the second skips it, or finds it moved on once it has the row. NO KEY, since
# a task that is just being submitted on its behalf refers to it and holds the project, for which this one will ask.
_CLAIM = """
SELECT id, project_id, cron, timezone, action, catch_up, next_run_at AS due_at, created_by, clock_timestamp() AS now
FROM schedules
WHERE id = $1 AND NOT paused AND next_run_at <= clock_timestamp()
FOR NO KEY UPDATE SKIP LOCKED
"""

_ADVANCE = """
UPDATE schedules
SET next_run_at = CASE WHEN $4::text IS NULL THEN $2::timestamptz END, last_run_at = coalesce($3, last_run_at),
    paused = $4 IS NOT NULL, paused_reason = $4
WHERE id = $1
"""

_INSERT_RUN = """
INSERT INTO schedule_runs (schedule_id, due_at, outcome, task_id, error_code, error_detail, at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
ON CONFLICT DO NOTHING
"""

_IS_NOTED = "SELECT EXISTS (SELECT 1 FROM schedule_runs WHERE schedule_id = $1 AND due_at = $2)"

_TRIM = """
DELETE FROM schedule_runs
WHERE schedule_id = $1
  AND (due_at < now() - make_interval(days => $2)
       OR due_at <= (SELECT due_at FROM schedule_runs WHERE schedule_id = $1 ORDER BY due_at DESC OFFSET $3 LIMIT 1))
"""

# Its tasks, also those that its tasks have submitted; older ones than these have ended long ago.
_STILL_RUNNING = """
SELECT coalesce(bool_or(status IN ('queued', 'running')), false)
FROM (SELECT status FROM analysis_tasks WHERE schedule_id = $1 ORDER BY id DESC LIMIT 200) AS latest
"""

_OUTCOMES = """
SELECT outcome, error_code
FROM schedule_runs
WHERE schedule_id = $1 AND outcome <> 'skipped'
ORDER BY due_at DESC
LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose time has come, held until the transaction ends; `now` is the database's."""

    id: UUID
    project_id: UUID
    cron: str
    timezone: str
    action: dict[str, Any]
    catch_up: str
    due_at: datetime
    created_by: UUID | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Soon:
    """A schedule that is due in `seconds`, or has been for as long if they are negative."""

    id: UUID
    seconds: float


@dataclass(frozen=True, slots=True)
class NewRun:
    """What came of a time at which the schedule was due."""

    schedule_id: UUID
    due_at: datetime
    outcome: str
    task_id: UUID | None = None
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True, slots=True)
class RunError:
    """Why nothing was submitted."""

    code: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class ScheduleRun(NewRun):
    """The same with when that was seen, and where its task stands."""

    at: datetime | None = None
    task_status: str | None = None

    @property
    def error(self) -> RunError | None:
        """Why nothing was submitted; None if something was."""
        return None if self.error_code is None else RunError(self.error_code, self.error_detail)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run began."""

    outcome: str
    error_code: str | None


async def page(
    session: Session, schedule_id: UUID, user_id: UUID, *, before: datetime | None, limit: int
) -> list[ScheduleRun]:
    """Its history, latest first, due earlier than `before`."""
    return await session.fetch_all(ScheduleRun, _RUNS, user_id, schedule_id, before, limit)


async def soon(session: Session, seconds: float, limit: int) -> list[Soon]:
    """What is due within `seconds`, the most urgent first. For workers, whom no member asks."""
    return await session.fetch_all(Soon, _SOON, seconds, limit)


async def claim(session: Session, schedule_id: UUID) -> DueSchedule | None:
    """Hold the schedule if it is due and nobody else holds it."""
    return await session.fetch_one(DueSchedule, _CLAIM, schedule_id)


async def advance(
    session: Session, schedule_id: UUID, next_run_at: datetime | None, ran_at: datetime | None, reason: str | None
) -> None:
    """Set its next time, and that of its last run where there was one; or pause it for a reason."""
    await session.execute(_ADVANCE, schedule_id, next_run_at, ran_at, reason)


async def is_noted(session: Session, schedule_id: UUID, due_at: datetime) -> bool:
    """Whether that time is in its history; the caller holds the schedule, so that it stays true."""
    return bool(await session.fetch_value(_IS_NOTED, schedule_id, due_at))


async def add(session: Session, run: NewRun) -> None:
    """Add to its history, unless that time is in it."""
    error = (run.error_code, run.error_detail)
    await session.execute(_INSERT_RUN, run.schedule_id, run.due_at, run.outcome, run.task_id, *error)


async def trim(session: Session, schedule_id: UUID) -> None:
    """Forget what is older than 90 days, and all but the last 1000."""
    await session.execute(_TRIM, schedule_id, KEPT_DAYS, KEPT_RUNS)


async def still_running(session: Session, schedule_id: UUID) -> bool:
    """Whether a task of an earlier run has not ended."""
    found: bool = await session.fetch_value(_STILL_RUNNING, schedule_id)
    return found


async def outcomes(session: Session, schedule_id: UUID, limit: int) -> list[Outcome]:
    """How its last runs began, latest first, without what was skipped."""
    return await session.fetch_all(Outcome, _OUTCOMES, schedule_id, limit)
