"""`/tasks/queues`, `/tasks/workers`, `/tasks/stats`: what carries the tasks."""

from fastapi import APIRouter

from shared.identity import CurrentCaller
from shared.schemas import OfProject, problems

from ..dependencies import QueuesDep
from ..schemas.queues import Hours, Queues, TaskStats, Workers

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("/queues", operation_id="tasks_queues", summary="What waits and runs", responses=problems(401, 429, 503))
async def list_queues(caller: CurrentCaller, queues: QueuesDep) -> Queues:
    """Unfinished tasks of the caller's projects, by queue, and for administrators those of the whole instance."""
    return await queues.loads(caller)


@router.get("/workers", operation_id="tasks_workers", summary="Workers", responses=problems(401, 429, 503))
async def list_workers(caller: CurrentCaller, queues: QueuesDep) -> Workers:
    """The workers of the instance: how many tasks of which queues each takes, and which of the caller's it runs."""
    return Workers(items=await queues.workers(caller.id))


@router.get(
    "/stats", operation_id="tasks_stats", summary="How many and how long", responses=problems(401, 422, 429, 503)
)
async def read_stats(
    caller: CurrentCaller, queues: QueuesDep, hours: Hours = 24, project_id: OfProject = None
) -> TaskStats:
    """Tasks of the caller's projects by kind and status, and how long they waited and ran."""
    return TaskStats(hours=hours, items=await queues.stats(caller.id, hours, project_id))
