"""What the removal of a whole project does to its other tasks, whatever queue and service they belong to."""

from uuid import UUID

from shared.database import Session

_CALL_OFF = """
UPDATE analysis_tasks
SET status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END,
    finished_at = CASE WHEN status = 'queued' THEN clock_timestamp() END,
    cancel_requested = true
WHERE project_id = $1 AND kind <> 'project_removal'
  AND (status = 'queued' OR (status = 'running' AND NOT cancel_requested))
RETURNING id, status
"""

_CALLED_OFF = f"WITH called AS ({_CALL_OFF}) SELECT array_agg(id) FROM called WHERE status = 'running'"  # noqa: S608

# A run whose lease has lapsed counts as ended: it can write nothing once its row has gone.
_RUNNING = """
SELECT count(*) FROM analysis_tasks
WHERE project_id = $1 AND kind <> 'project_removal' AND status = 'running' AND lease_until > clock_timestamp()
"""

_REMOVE = """
DELETE FROM analysis_tasks
WHERE id IN (
    SELECT id FROM analysis_tasks
    WHERE project_id = $1 AND id <> $2 AND (kind <> 'project_removal' OR finished_at IS NOT NULL)
    ORDER BY id LIMIT $3
)
"""


async def call_off(session: Session, project_id: UUID) -> list[UUID]:
    """End queued tasks and ask the workers of running ones to stop; the ids of the running, for `wakes.publish`."""
    return list(await session.fetch_value(_CALLED_OFF, project_id) or ())


async def count_running(session: Session, project_id: UUID) -> int:
    """Other tasks of the project that a living worker still runs."""
    found: int = await session.fetch_value(_RUNNING, project_id)
    return found


async def remove_others(session: Session, project_id: UUID, removal_id: UUID, limit: int) -> int:
    """Remove up to `limit` other tasks with their events and results; the number removed."""
    return await session.execute(_REMOVE, project_id, removal_id, limit)
