"""`/tasks/{task_id}/logs` and `/attempts`: what happened to a task."""

from uuid import UUID

from fastapi import APIRouter

from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page, PageQuery, problems

from ..dependencies import HistoryDep
from ..schemas.task_history import Attempts, LogLineModel

router = APIRouter(prefix="/tasks/{task_id}", tags=["tasks"])


@router.get(
    "/logs", operation_id="tasks_logs", summary="Read a task's log", responses=problems(401, 404, 422, 429, 503)
)
async def read_log(task_id: UUID, caller: CurrentCaller, history: HistoryDep, page: PageQuery) -> Page[LogLineModel]:
    """The lines that the task wrote for its owner, the oldest first. To see them come, follow its events."""
    lines = await history.log(caller.id, task_id, after=decode_cursor(page.cursor), limit=page.limit + 1)
    return page_of(lines, page.limit, LogLineModel.model_validate, lambda line: line.place)


@router.get(
    "/attempts",
    operation_id="tasks_attempts",
    summary="Read a task's attempts",
    responses=problems(401, 404, 422, 429, 503),
)
async def read_attempts(task_id: UUID, caller: CurrentCaller, history: HistoryDep) -> Attempts:
    """Every run of the task, also of those before it was retried: which worker, when, and how it ended."""
    return Attempts(items=await history.attempts(caller.id, task_id))
