"""SQL of a run: its lease by the database's clock, fenced by worker and number of the claim."""

from dataclasses import dataclass

from shared.database import Session

from .ends import Hold
from .records import Outcome, TaskError
from .statements import COLUMNS, tell

_HEARTBEAT = """
UPDATE analysis_tasks
SET lease_until = clock_timestamp() + make_interval(secs => $4)
WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
RETURNING CASE WHEN cancel_requested THEN 'cancel' WHEN deadline <= clock_timestamp() THEN 'overdue' ELSE 'held' END
"""

_HOLD = """
SELECT true FROM analysis_tasks
WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
FOR UPDATE
"""

_PROGRESS = """
UPDATE analysis_tasks
SET progress_done = $4, progress_total = $5, progress_message = $6
WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
"""

_RELEASE = f"""
WITH released AS (
    UPDATE analysis_tasks
    SET status = 'queued', attempts = attempts - CASE WHEN $4 THEN 0 ELSE 1 END, worker = NULL, lease_until = NULL,
        not_before = CASE WHEN $5::float8 > 0 THEN clock_timestamp() + make_interval(secs => $5) END
    WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
    RETURNING {COLUMNS}
), closed AS (
    UPDATE task_attempts a
    SET ended_at = clock_timestamp(), outcome = $6, counted = $4, error_code = $7, error_detail = $8
    FROM released WHERE a.task_id = released.id AND a.ended_at IS NULL
), told AS ({tell("released")}
)
SELECT true FROM released
"""  # noqa: S608 - names of ours

_EXPIRE = """
UPDATE analysis_tasks
SET lease_until = clock_timestamp()
WHERE worker = $1 AND status = 'running' AND queue = $2 AND lease_until > clock_timestamp()
"""

_HOLDERS = """
SELECT DISTINCT worker FROM analysis_tasks WHERE status = 'running' AND queue = $1 AND worker IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Release:
    """How a run gives its task back: whether it counts, when the next may begin, and why."""

    counted: bool
    delay_seconds: float
    outcome: Outcome
    error: TaskError | None


async def heartbeat(session: Session, hold: Hold, lease_seconds: float) -> str | None:
    """Extend the lease; `held`, `cancel` if that was requested, `overdue`, None if the task is no longer ours."""
    found: str | None = await session.fetch_value(_HEARTBEAT, hold.id, hold.worker, hold.claims, lease_seconds)
    return found


async def lock(session: Session, hold: Hold) -> bool:
    """Keep everybody else off the row until the transaction ends; False if it is no longer ours."""
    return bool(await session.fetch_value(_HOLD, hold.id, hold.worker, hold.claims))


async def set_progress(session: Session, hold: Hold, done: int, total: int, message: str) -> bool:
    """Note how far the run is; False if the task is no longer ours."""
    return bool(await session.execute(_PROGRESS, hold.id, hold.worker, hold.claims, done, total, message))


async def release(session: Session, hold: Hold, how: Release) -> bool:
    """Put the task, whose row is locked, back into the queue; unless counted, as if this attempt had not been."""
    code, detail = (how.error.code, how.error.detail) if how.error else (None, None)
    values = (how.counted, how.delay_seconds, how.outcome, code, detail)
    return bool(await session.fetch_value(_RELEASE, hold.id, hold.worker, hold.claims, *values))


async def expire(session: Session, worker: str, queue: str) -> int:
    """End the leases of a worker known to be dead."""
    return await session.execute(_EXPIRE, worker, queue)


async def holders(session: Session, queue: str) -> list[str]:
    """Workers that hold leases on the queue's tasks."""
    found = await session.fetch_all(_Holder, _HOLDERS, queue)
    return [row.worker for row in found]


@dataclass(frozen=True, slots=True)
class _Holder:
    worker: str
