"""SQL of tasks that wait for others of their project.

A dependency is locked FOR KEY SHARE when somebody comes to wait for it, and whatever ends a task locks it FOR UPDATE in
an earlier statement: so either its end finds those who wait, or they find its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound

from .ends import EndedTask
from .records import Task, TaskStatus
from .statements import COLUMNS, FOLLOWED, tell

_LOCK = """
SELECT id, kind, status FROM analysis_tasks
WHERE id = ANY($1::uuid[]) AND project_id = $2
ORDER BY id
FOR KEY SHARE
"""

_OF = "SELECT array_agg(depends_on) FROM task_dependencies WHERE task_id = $1"

_FREE = f"""
WITH waiting AS (
    SELECT t.id
    FROM task_dependencies d
    JOIN analysis_tasks t ON t.id = d.task_id
    WHERE d.depends_on = $1 AND t.status = 'queued' AND t.waiting_for > 0
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
), freed AS (
    UPDATE analysis_tasks SET waiting_for = waiting_for - 1 WHERE id IN (SELECT id FROM waiting) RETURNING {COLUMNS}
)
SELECT {COLUMNS} FROM freed WHERE waiting_for = 0
"""  # noqa: S608 - names of ours

_LOCK_WAITING = """
SELECT count(*) FROM (
    SELECT t.id
    FROM task_dependencies d
    JOIN analysis_tasks t ON t.id = d.task_id
    WHERE d.depends_on = ANY($1::uuid[]) AND t.status = 'queued'
    ORDER BY t.id
    FOR UPDATE OF t
) AS locked
"""

_FAIL_WAITING = f"""
WITH blamed AS (
    SELECT DISTINCT ON (d.task_id) d.task_id AS blames, p.kind AS what, p.id AS whom, p.status AS why
    FROM task_dependencies d
    JOIN analysis_tasks p ON p.id = d.depends_on
    WHERE d.depends_on = ANY($1::uuid[])
    ORDER BY d.task_id, p.id
), ended AS (
    UPDATE analysis_tasks
    SET status = 'failed', finished_at = clock_timestamp(), lease_until = clock_timestamp(),
        error_code = 'dependency_failed',
        error_detail = 'It was to run after the task ' || whom || ' (' || what || '), which '
                       || CASE why WHEN 'cancelled' THEN 'was cancelled.' ELSE 'failed.' END
    FROM blamed
    WHERE id = blames AND status = 'queued'
    RETURNING {COLUMNS}
), told AS ({tell("ended")}
)
SELECT {COLUMNS}, {FOLLOWED}
FROM ended
"""  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task that another is to wait for, and where it stands."""

    id: UUID
    kind: str
    status: str


async def hold(session: Session, project_id: UUID, task_ids: Sequence[UUID]) -> int:
    """How many of the tasks are still to succeed; none of them ends before the transaction does.

    Raises:
        NotFound: the project has no such task.
        Conflict: `dependency_failed`, one has ended without success.
    """
    if not task_ids:
        return 0
    found = await session.fetch_all(Dependency, _LOCK, list(task_ids), project_id)
    if len(found) < len(set(task_ids)):
        raise NotFound("A task that this one is to wait for does not exist in its project.")
    for other in found:
        if other.status in (TaskStatus.FAILED, TaskStatus.CANCELLED):
            detail = f"The task {other.id} ({other.kind}), which this one needs, has {other.status}; retry that first."
            raise Conflict(detail.replace("has cancelled", "was cancelled"), code="dependency_failed")
    return sum(other.status != TaskStatus.SUCCEEDED for other in found)


async def of(session: Session, task_id: UUID) -> list[UUID]:
    """What the task waits or waited for."""
    return list(await session.fetch_value(_OF, task_id) or ())


async def free(session: Session, task_id: UUID) -> list[Task]:
    """After the success of a task: those that wait for nothing more."""
    return await session.fetch_all(Task, _FREE, task_id)


async def fail_waiting(session: Session, task_ids: Sequence[UUID]) -> list[EndedTask]:
    """End those that wait for one of `task_ids`, which have ended without success; their own are the caller's next."""
    await session.fetch_value(_LOCK_WAITING, list(task_ids))
    return await session.fetch_all(EndedTask, _FAIL_WAITING, list(task_ids))
