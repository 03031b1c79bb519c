"""The history of a task's runs."""

from uuid import UUID

from shared.database import Session

from .records import Attempt

MOST_ATTEMPTS = 200

# The latest ones: a task can be interrupted any number of times while something it needs is away.
_VISIBLE = """
SELECT a.claim, a.worker, a.started_at, a.ended_at, a.outcome, a.counted, a.error_code, a.error_detail
FROM task_attempts a
JOIN analysis_tasks t ON t.id = a.task_id
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $2
WHERE a.task_id = $1 AND (m.user_id IS NOT NULL OR (t.kind = 'project_removal' AND t.created_by = $2))
ORDER BY a.claim DESC
LIMIT $3
"""


async def attempts_of(session: Session, task_id: UUID, user_id: UUID) -> list[Attempt]:
    """The task's runs, the oldest first, at most the latest 200; none if the user may not see the task."""
    return (await session.fetch_all(Attempt, _VISIBLE, task_id, user_id, MOST_ATTEMPTS))[::-1]
