"""Calling a task off: at once while it is queued, by its worker when it runs."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.membership import ProjectRole, require_project

from . import ends, repository
from .consequences import follow_up
from .ends import End, Hold
from .records import PROJECT_REMOVAL, Task, TaskStatus
from .statements import COLUMNS

_LOCK = "SELECT id, worker, claims, status FROM analysis_tasks WHERE id = $1 FOR UPDATE"

_REQUEST = f"UPDATE analysis_tasks SET cancel_requested = true WHERE id = $1 RETURNING {COLUMNS}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Standing(Hold):
    status: str


async def cancel(session: Session, task_id: UUID, user_id: UUID) -> tuple[Task, list[Task]]:
    """The task as it stands then, and those that this has touched.

    Raises:
        NotFound: it is absent, or the user is no member of its project.
        Forbidden: the user may only view the project.
        Conflict: `already_finished`, it succeeded or failed before; `not_cancellable`, it removes a project.
    """
    task = await repository.visible(session, task_id, user_id)
    if task is None:
        raise NotFound
    if task.kind == PROJECT_REMOVAL:
        raise Conflict("The removal of a project cannot be called off.", code="not_cancellable")
    # Not held: a run that commits holds its task and asks for the project, in the order opposite to ours.
    await require_project(session, task.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
    standing = await session.fetch_one(_Standing, _LOCK, task_id)
    if standing is None:
        raise NotFound
    if standing.status == TaskStatus.QUEUED:
        return await _end(session, standing)
    if standing.status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED):
        raise Conflict("This task has ended already; there is nothing left to cancel.", code="already_finished")
    if standing.status == TaskStatus.CANCELLED:
        return task if task.is_finished else await _known(session, task_id), []
    asked = await session.fetch_one(Task, _REQUEST, task_id)
    return asked or task, []


async def _end(session: Session, hold: Hold) -> tuple[Task, list[Task]]:
    # Without a run, what its kind does then is left to a worker of its service.
    ended = await ends.end(session, hold, End(TaskStatus.CANCELLED, is_unsettled=True))
    if ended is None:
        raise NotFound
    return ended, await follow_up(session, ended)


async def _known(session: Session, task_id: UUID) -> Task:
    task = await repository.by_id(session, task_id)
    if task is None:
        raise NotFound
    return task
