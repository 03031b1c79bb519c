"""SQL of claiming: the most important task that may run, within what each project may run at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

from .records import Task
from .statements import COLUMNS, tell

# Two candidates, each found by its own partial index, instead of one OR that would sort the whole queue. A lost run
# already counts among those of its project. Not FOR UPDATE, which would skip a task that another is about to wait for.
# Whoever claims for a project has its lock until the commit, so the next one counts what this one took.
_PICK = """
WITH saturated AS (
    SELECT r.project_id
    FROM analysis_tasks r
    LEFT JOIN project_quotas q ON q.project_id = r.project_id
    WHERE r.status = 'running' AND r.kind <> 'project_removal'
    GROUP BY r.project_id, q.max_running_tasks
    HAVING count(*) >= coalesce(q.max_running_tasks, $3)
), queued AS (
    SELECT id, priority, created_at, project_id, kind <> 'project_removal' AS is_limited, false AS is_lost
    FROM analysis_tasks
    WHERE queue = $1 AND status = 'queued' AND waiting_for = 0 AND kind = ANY($2)
      AND (not_before IS NULL OR not_before <= clock_timestamp())
      AND (deadline IS NULL OR deadline > clock_timestamp())
      AND (kind = 'project_removal' OR project_id NOT IN (SELECT project_id FROM saturated))
    ORDER BY priority DESC, created_at
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), expired AS (
    SELECT id, priority, created_at, project_id, false AS is_limited, true AS is_lost
    FROM analysis_tasks
    WHERE queue = $1 AND status = 'running' AND lease_until < clock_timestamp() AND attempts < max_attempts
      AND NOT cancel_requested AND (deadline IS NULL OR deadline > clock_timestamp()) AND kind = ANY($2)
    ORDER BY lease_until
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), best AS (
    SELECT id, project_id, is_limited, is_lost
    FROM (SELECT * FROM queued UNION ALL SELECT * FROM expired) AS candidates
    ORDER BY priority DESC, created_at
    LIMIT 1
)
SELECT id, is_lost, CASE WHEN is_limited THEN project_id END AS limited_by,
       CASE WHEN is_limited THEN pg_advisory_xact_lock(hashtextextended('tasks.claim ' || project_id, 0))::text END
           AS locked
FROM best
"""

_TAKE = f"""
WITH taken AS (
    UPDATE analysis_tasks
    SET status = 'running', attempts = attempts + 1, claims = claims + 1, worker = $2,
        lease_until = clock_timestamp() + make_interval(secs => $3),
        started_at = coalesce(started_at, clock_timestamp()), not_before = NULL,
        progress_done = 0, progress_total = 0, progress_message = ''
    WHERE id = $1
      AND ($4::uuid IS NULL
           OR (SELECT count(*) FROM analysis_tasks r
               WHERE r.project_id = $4 AND r.status = 'running' AND r.kind <> 'project_removal')
              < coalesce((SELECT max_running_tasks FROM project_quotas WHERE project_id = $4), $5))
    RETURNING {COLUMNS}
), lost AS (
    UPDATE task_attempts a SET ended_at = clock_timestamp(), outcome = 'died'
    FROM taken WHERE a.task_id = taken.id AND a.ended_at IS NULL
), begun AS (
    INSERT INTO task_attempts (task_id, claim, worker) SELECT id, claims, worker FROM taken
), told AS ({tell("taken")}
)
SELECT {COLUMNS} FROM taken
"""  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class Candidate:
    """A locked task that may be taken; `limited_by` is the project whose running tasks decide whether it may.

    `is_lost`: it is running, by a worker that has fallen silent.
    """

    id: UUID
    is_lost: bool
    limited_by: UUID | None
    locked: str | None


async def pick(session: Session, queue: str, kinds: Sequence[str], running_tasks: int) -> Candidate | None:
    """Lock the most important claimable task of the queue. `running_tasks` a project without a limit of its own may."""
    return await session.fetch_one(Candidate, _PICK, queue, list(kinds), running_tasks)


async def take(
    session: Session, candidate: Candidate, worker: str, lease_seconds: float, running_tasks: int
) -> Task | None:
    """Begin a run, counted from here on; None if its project has come to run as many as may since it was picked."""
    lease = (worker, lease_seconds)
    return await session.fetch_one(Task, _TAKE, candidate.id, *lease, candidate.limited_by, running_tasks)
