"""`/tasks`: long-running work of every kind."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from shared.conditional import TAGGED_READ, tagged
from shared.dependencies import IfNoneMatch
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, problems
from shared.tasks import TaskStatus
from shared.tasks.schemas import TaskModel, task_body
from shared.tasks.streaming import TaskEvents

from ..dependencies import ClusterDep, LedgerDep, TasksDep
from ..schemas.analyses import AnalysisResult
from ..schemas.tasks import ClusterModel, QueueModel, Queues

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("", operation_id="tasks_list", summary="List tasks", responses=problems(401, 422, 429, 503))
async def list_tasks(
    caller: CurrentCaller,
    ledger: LedgerDep,
    prefix: PublicPrefix,
    page: PageQuery,
    project_id: OfProject = None,
    kind: Annotated[
        str | None,
        Query(max_length=50, pattern="^[a-z_-]+$", description="Only this kind.", examples=["ingest", "analysis"]),
    ] = None,
    status: Annotated[TaskStatus | None, Query(description="Only those that stand so.")] = None,
) -> Page[TaskModel]:
    """Tasks of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    tasks = await ledger.list(
        caller.id, project_id=project_id, kind=kind, status=status, limit=page.limit + 1, before=before
    )
    return page_of(tasks, page.limit, lambda task: task_body(task, prefix), lambda task: task.id)


@router.get("/queues", operation_id="tasks_queues", summary="What waits and runs", responses=problems(401, 429, 503))
async def queues(caller: CurrentCaller, tasks: TasksDep) -> Queues:
    """Unfinished tasks of the caller's projects, by queue."""
    return Queues(items=[QueueModel.model_validate(load) for load in await tasks.queues(caller.id)])


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
async def read(
    task_id: UUID, caller: CurrentCaller, ledger: LedgerDep, prefix: PublicPrefix, if_none_match: IfNoneMatch = None
) -> Response:
    """Where the task stands."""
    return tagged(task_body(await ledger.read(task_id, caller.id), prefix), if_none_match)


@router.post(
    "/{task_id}/cancel",
    operation_id="tasks_cancel",
    summary="Cancel a task",
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def cancel(task_id: UUID, caller: CurrentCaller, ledger: LedgerDep, prefix: PublicPrefix) -> TaskModel:
    """Call a task off: at once while it is queued, within two seconds when it runs."""
    return task_body(await ledger.cancel(task_id, caller.id), prefix)


@router.get(
    "/{task_id}/events",
    operation_id="tasks_events",
    summary="Follow a task",
    response_class=EventSourceResponse,
    responses=problems(401, 404, 422, 429, 503),
)
async def events(stream: TaskEvents) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events `state`, `progress`, `log` and `result`; ends after the final state."""
    async for event in stream:
        yield event


@router.get(
    "/{task_id}/result",
    operation_id="tasks_result",
    summary="Read a task's result",
    response_model=AnalysisResult,
    responses=TAGGED_READ | problems(401, 404, 409, 422, 429, 503),
)
async def result(task_id: UUID, caller: CurrentCaller, tasks: TasksDep, if_none_match: IfNoneMatch = None) -> Response:
    """What a task of kind `analysis` produced; 409 `no_result` for kinds whose outcome is a dataset."""
    return tagged(AnalysisResult.model_validate(await tasks.result(caller.id, task_id)), if_none_match)
