"""Which tasks a user may see, by what people look for."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from shared.database import Session

from .records import Task


class TaskFilter(TypedDict, total=False):
    """What tasks must have in common; what is absent or None does not matter. `since` and `until` bound created_at."""

    project_id: UUID | None
    kind: str | None
    status: str | None
    queue: str | None
    created_by: UUID | None
    since: datetime | None
    until: datetime | None
    error_code: str | None
    schedule_id: UUID | None
    dataset_id: UUID | None


# An id holds the time it was made, by the clock of a service and a little before its row.
_SLACK_SECONDS = 86400.0

# Without a value a condition is folded away when the statement is planned, and an index serves what is left.
_WANTED = """($4::uuid IS NULL OR o.project_id = $4)
       AND ($5::text IS NULL OR o.kind = $5)
       AND ($6::text IS NULL OR o.status = $6)
       AND ($7::text IS NULL OR o.queue = $7)
       AND ($8::uuid IS NULL OR o.created_by = $8)
       AND ($9::timestamptz IS NULL OR o.created_at >= $9)
       AND ($10::timestamptz IS NULL OR o.created_at < $10)
       AND ($11::text IS NULL OR o.error_code = $11)
       AND ($12::uuid IS NULL OR o.schedule_id = $12)
       AND ($13::uuid IS NULL OR o.dataset_id = $13)
       AND ($14::uuid IS NULL OR o.id >= $14)
       AND ($15::uuid IS NULL OR o.id < $15)
       AND ($2::uuid IS NULL OR o.id < $2)
     ORDER BY o.id DESC
     LIMIT $3"""

_PAGE = f"""
SELECT t.id, t.kind, t.queue, t.status, t.priority, t.project_id, t.dataset_id, t.version, t.params, t.attempts,
       t.max_attempts, t.claims, t.waiting_for, t.not_before, t.deadline, t.worker, t.lease_until, t.cancel_requested,
       t.progress_done, t.progress_total, t.progress_message, t.error_code, t.error_detail, t.request_id, t.schedule_id,
       t.created_by, t.created_at, t.started_at, t.finished_at
FROM analysis_tasks t
JOIN (
    (SELECT o.id
     FROM analysis_tasks o
     JOIN project_members m ON m.project_id = o.project_id AND m.user_id = $1
     WHERE {_WANTED})
    UNION
    (SELECT o.id
     FROM projects p
     JOIN analysis_tasks o ON o.project_id = p.id
     WHERE p.deleted_at IS NOT NULL AND o.kind = 'project_removal' AND o.created_by = $1 AND {_WANTED})
) AS mine ON mine.id = t.id
ORDER BY t.id DESC
LIMIT $3
"""  # noqa: S608 - a text of ours


async def page(session: Session, user_id: UUID, wanted: TaskFilter, *, before: UUID | None, limit: int) -> list[Task]:
    """The user's tasks, newest first, older than `before`."""
    subject = (wanted.get("project_id"), wanted.get("kind"), wanted.get("status"), wanted.get("queue"))
    origin = (wanted.get("created_by"), wanted.get("since"), wanted.get("until"))
    rest = (wanted.get("error_code"), wanted.get("schedule_id"), wanted.get("dataset_id"))
    since, until = wanted.get("since"), wanted.get("until")
    ids = (since and first_id(since), until and first_id(until, _SLACK_SECONDS))
    return await session.fetch_all(Task, _PAGE, user_id, before, limit, *subject, *origin, *rest, *ids)


def first_id(at: datetime, slack: float = -_SLACK_SECONDS) -> UUID:
    """The lowest id of that time, or so many seconds later: what lies outside need not even be looked at."""
    milliseconds = int((at.timestamp() + slack) * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
