"""`/tasks`: long-running work of every kind."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED_READ, tagged
from shared.dependencies import IfNoneMatch
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.awaited import AwaitedTask
from shared.tasks.listing import TaskFilter
from shared.tasks.schemas import TaskModel, task_body
from shared.tasks.streaming import STREAMED, EventStream, TaskEvents

from ..dependencies import ClusterDep, LedgerDep, TasksDep
from ..schemas.analyses import AnalysisResult
from ..schemas.tasks import POISON, ClusterModel, TaskQuery

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("", operation_id="tasks_list", summary="List tasks", responses=problems(401, 422, 429, 503))
async def list_tasks(
    caller: CurrentCaller, ledger: LedgerDep, prefix: PublicPrefix, page: PageQuery, query: TaskQuery
) -> Page[TaskModel]:
    """Tasks of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    tasks = await ledger.list(caller.id, limit=page.limit + 1, before=before, **query.wanted)
    return page_of(tasks, page.limit, lambda task: task_body(task, prefix), lambda task: task.id)


@router.get(
    "/dead-letter",
    operation_id="tasks_dead_letter",
    summary="List tasks that were given up",
    responses=problems(401, 422, 429, 503),
)
async def list_dead_letter(
    caller: CurrentCaller, ledger: LedgerDep, prefix: PublicPrefix, page: PageQuery, project_id: OfProject = None
) -> Page[TaskModel]:
    """Tasks of the caller's projects whose every attempt died, newest first: `error.code` is `poison`."""
    before = decode_cursor(page.cursor)
    wanted = TaskFilter(project_id=project_id, error_code=POISON)
    tasks = await ledger.list(caller.id, limit=page.limit + 1, before=before, **wanted)
    return page_of(tasks, page.limit, lambda task: task_body(task, prefix), lambda task: task.id)


@router.get("/cluster", operation_id="tasks_cluster", summary="The Ray cluster", responses=problems(401, 429, 503))
async def cluster(_: CurrentCaller, watch: ClusterDep) -> ClusterModel:
    """Nodes and resources of the instance's Ray cluster; 503 `ray_disabled` without one."""
    return ClusterModel.model_validate(await watch.status())


@router.get(
    "/{task_id}",
    operation_id="tasks_read",
    summary="Read a task",
    response_model=TaskModel,
    responses=TAGGED_READ | problems(401, 404, 422, 429, 503),
)
async def read(task: AwaitedTask, prefix: PublicPrefix, if_none_match: IfNoneMatch = None) -> Response:
    """Where the task stands, now or once it has ended."""
    return tagged(task_body(task, prefix), if_none_match)


@router.post(
    "/{task_id}/cancel",
    operation_id="tasks_cancel",
    summary="Cancel a task",
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def cancel(task_id: UUID, caller: CurrentCaller, ledger: LedgerDep, prefix: PublicPrefix) -> TaskModel:
    """Call a task off: at once while it is queued, within two seconds when it runs."""
    return task_body(await ledger.cancel(task_id, caller.id), prefix)


@router.post(
    "/{task_id}/retry",
    operation_id="tasks_retry",
    summary="Retry a task",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(401, 403, 404, 409, 422, 429, 503),
)
async def retry(
    task_id: UUID, caller: CurrentCaller, tasks: TasksDep, once: Once, prefix: PublicPrefix, wait: Wait = 0
) -> Response:
    """Do a failed or cancelled task of any kind again. It keeps its id and the history of its attempts and events."""
    return await once(partial(accepted_task, prefix), tasks.retry, caller.id, task_id, wait)


@router.get(
    "/{task_id}/events",
    operation_id="tasks_events",
    summary="Follow a task",
    response_class=EventStream,
    responses=STREAMED | problems(401, 404, 422, 429, 503),
)
async def events(stream: TaskEvents) -> Response:
    """Server-sent events `state`, `progress`, `log` and `result`; ends after the final state."""
    return stream


@router.get(
    "/{task_id}/result",
    operation_id="tasks_result",
    summary="Read a task's result",
    response_model=AnalysisResult,
    responses=TAGGED_READ | problems(401, 404, 409, 422, 429, 503),
)
async def result(task_id: UUID, caller: CurrentCaller, tasks: TasksDep, if_none_match: IfNoneMatch = None) -> Response:
    """What a task of kind `analysis` or `replay` produced; 409 `no_result` for kinds whose outcome is a dataset."""
    return tagged(AnalysisResult.model_validate(await tasks.result(caller.id, task_id)), if_none_match)
