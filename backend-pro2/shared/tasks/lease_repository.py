"""SQL of the worker's side: leases by the database's clock, fenced by worker and number of the claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

from .records import Task, TaskError, TaskStatus

# Two candidates, each found by its own partial index, instead of one OR that would sort the whole queue.
_CLAIM = """
WITH queued AS (
    SELECT id, priority, created_at
    FROM analysis_tasks
    WHERE queue = $1 AND status = 'queued' AND waiting_for = 0 AND kind = ANY($2)
      AND (not_before IS NULL OR not_before <= clock_timestamp())
    ORDER BY priority DESC, created_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), expired AS (
    SELECT id, priority, created_at
    FROM analysis_tasks
    WHERE queue = $1 AND status = 'running' AND lease_until < clock_timestamp() AND attempts < max_attempts
      AND NOT cancel_requested AND kind = ANY($2)
    ORDER BY lease_until
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), best AS (
    SELECT id
    FROM (
        SELECT id, priority, created_at FROM queued
        UNION ALL
        SELECT id, priority, created_at FROM expired
    ) AS candidates
    ORDER BY priority DESC, created_at
    LIMIT 1
)
UPDATE analysis_tasks
SET status = 'running', attempts = attempts + 1, claims = claims + 1, worker = $3,
    lease_until = clock_timestamp() + make_interval(secs => $4),
    started_at = coalesce(started_at, clock_timestamp()),
    progress_done = 0, progress_total = 0, progress_message = ''
WHERE id = (SELECT id FROM best)
RETURNING id
"""

_HEARTBEAT = """
UPDATE analysis_tasks
SET lease_until = clock_timestamp() + make_interval(secs => $4)
WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
RETURNING cancel_requested
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

_FINISH = """
UPDATE analysis_tasks
SET status = $4, finished_at = clock_timestamp(), lease_until = NULL, error_code = $5, error_detail = $6,
    progress_done = CASE WHEN $4 = 'succeeded' THEN progress_total ELSE progress_done END,
    progress_message = CASE WHEN $4 = 'succeeded' THEN 'Done' ELSE progress_message END
WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
"""

_RELEASE = """
UPDATE analysis_tasks
SET status = 'queued', attempts = attempts - $4, worker = NULL, lease_until = NULL
WHERE id = $1 AND worker = $2 AND claims = $3 AND status = 'running'
"""

_EXPIRE = """
UPDATE analysis_tasks
SET lease_until = clock_timestamp()
WHERE worker = $1 AND status = 'running' AND queue = $2 AND lease_until > clock_timestamp()
"""

_HOLDERS = """
SELECT DISTINCT worker FROM analysis_tasks WHERE status = 'running' AND queue = $1 AND worker IS NOT NULL
"""

_DOOMED = """
SELECT id, worker, claims
FROM analysis_tasks
WHERE queue = $1 AND status = 'running' AND lease_until < clock_timestamp() AND kind = ANY($2)
  AND (attempts >= max_attempts OR cancel_requested)
ORDER BY lease_until
LIMIT 1
FOR UPDATE SKIP LOCKED
"""

_UNSETTLED = """
UPDATE analysis_tasks
SET lease_until = NULL
WHERE id = (
    SELECT id FROM analysis_tasks
    WHERE queue = $1 AND status IN ('failed', 'cancelled') AND lease_until IS NOT NULL AND kind = ANY($2)
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """What entitles a run to write: the task, the worker that claimed it, and the number of the claim."""

    id: UUID
    worker: str | None
    claims: int

    @classmethod
    def of(cls, task: Task) -> "Hold":
        """The hold that claiming `task` gave."""
        return cls(task.id, task.worker, task.claims)


async def claim(session: Session, queue: str, kinds: Sequence[str], worker: str, lease_seconds: float) -> UUID | None:
    """Take the most important claimable task of the queue; the attempt counts from here on."""
    found: UUID | None = await session.fetch_value(_CLAIM, queue, list(kinds), worker, lease_seconds)
    return found


async def heartbeat(session: Session, hold: Hold, lease_seconds: float) -> bool | None:
    """Extend the lease; whether cancellation was requested, None if the task is no longer ours."""
    wanted: bool | None = await session.fetch_value(_HEARTBEAT, hold.id, hold.worker, hold.claims, lease_seconds)
    return wanted


async def lock(session: Session, hold: Hold) -> bool:
    """Keep everybody else off the row until the transaction ends; False if it is no longer ours."""
    return bool(await session.fetch_value(_HOLD, hold.id, hold.worker, hold.claims))


async def set_progress(session: Session, hold: Hold, done: int, total: int, message: str) -> bool:
    """Note how far the run is; False if the task is no longer ours."""
    return bool(await session.execute(_PROGRESS, hold.id, hold.worker, hold.claims, done, total, message))


async def finish(session: Session, hold: Hold, status: TaskStatus, error: TaskError | None) -> bool:
    """End the task; False if it is no longer ours."""
    code, detail = (error.code, error.detail) if error else (None, None)
    return bool(await session.execute(_FINISH, hold.id, hold.worker, hold.claims, status, code, detail))


async def release(session: Session, hold: Hold, *, counted: bool) -> bool:
    """Put the task back into the queue; unless `counted`, as if this attempt had not been."""
    return bool(await session.execute(_RELEASE, hold.id, hold.worker, hold.claims, 0 if counted else 1))


async def expire(session: Session, worker: str, queue: str) -> int:
    """End the leases of a worker known to be dead."""
    return await session.execute(_EXPIRE, worker, queue)


async def holders(session: Session, queue: str) -> list[str]:
    """Workers that hold leases on the queue's tasks."""
    found = await session.fetch_all(_Holder, _HOLDERS, queue)
    return [row.worker for row in found]


async def doomed(session: Session, queue: str, kinds: Sequence[str]) -> Hold | None:
    """Lock a task whose lease ran out and that must not run again."""
    return await session.fetch_one(Hold, _DOOMED, queue, list(kinds))


async def settle_one(session: Session, queue: str, kinds: Sequence[str]) -> UUID | None:
    """Take one task that was cancelled while queued, to do what its kind does after that; None when there is none."""
    found: UUID | None = await session.fetch_value(_UNSETTLED, queue, list(kinds))
    return found


@dataclass(frozen=True, slots=True)
class _Holder:
    worker: str
