"""SQL of the ledger as its callers see it: every read is scoped to a member of the task's project.

The one exception is the removal of a project, which has no members from then on: who asked for it sees it.
"""

from typing import Any
from uuid import UUID

from shared.database import Session

from .records import NewTask, Task, TaskEvent, TaskStatus

EVENT_PAGE = 200

_INSERT = """
INSERT INTO analysis_tasks
    (id, kind, queue, priority, project_id, dataset_id, version, params, max_attempts, request_id, created_by,
     deadline, schedule_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

_BY_ID = """
SELECT id, kind, queue, status, priority, project_id, dataset_id, version, params, attempts, max_attempts, claims,
       waiting_for, not_before, deadline, worker, lease_until, cancel_requested, progress_done, progress_total,
       progress_message, error_code, error_detail, request_id, schedule_id, created_by, created_at, started_at,
       finished_at
FROM analysis_tasks
WHERE id = $1
"""

_VISIBLE = """
SELECT t.id, t.kind, t.queue, t.status, t.priority, t.project_id, t.dataset_id, t.version, t.params, t.attempts,
       t.max_attempts, t.claims, t.waiting_for, t.not_before, t.deadline, t.worker, t.lease_until, t.cancel_requested,
       t.progress_done, t.progress_total, t.progress_message, t.error_code, t.error_detail, t.request_id, t.schedule_id,
       t.created_by, t.created_at, t.started_at, t.finished_at
FROM analysis_tasks t
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $2
WHERE t.id = $1 AND (m.user_id IS NOT NULL OR (t.kind = 'project_removal' AND t.created_by = $2))
"""

_PAGE = """
SELECT t.id, t.kind, t.queue, t.status, t.priority, t.project_id, t.dataset_id, t.version, t.params, t.attempts,
       t.max_attempts, t.claims, t.waiting_for, t.not_before, t.deadline, t.worker, t.lease_until, t.cancel_requested,
       t.progress_done, t.progress_total, t.progress_message, t.error_code, t.error_detail, t.request_id, t.schedule_id,
       t.created_by, t.created_at, t.started_at, t.finished_at
FROM analysis_tasks t
JOIN (
    (SELECT o.id
     FROM analysis_tasks o
     JOIN project_members m ON m.project_id = o.project_id AND m.user_id = $1
     WHERE ($2::uuid IS NULL OR o.project_id = $2)
       AND ($3::text IS NULL OR o.kind = $3)
       AND ($4::text IS NULL OR o.status = $4)
       AND ($5::uuid IS NULL OR o.id < $5)
     ORDER BY o.id DESC
     LIMIT $6)
    UNION
    (SELECT o.id
     FROM analysis_tasks o
     WHERE o.kind = 'project_removal' AND o.created_by = $1
       AND ($2::uuid IS NULL OR o.project_id = $2)
       AND ($3::text IS NULL OR o.kind = $3)
       AND ($4::text IS NULL OR o.status = $4)
       AND ($5::uuid IS NULL OR o.id < $5)
     ORDER BY o.id DESC
     LIMIT $6)
) AS mine ON mine.id = t.id
ORDER BY t.id DESC
LIMIT $6
"""

_APPEND = """
INSERT INTO task_events (task_id, sequence, event, data)
SELECT $1, coalesce(max(sequence), 0) + 1, $2, $3
FROM task_events
WHERE task_id = $1
"""

_EVENTS = """
SELECT e.task_id, e.sequence, e.at, e.event, e.data
FROM task_events e
JOIN analysis_tasks t ON t.id = e.task_id
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $2
WHERE e.task_id = $1 AND e.sequence > $3
  AND (m.user_id IS NOT NULL OR (t.kind = 'project_removal' AND t.created_by = $2))
ORDER BY e.sequence
LIMIT $4
"""

# A lease on a finished row says that no worker has yet done what its kind does after a cancellation.
_CANCEL_QUEUED = """
UPDATE analysis_tasks
SET status = 'cancelled', cancel_requested = true, finished_at = clock_timestamp(), lease_until = clock_timestamp()
WHERE id = $1 AND status = 'queued'
"""

_REQUEST_CANCEL = """
UPDATE analysis_tasks SET cancel_requested = true WHERE id = $1 AND status = 'running'
"""


_REMOVE = """
DELETE FROM analysis_tasks WHERE id = $1 AND status IN ('succeeded', 'failed', 'cancelled')
"""


async def insert(session: Session, task_id: UUID, new: NewTask, max_attempts: int) -> None:
    """A queued row; times and counters come from the schema's defaults."""
    subject = (new.project_id, new.dataset_id, new.version)
    origin = (max_attempts, new.request_id, new.created_by, new.deadline, new.schedule_id)
    await session.execute(_INSERT, task_id, new.kind, new.queue, new.priority, *subject, new.params, *origin)


async def by_id(session: Session, task_id: UUID) -> Task | None:
    """The row as it is, for the ledger's own use."""
    return await session.fetch_one(Task, _BY_ID, task_id)


async def visible(session: Session, task_id: UUID, user_id: UUID) -> Task | None:
    """The task, if the user is a member of its project, or asked for the project's removal that it is."""
    return await session.fetch_one(Task, _VISIBLE, task_id, user_id)


async def page(
    session: Session,
    user_id: UUID,
    *,
    project_id: UUID | None,
    kind: str | None,
    status: str | None,
    before: UUID | None,
    limit: int,
) -> list[Task]:
    """The user's tasks, newest first, older than `before`."""
    return await session.fetch_all(Task, _PAGE, user_id, project_id, kind, status, before, limit)


async def append_event(session: Session, task_id: UUID, event: str, data: dict[str, Any]) -> None:
    """The next event of a task; the caller's transaction has changed, and so locked, the task's row before."""
    await session.execute(_APPEND, task_id, event, data)


async def append_state(session: Session, task: Task) -> None:
    """The event that tells where the task stands now."""
    data: dict[str, Any] = {"status": task.status, "attempts": task.attempts}
    if task.error_code is not None:
        data["error"] = {"code": task.error_code, "detail": task.error_detail}
    await append_event(session, task.id, "state", data)


async def events_after(session: Session, task_id: UUID, user_id: UUID, after: int) -> list[TaskEvent]:
    """The next events after sequence `after`, at most 200, if the user may see the task."""
    return await session.fetch_all(TaskEvent, _EVENTS, task_id, user_id, after, EVENT_PAGE)


async def cancel(session: Session, task_id: UUID) -> TaskStatus | None:
    """End a queued task, or ask the worker of a running one; the status it was in, None if it has finished."""
    if await session.execute(_CANCEL_QUEUED, task_id):
        return TaskStatus.QUEUED
    if await session.execute(_REQUEST_CANCEL, task_id):
        return TaskStatus.RUNNING
    return None


async def remove(session: Session, task_id: UUID) -> bool:
    """Remove a task that has ended, with its events and what refers to it; False while it has not."""
    return await session.execute(_REMOVE, task_id) > 0
