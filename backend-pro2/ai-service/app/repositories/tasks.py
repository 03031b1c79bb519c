"""What the queues hold."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

_QUEUES = """
SELECT t.queue, count(*) FILTER (WHERE t.status = 'queued') AS queued,
       count(*) FILTER (WHERE t.status = 'running') AS running
FROM analysis_tasks t
JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
WHERE t.status IN ('queued', 'running')
GROUP BY t.queue
ORDER BY t.queue
"""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """Unfinished tasks of one queue."""

    queue: str
    queued: int
    running: int


async def queue_loads(session: Session, user_id: UUID) -> list[QueueLoad]:
    """What waits and runs in the user's projects."""
    return await session.fetch_all(QueueLoad, _QUEUES, user_id)
