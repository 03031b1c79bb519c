"""What queues and workers hold, and how long tasks took, as far as a caller may know."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.database import Session
from shared.tasks.listing import first_id

# Times of more than these say nothing new, and each costs its share of the answer.
NEWEST_COUNTED = 50_000

_LOADS = """
SELECT t.queue,
       count(*) FILTER (WHERE t.status = 'queued' AND t.waiting_for = 0
                          AND (t.not_before IS NULL OR t.not_before <= clock_timestamp())) AS queued,
       count(*) FILTER (WHERE t.status = 'queued' AND t.waiting_for > 0) AS waiting,
       count(*) FILTER (WHERE t.status = 'queued' AND t.waiting_for = 0
                          AND t.not_before > clock_timestamp()) AS delayed,
       count(*) FILTER (WHERE t.status = 'running') AS running,
       extract(epoch FROM clock_timestamp() - min(greatest(t.created_at, t.not_before))
           FILTER (WHERE t.status = 'queued' AND t.waiting_for = 0
                     AND (t.not_before IS NULL OR t.not_before <= clock_timestamp())))::float8 AS oldest_age_seconds
FROM analysis_tasks t
"""

_QUEUES = f"""{_LOADS}
JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
WHERE t.status IN ('queued', 'running')
GROUP BY t.queue
ORDER BY t.queue
"""

_ALL_QUEUES = f"""{_LOADS}
WHERE t.status IN ('queued', 'running')
GROUP BY t.queue
ORDER BY t.queue
"""

_OTHERS = """
SELECT t.worker, count(*) FILTER (WHERE m.user_id IS NULL) AS others
FROM analysis_tasks t
LEFT JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
WHERE t.status = 'running' AND t.worker = ANY($2)
GROUP BY t.worker
"""

_STATS = """
SELECT n.kind, count(*) FILTER (WHERE n.status = 'queued') AS queued,
       count(*) FILTER (WHERE n.status = 'running') AS running,
       count(*) FILTER (WHERE n.status = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE n.status = 'failed') AS failed,
       count(*) FILTER (WHERE n.status = 'cancelled') AS cancelled,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM n.started_at - n.created_at)::float8) AS wait_seconds,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM n.finished_at - n.started_at)::float8) AS run_seconds
FROM (
    SELECT t.kind, t.status, t.created_at, t.started_at, t.finished_at
    FROM analysis_tasks t
    JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
    WHERE t.id >= $5 AND t.created_at > now() - make_interval(hours => $2) AND ($3::uuid IS NULL OR t.project_id = $3)
    ORDER BY t.id DESC
    LIMIT $4
) AS n
GROUP BY n.kind
ORDER BY n.kind
"""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """Unfinished tasks of one queue; `oldest_age_seconds` of those that could run."""

    queue: str
    queued: int
    waiting: int
    delayed: int
    running: int
    oldest_age_seconds: float | None


@dataclass(frozen=True, slots=True)
class KindStats:
    """Tasks of one kind; the times are at the median and the 95th percentile."""

    kind: str
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    wait_seconds: list[float | None] | None
    run_seconds: list[float | None] | None


@dataclass(frozen=True, slots=True)
class _Others:
    worker: str
    others: int


async def queue_loads(session: Session, user_id: UUID) -> list[QueueLoad]:
    """What waits and runs in the user's projects."""
    return await session.fetch_all(QueueLoad, _QUEUES, user_id)


async def all_queue_loads(session: Session) -> list[QueueLoad]:
    """What waits and runs in the whole instance, for administrators."""
    return await session.fetch_all(QueueLoad, _ALL_QUEUES)


async def others_running(session: Session, user_id: UUID, workers: list[str]) -> dict[str, int]:
    """How many tasks of projects that are not the user's each of these workers runs."""
    return {row.worker: row.others for row in await session.fetch_all(_Others, _OTHERS, user_id, workers)}


async def stats(session: Session, user_id: UUID, hours: int, project_id: UUID | None) -> list[KindStats]:
    """Tasks of the user's projects made within so many hours, by kind; of the newest 50,000."""
    first = first_id(datetime.now(UTC) - timedelta(hours=hours))
    return await session.fetch_all(KindStats, _STATS, user_id, hours, project_id, NEWEST_COUNTED, first)
