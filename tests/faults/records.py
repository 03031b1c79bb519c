"""What an instance has written about tasks, read past its services."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

FINAL = ("succeeded", "failed", "cancelled")

_TASKS = """
SELECT id::text, kind, queue, status, attempts, max_attempts, claims, error_code, lease_until IS NOT NULL AS has_lease,
       coalesce(lease_until < clock_timestamp(), true) AS lease_is_over,
       extract(epoch FROM finished_at)::float8 AS finished
FROM analysis_tasks
WHERE project_id = ANY($1::uuid[])
"""

_UNFINISHED = """
SELECT count(*) FROM analysis_tasks
WHERE (NOT status = ANY($1) OR lease_until IS NOT NULL) AND project_id = ANY($2::uuid[])
"""

_ATTEMPTS = """
SELECT a.task_id::text, a.claim, a.worker, a.outcome, a.counted,
       extract(epoch FROM a.started_at)::float8 AS started, extract(epoch FROM a.ended_at)::float8 AS ended
FROM task_attempts a
JOIN analysis_tasks t ON t.id = a.task_id
WHERE t.project_id = ANY($1::uuid[])
ORDER BY a.task_id, a.claim
"""

_EVENTS = """
SELECT e.task_id::text, e.sequence, e.event, e.data ->> 'status' AS status
FROM task_events e
JOIN analysis_tasks t ON t.id = e.task_id
WHERE t.project_id = ANY($1::uuid[])
ORDER BY e.task_id, e.sequence
"""

_RESULTS = """
SELECT r.task_id::text FROM analysis_results r JOIN analysis_tasks t ON t.id = r.task_id
WHERE t.project_id = ANY($1::uuid[])
UNION ALL
SELECT task_id::text FROM query_results WHERE project_id = ANY($1::uuid[])
"""

_VERSIONS = """
SELECT d.id::text AS dataset, d.name, v.version, v.status, v.row_count, v.raw_sha256, v.task_id::text AS task_id
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id
WHERE d.project_id = ANY($1::uuid[])
ORDER BY d.id, v.version
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of a task."""

    claim: int
    worker: str
    outcome: str | None
    counted: bool
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a dataset."""

    dataset: str
    name: str
    version: int
    status: str
    row_count: int | None
    raw_sha256: str | None
    task_id: str | None


@dataclass(slots=True)
class Record:
    """One task with all that belongs to it."""

    id: str
    kind: str
    queue: str
    status: str
    attempts: int
    max_attempts: int
    claims: int
    error_code: str | None
    has_lease: bool
    lease_is_over: bool
    finished: float | None
    runs: list[Attempt] = field(default_factory=list)
    # (sequence, event, status) of each.
    events: list[tuple[int, str, str | None]] = field(default_factory=list)
    results: int = 0

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Records:
    """All tasks and versions of some projects."""

    tasks: dict[str, Record]
    versions: dict[str, list[Version]]


async def read(url: str, projects: Iterable[str]) -> Records:
    """Everything about these projects, in one look."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _read(connection, list(projects))
    finally:
        await connection.close()


async def _read(connection: "asyncpg.Connection[Any]", projects: list[str]) -> Records:
    tasks = {row["id"]: Record(**dict(row)) for row in await connection.fetch(_TASKS, projects)}
    for row in await connection.fetch(_ATTEMPTS, projects):
        values = dict(row)
        tasks[values.pop("task_id")].runs.append(Attempt(**values))
    for row in await connection.fetch(_EVENTS, projects):
        tasks[row["task_id"]].events.append((row["sequence"], row["event"], row["status"]))
    for row in await connection.fetch(_RESULTS, projects):
        tasks[row["task_id"]].results += 1
    versions: dict[str, list[Version]] = defaultdict(list)
    for row in await connection.fetch(_VERSIONS, projects):
        versions[row["dataset"]].append(Version(**dict(row)))
    return Records(tasks, versions)


async def unfinished(url: str, projects: Iterable[str]) -> int:
    """How many tasks have not ended, or have without what their kinds do then."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        found: int = await connection.fetchval(_UNFINISHED, list(FINAL), list(projects))
        return found
    finally:
        await connection.close()
