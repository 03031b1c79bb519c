"""SQL of the ledger as its callers see it: every read is scoped to a member of the task's project.

The one exception is the removal of a project, which has no members from then on: who asked for it sees it.
"""

from typing import Any
from uuid import UUID

from shared.database import Session
from shared.tracing import inject

from .records import NewTask, Task
from .statements import COLUMNS, tell

_INSERT = f"""
WITH inserted AS (
    INSERT INTO analysis_tasks
        (id, kind, queue, priority, project_id, dataset_id, version, params, max_attempts, request_id, created_by,
         deadline, schedule_id, waiting_for, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    RETURNING {COLUMNS}
), linked AS (
    INSERT INTO task_dependencies (task_id, depends_on) SELECT DISTINCT $1, unnest($16::uuid[])
), told AS ({tell("inserted")}
)
SELECT {COLUMNS} FROM inserted
"""  # noqa: S608 - names of ours

_BY_ID = f"SELECT {COLUMNS} FROM analysis_tasks WHERE id = $1"  # noqa: S608 - a name of ours

_VISIBLE = """
SELECT t.id, t.kind, t.queue, t.status, t.priority, t.project_id, t.dataset_id, t.version, t.params, t.attempts,
       t.max_attempts, t.claims, t.waiting_for, t.not_before, t.deadline, t.worker, t.lease_until, t.cancel_requested,
       t.progress_done, t.progress_total, t.progress_message, t.error_code, t.error_detail, t.request_id, t.schedule_id,
       t.created_by, t.created_at, t.started_at, t.finished_at
FROM analysis_tasks t
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $2
WHERE t.id = $1 AND (m.user_id IS NOT NULL OR (t.kind = 'project_removal' AND t.created_by = $2))
"""

_APPEND = """
INSERT INTO task_events (task_id, sequence, event, data)
SELECT $1, coalesce(max(sequence), 0) + 1, $2, $3
FROM task_events
WHERE task_id = $1
"""

_REMOVE = """
DELETE FROM analysis_tasks WHERE id = $1 AND status IN ('succeeded', 'failed', 'cancelled')
"""


async def insert(session: Session, task_id: UUID, new: NewTask, max_attempts: int, waiting_for: int) -> Task:
    """A queued row with its first event; times and counters come from the schema's defaults."""
    subject = (new.project_id, new.dataset_id, new.version)
    origin = (max_attempts, new.request_id, new.created_by, new.deadline, new.schedule_id)
    others = (waiting_for, inject(), list(new.after))
    values = (task_id, new.kind, new.queue, new.priority, *subject, new.params, *origin, *others)
    task = await session.fetch_one(Task, _INSERT, *values)
    assert task is not None  # noqa: S101 - an insertion that does not fail returns its row
    return task


async def by_id(session: Session, task_id: UUID) -> Task | None:
    """The row as it is, for the ledger's own use."""
    return await session.fetch_one(Task, _BY_ID, task_id)


async def visible(session: Session, task_id: UUID, user_id: UUID) -> Task | None:
    """The task, if the user is a member of its project, or asked for the project's removal that it is."""
    return await session.fetch_one(Task, _VISIBLE, task_id, user_id)


async def append_event(session: Session, task_id: UUID, event: str, data: dict[str, Any]) -> None:
    """The next event of a task; the caller's transaction has changed, and so locked, the task's row before."""
    await session.execute(_APPEND, task_id, event, data)


async def remove(session: Session, task_id: UUID) -> bool:
    """Remove a task that has ended, with its events and what refers to it; False while it has not."""
    return await session.execute(_REMOVE, task_id) > 0
