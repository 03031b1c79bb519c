"""DELETE /api/v1/projects/{id}: the end of a project, as a task."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from shared.dependencies import RequestId
from shared.identity import CurrentCaller
from shared.links import GATEWAY_PREFIX
from shared.schemas import Wait, problems
from shared.tasks.schemas import TaskModel, task_body

from ..dependencies import RemovalsDep

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])

_FINISHED: dict[int | str, dict[str, Any]] = {
    200: {"model": TaskModel, "description": "`wait` was given, and the task has ended."}
}


@router.delete(
    "/{project_id}",
    operation_id="projects_delete",
    summary="Delete a project",
    status_code=202,
    responses=_FINISHED | problems(401, 403, 404, 422, 429, 503),
)
async def delete_project(
    project_id: UUID,
    caller: CurrentCaller,
    removals: RemovalsDep,
    request_id: RequestId,
    response: Response,
    wait: Wait = 0,
) -> TaskModel:
    """For owners. At once nobody sees anything of it any more, and there is no way back; the task empties it.

    The task stays visible to the caller for a week and cannot be called off.
    """
    task = await removals.remove(caller.id, project_id, request_id, wait)
    body = task_body(task, GATEWAY_PREFIX)
    response.headers["Location"] = body.links.self
    if task.is_finished:
        response.status_code = 200
    else:
        response.headers["Retry-After"] = "1"
    return body
