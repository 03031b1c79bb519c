"""SQL of what operators watch: how many tasks of a service's queues stand where, and how long they wait."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database import Session

from .worker_registry import SILENT_SECONDS

_UNFINISHED = """
WITH unfinished AS (
    SELECT queue, status, greatest(created_at, not_before) AS ready_at,
           status = 'queued' AND waiting_for = 0 AND (not_before IS NULL OR not_before <= clock_timestamp()) AS is_ready
    FROM analysis_tasks
    WHERE status IN ('queued', 'running') AND queue = ANY($1)
)
SELECT queue, status, count(*) AS number, count(*) FILTER (WHERE is_ready) AS ready, 0 AS dead,
       extract(epoch FROM clock_timestamp() - min(ready_at) FILTER (WHERE is_ready))::float8 AS oldest_seconds
FROM unfinished
GROUP BY queue, status
"""

# By the index of `finished_at`, for which the moment must not change meanwhile: what ended earlier costs nothing.
_ENDED = """
SELECT queue, status, count(*) FILTER (WHERE finished_at > now() - interval '1 hour') AS number, 0 AS ready,
       count(*) FILTER (WHERE error_code = 'poison') AS dead, NULL::float8 AS oldest_seconds
FROM analysis_tasks
WHERE finished_at > now() - interval '1 day' AND queue = ANY($1)
GROUP BY queue, status
"""

_ALIVE = """
SELECT count(*) FROM task_workers WHERE service = $1 AND seen_at > clock_timestamp() - make_interval(secs => $2)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Tasks of one queue in one status.

    Attributes:
        number: how many; of those that have ended, in the last hour.
        ready: how many of them may run now.
        dead: how many ended in the last day after the death of each of their processes.
        oldest_seconds: how long the one that has been ready for longest has waited.
    """

    queue: str
    status: str
    number: int
    ready: int
    dead: int
    oldest_seconds: float | None


async def standings(session: Session, queues: Sequence[str]) -> list[Standing]:
    """What there is of each queue and status, where there is anything."""
    unfinished = await session.fetch_all(Standing, _UNFINISHED, list(queues))
    return unfinished + await session.fetch_all(Standing, _ENDED, list(queues))


async def workers_alive(session: Session, service: str) -> int:
    """How many worker processes of the service have given a sign of life lately."""
    alive: int = await session.fetch_value(_ALIVE, service, SILENT_SECONDS)
    return alive
