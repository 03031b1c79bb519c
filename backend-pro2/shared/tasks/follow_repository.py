"""SQL of those who follow tasks: many tasks and many people in one statement, each as of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

from .records import TaskEvent, TaskStatus

EVENTS_A_LOOK = 50

# One statement, hence one moment: a task that it shows as ended has no event beyond those that it shows.
_NEWS = """
SELECT t.id, t.status, e.sequence, e.at, e.event, e.data
FROM unnest($1::uuid[], $2::integer[]) AS w (task_id, after)
JOIN analysis_tasks t ON t.id = w.task_id
LEFT JOIN LATERAL (
    SELECT n.sequence, n.at, n.event, n.data
    FROM task_events n
    WHERE n.task_id = w.task_id AND n.sequence > w.after
    ORDER BY n.sequence
    LIMIT $3
) AS e ON true
ORDER BY t.id, e.sequence
"""

_NEWEST = """
SELECT coalesce(max(sequence), 0) FROM task_events WHERE task_id = $1
"""

_WELCOME = """
SELECT w.task_id, w.user_id
FROM unnest($1::uuid[], $2::uuid[]) AS w (task_id, user_id)
JOIN analysis_tasks t ON t.id = w.task_id
JOIN users u ON u.id = w.user_id AND u.is_active
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = w.user_id
WHERE m.user_id IS NOT NULL OR (t.kind = 'project_removal' AND t.created_by = w.user_id)
"""


@dataclass(slots=True)
class News:
    """What one look shows of a task: whether it has ended, and its next events, at most `most`."""

    is_finished: bool
    events: list[TaskEvent]
    most: int

    @property
    def is_all(self) -> bool:
        """Whether there was nothing beyond these events."""
        return len(self.events) < self.most


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    status: str
    sequence: int | None
    at: datetime | None
    event: str | None
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Pair:
    task_id: UUID
    user_id: UUID


async def news(session: Session, after: dict[UUID, int], most: int = EVENTS_A_LOOK) -> dict[UUID, News]:
    """The next events of each task after the sequence given for it; tasks that are gone are left out."""
    rows = await session.fetch_all(_Row, _NEWS, list(after), list(after.values()), most)
    found: dict[UUID, News] = {}
    for row in rows:
        entry = found.setdefault(row.id, News(TaskStatus(row.status).is_final, [], most))
        if row.sequence is not None and row.at is not None and row.event is not None:
            entry.events.append(TaskEvent(row.id, row.sequence, row.at, row.event, row.data or {}))
    return found


async def welcome(session: Session, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of the pairs of a task and a person where the person may see the task."""
    task_ids, user_ids = [task_id for task_id, _ in pairs], [user_id for _, user_id in pairs]
    rows = await session.fetch_all(_Pair, _WELCOME, task_ids, user_ids)
    return {(row.task_id, row.user_id) for row in rows}


async def newest(session: Session, task_id: UUID) -> int:
    """The number of the task's last event, 0 if it has none."""
    found: int = await session.fetch_value(_NEWEST, task_id)
    return found
