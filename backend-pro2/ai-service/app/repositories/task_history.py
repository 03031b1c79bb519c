"""What happened to a task, beside what the ledger itself tells."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session

# The run that had begun last when the line was written.
_LOG = """
SELECT e.sequence, e.at, e.data ->> 'message' AS message, (
    SELECT max(a.claim) FROM task_attempts a WHERE a.task_id = e.task_id AND a.started_at <= e.at
) AS attempt
FROM task_events e
JOIN analysis_tasks t ON t.id = e.task_id
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $2
WHERE e.task_id = $1 AND e.event = 'log' AND e.sequence > $3
  AND (m.user_id IS NOT NULL OR (t.kind = 'project_removal' AND t.created_by = $2))
ORDER BY e.sequence
LIMIT $4
"""

_TELLS = "SELECT EXISTS (SELECT 1 FROM task_events WHERE task_id = $1 AND event = 'result')"

_WORKER_IDS = "SELECT name, id FROM task_workers WHERE name = ANY($1)"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a task's log; `attempt` is the number of the run that wrote it."""

    sequence: int
    at: datetime
    message: str
    attempt: int | None

    @property
    def place(self) -> UUID:
        """Where it stands in the log, in the form that cursors have."""
        return UUID(int=self.sequence)


@dataclass(frozen=True, slots=True)
class _WorkerId:
    name: str
    id: UUID


async def log_lines(session: Session, task_id: UUID, user_id: UUID, after: int, limit: int) -> list[LogLine]:
    """Lines after the event with number `after`, the oldest first, if the user may see the task."""
    return await session.fetch_all(LogLine, _LOG, task_id, user_id, after, limit)


async def tells_result(session: Session, task_id: UUID) -> bool:
    """Whether an event tells what the task came to; the caller has made sure that it may be known."""
    return bool(await session.fetch_value(_TELLS, task_id))


async def worker_ids(session: Session, names: list[str]) -> dict[str, UUID]:
    """The ids of those of the workers that are still known."""
    return {row.name: row.id for row in await session.fetch_all(_WorkerId, _WORKER_IDS, names)}
