"""SQL of ends: a run's own, fenced by worker and number of the claim, and those that are due and nobody else writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session

from .records import Outcome, Task, TaskError, TaskStatus
from .statements import COLUMNS, FOLLOWED, tell

_END = f"""
WITH ended AS (
    UPDATE analysis_tasks
    SET status = $4, finished_at = clock_timestamp(), error_code = $5, error_detail = $6,
        lease_until = CASE WHEN $7 THEN clock_timestamp() END,
        cancel_requested = cancel_requested OR $4 = 'cancelled',
        progress_done = CASE WHEN $4 = 'succeeded' THEN progress_total ELSE progress_done END,
        progress_message = CASE WHEN $4 = 'succeeded' THEN 'Done' ELSE progress_message END
    WHERE id = $1 AND worker IS NOT DISTINCT FROM $2 AND claims = $3 AND status IN ('queued', 'running')
    RETURNING {COLUMNS}
), closed AS (
    UPDATE task_attempts a
    SET ended_at = clock_timestamp(), outcome = $8, error_code = $5, error_detail = $6
    FROM ended WHERE a.task_id = ended.id AND a.ended_at IS NULL
), result AS (
    INSERT INTO task_events (task_id, sequence, event, data)
    SELECT id, coalesce((SELECT max(e.sequence) FROM task_events e WHERE e.task_id = ended.id), 0) + 1, 'result', $9
    FROM ended WHERE $9::jsonb IS NOT NULL
), told AS ({tell("ended", after="($9::jsonb IS NOT NULL)::int")}
)
SELECT {COLUMNS}, {FOLLOWED}
FROM ended
"""  # noqa: S608 - names of ours

_DOOMED = """
SELECT id, worker, claims, kind, cancel_requested, coalesce(deadline <= clock_timestamp(), false) AS is_overdue
FROM analysis_tasks
WHERE queue = $1 AND status = 'running' AND lease_until < clock_timestamp() AND kind = ANY($2)
  AND (attempts >= max_attempts OR cancel_requested OR deadline <= clock_timestamp())
ORDER BY lease_until
LIMIT 1
FOR UPDATE SKIP LOCKED
"""

_OVERDUE = """
SELECT id, worker, claims, kind, cancel_requested, true AS is_overdue
FROM analysis_tasks
WHERE queue = $1 AND status = 'queued' AND deadline <= clock_timestamp() AND kind = ANY($2)
ORDER BY deadline
LIMIT 1
FOR UPDATE SKIP LOCKED
"""

_SETTLE = f"""
UPDATE analysis_tasks
SET lease_until = NULL
WHERE id = (
    SELECT id FROM analysis_tasks
    WHERE queue = $1 AND status IN ('failed', 'cancelled') AND lease_until IS NOT NULL AND kind = ANY($2)
      AND id <> ALL($3::uuid[])
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING {COLUMNS}
"""  # noqa: S608 - names of ours


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


@dataclass(frozen=True, slots=True)
class DueHold(Hold):
    """A locked task that must end without another run."""

    kind: str
    cancel_requested: bool
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class End:
    """How a task ends. `is_unsettled`: a worker has yet to do what its kind does then."""

    status: TaskStatus
    error: TaskError | None = None
    outcome: Outcome | None = None
    result: dict[str, Any] | None = None
    is_unsettled: bool = False


@dataclass(frozen=True, slots=True)
class EndedTask(Task):
    """A task that has ended just now, and whether anybody waits for it or wants to be told."""

    has_dependents: bool
    has_webhooks: bool


async def end(session: Session, hold: Hold, how: End) -> EndedTask | None:
    """End the task, whose row the transaction has locked; None if it is no longer held so."""
    code, detail = (how.error.code, how.error.detail) if how.error else (None, None)
    fence = (hold.id, hold.worker, hold.claims)
    values = (how.status, code, detail, how.is_unsettled, how.outcome, how.result)
    return await session.fetch_one(EndedTask, _END, *fence, *values)


async def doomed(session: Session, queue: str, kinds: Sequence[str]) -> DueHold | None:
    """Lock a task whose lease ran out and that must not run again."""
    return await session.fetch_one(DueHold, _DOOMED, queue, list(kinds))


async def overdue(session: Session, queue: str, kinds: Sequence[str]) -> DueHold | None:
    """Lock a queued task whose deadline has passed."""
    return await session.fetch_one(DueHold, _OVERDUE, queue, list(kinds))


async def settle_one(session: Session, queue: str, kinds: Sequence[str], without: Sequence[UUID]) -> Task | None:
    """Take one task whose end is not settled, to do what its kind does then; None when there is none but `without`."""
    return await session.fetch_one(Task, _SETTLE, queue, list(kinds), list(without))
