"""`/tasks` for distributed jobs: what there is, and its submission."""

from functools import partial

from fastapi import APIRouter, Response

from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import JobsDep
from ..schemas.job_types import JOB_TYPES
from ..schemas.jobs import JobRequest, JobTypeModel, JobTypes

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.get("/jobs", operation_id="tasks_jobs", summary="What can be distributed", responses=problems(401, 429))
async def list_jobs(_: CurrentCaller) -> JobTypes:
    """Every registered job with the JSON Schema of its parameters, an example and its cost."""
    return JobTypes(items=[JobTypeModel.of(entry) for entry in JOB_TYPES.values()])


@router.post(
    "",
    operation_id="tasks_submit",
    summary="Submit a distributed job",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def submit(
    order: JobRequest,
    caller: CurrentCaller,
    jobs: JobsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Accept one of `/tasks/jobs`; its pieces run on the Ray cluster or in a worker, with equal results.

    Its result is at `/tasks/{task_id}/result`. With `executor` ray: 503 `ray_unavailable` while the cluster is away.
    """
    return await once(partial(accepted_task, prefix), jobs.submit, caller.id, order, request_id, wait)
