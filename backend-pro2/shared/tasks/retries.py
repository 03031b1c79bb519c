"""Once more: a task that ended without success goes back into the queue under its own id, with its history."""

from uuid import UUID

from shared.config import Settings
from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.membership import ProjectRole, require_project
from shared.quotas import require_task

from . import dependencies, repository
from .records import PROJECT_REMOVAL, Task, TaskStatus
from .statements import COLUMNS, tell

_LOCK = f"SELECT {COLUMNS} FROM analysis_tasks WHERE id = $1 FOR UPDATE"  # noqa: S608 - a name of ours

_RETRY = f"""
WITH retried AS (
    UPDATE analysis_tasks
    SET status = 'queued', max_attempts = attempts + $2, waiting_for = $3, worker = NULL, not_before = NULL,
        deadline = CASE WHEN deadline > clock_timestamp() THEN deadline END, cancel_requested = false,
        error_code = NULL, error_detail = NULL, finished_at = NULL,
        progress_done = 0, progress_total = 0, progress_message = ''
    WHERE id = $1
    RETURNING {COLUMNS}
), told AS ({tell("retried")}
)
SELECT {COLUMNS} FROM retried
"""  # noqa: S608 - names of ours


async def retry(session: Session, settings: Settings, task_id: UUID, user_id: UUID) -> Task:
    """Queue the task again, with as many further attempts as a new one has, and without a deadline that has passed.

    Raises:
        NotFound: it is absent, or the user is no member of its project.
        Forbidden: the user may only view the project.
        Conflict: `not_retryable`, it has not failed and was not cancelled, or it removes a project;
            `not_settled`, its end is still being written; `dependency_failed`, what it waits for failed.
        TooManyTasks: the project's quota of unfinished tasks is used up.
    """
    task = await repository.visible(session, task_id, user_id)
    if task is None:
        raise NotFound
    await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
    # Before anything is held: a run that commits holds its task and asks for the project.
    _require_retryable(task)
    await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR)
    _require_retryable(await session.fetch_one(Task, _LOCK, task_id))
    needed = await dependencies.of(session, task_id)
    waiting_for = await dependencies.hold(session, task.project_id, needed)
    # The project after the tasks: a run that commits holds its task and asks for the project.
    await require_task(session, settings, task.project_id)
    retried = await session.fetch_one(Task, _RETRY, task_id, settings.task_max_attempts, waiting_for)
    if retried is None:
        raise NotFound
    return retried


def _require_retryable(task: Task | None) -> None:
    if task is None:
        raise NotFound
    if task.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED) or task.kind == PROJECT_REMOVAL:
        detail = f"This task is {task.status}; only failed and cancelled ones can be retried."
        if task.kind == PROJECT_REMOVAL:
            detail = "The removal of a project is tried again by itself."
        raise Conflict(detail, code="not_retryable")
    if task.lease_until is not None:
        detail = "This task has ended, but a worker has yet to tidy up after it; try again shortly."
        raise Conflict(detail, code="not_settled", headers={"Retry-After": "2"})
