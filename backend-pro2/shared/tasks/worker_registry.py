"""Which worker processes there are and what they run: rows that each keeps fresh, for `/tasks/workers`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session

BEAT_SECONDS = 5.0
# A worker not seen for so long has probably died: it beats several times in between.
SILENT_SECONDS = 30.0
KEPT_SECONDS = 86_400.0
MOST = 500

_UPSERT = """
INSERT INTO task_workers (name, id, service, queues, version, is_draining)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE
SET queues = excluded.queues, version = excluded.version, is_draining = excluded.is_draining,
    seen_at = clock_timestamp()
"""

_REMOVE = """
DELETE FROM task_workers WHERE name = ANY($1)
"""

_PURGE = """
DELETE FROM task_workers WHERE seen_at < clock_timestamp() - make_interval(secs => $1)
"""

_NAMES = """
SELECT name FROM task_workers WHERE service = $1 ORDER BY name LIMIT $2
"""

_WORKERS = """
SELECT name, id, service, queues, version, is_draining, started_at, seen_at
FROM task_workers
WHERE seen_at > clock_timestamp() - make_interval(secs => $1)
ORDER BY service, started_at, name
LIMIT $2
"""

_RUNNING = """
SELECT t.worker, t.id, t.kind, t.queue, t.project_id, t.started_at
FROM analysis_tasks t
JOIN project_members m ON m.project_id = t.project_id AND m.user_id = $1
WHERE t.status = 'running' AND t.worker IS NOT NULL
ORDER BY t.started_at, t.id
LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Worker:
    """One row of task_workers. `name` names a host and a process; `id` says nothing of either."""

    name: str
    id: UUID
    service: str
    queues: dict[str, int]
    version: str
    is_draining: bool
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task and the name of the worker that holds it."""

    worker: str
    id: UUID
    kind: str
    queue: str
    project_id: UUID
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a worker says of itself."""

    name: str
    id: UUID
    service: str
    queues: Mapping[str, int]
    version: str


async def workers(session: Session, *, seen_within_seconds: float = SILENT_SECONDS) -> list[Worker]:
    """The worker processes heard of lately, oldest first; those that stop in an orderly way leave at once."""
    return await session.fetch_all(Worker, _WORKERS, seen_within_seconds, MOST)


async def running(session: Session, user_id: UUID) -> dict[str, list[RunningTask]]:
    """The running tasks of the user's projects by name of the worker; at most 500, those that run longest first."""
    found: dict[str, list[RunningTask]] = {}
    for task in await session.fetch_all(RunningTask, _RUNNING, user_id, MOST):
        found.setdefault(task.worker, []).append(task)
    return found


async def put(session: Session, entry: Entry, *, is_draining: bool) -> None:
    """Say that this worker is there."""
    queues = dict(entry.queues)
    await session.execute(_UPSERT, entry.name, entry.id, entry.service, queues, entry.version, is_draining)


async def remove(session: Session, *names: str) -> None:
    """Forget workers that have ended."""
    await session.execute(_REMOVE, list(names))


async def names(session: Session, service: str) -> list[str]:
    """Every worker of the service that has a row, dead or alive."""
    return [row.name for row in await session.fetch_all(_Name, _NAMES, service, MOST)]


async def purge(session: Session) -> int:
    """Remove rows of workers that have not been seen for a day; their number."""
    return await session.execute(_PURGE, KEPT_SECONDS)


@dataclass(frozen=True, slots=True)
class _Name:
    name: str
