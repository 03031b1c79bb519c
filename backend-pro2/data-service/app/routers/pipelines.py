"""`/process/pipelines`: saved steps and their runs."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_CREATED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch, RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix, public_path
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel, task_body

from ..dependencies import PipelinesDep
from ..repositories.pipelines import Pipeline
from ..schemas.pipelines import NewPipeline, PipelineContent, PipelineModel, PipelineRun, PipelineVersionModel
from ..services.pipelines import etag
from .parameters import NumberedQuery, numbered_page

router = APIRouter(prefix="/process/pipelines", tags=["process"])

READ = problems(401, 404, 422, 429, 503)
CHANGE = problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)


@router.get("", operation_id="pipelines_list", summary="List pipelines", responses=READ)
async def list_pipelines(
    caller: CurrentCaller, pipelines: PipelinesDep, page: PageQuery, project_id: OfProject = None
) -> Page[PipelineModel]:
    """Pipelines of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    rows = await pipelines.page(caller.id, project_id=project_id, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, PipelineModel.model_validate, lambda row: row.id)


@router.post(
    "",
    operation_id="pipelines_create",
    summary="Save a pipeline",
    status_code=201,
    response_model=PipelineModel,
    responses=TAGGED_CREATED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def create_pipeline(
    new: NewPipeline, caller: CurrentCaller, pipelines: PipelinesDep, once: Once, prefix: PublicPrefix
) -> Response:
    """Save steps under a name that the project does not have yet; whether they fit shows over a dataset."""
    return await once(partial(_created, prefix), pipelines.create, caller.id, new)


@router.get(
    "/{pipeline_id}",
    operation_id="pipelines_get",
    summary="Read a pipeline",
    response_model=PipelineModel,
    responses=TAGGED_READ | READ,
)
async def get_pipeline(
    pipeline_id: UUID, caller: CurrentCaller, pipelines: PipelinesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The pipeline with the steps of its newest version."""
    return _tagged(await pipelines.read(caller.id, pipeline_id), if_none_match)


@router.put(
    "/{pipeline_id}",
    operation_id="pipelines_replace",
    summary="Replace a pipeline",
    response_model=PipelineModel,
    responses=TAGGED | CHANGE,
)
async def replace_pipeline(
    pipeline_id: UUID,
    content: PipelineContent,
    caller: CurrentCaller,
    pipelines: PipelinesDep,
    if_match: IfMatch = None,
) -> Response:
    """Make the next version of the pipeline; those before it stay, and can still be run."""
    return _tagged(await pipelines.replace(caller.id, pipeline_id, content, if_match))


@router.delete(
    "/{pipeline_id}",
    operation_id="pipelines_delete",
    summary="Remove a pipeline",
    status_code=204,
    responses=problems(401, 403, 404, 409, 412, 422, 429, 503),
)
async def delete_pipeline(
    pipeline_id: UUID, caller: CurrentCaller, pipelines: PipelinesDep, if_match: IfMatch = None
) -> None:
    """Remove the pipeline with its versions. What it has made stays, and so do its runs."""
    await pipelines.remove(caller.id, pipeline_id, if_match)


@router.get(
    "/{pipeline_id}/versions", operation_id="pipelines_versions", summary="List a pipeline's versions", responses=READ
)
async def list_versions(
    pipeline_id: UUID, caller: CurrentCaller, pipelines: PipelinesDep, page: NumberedQuery
) -> Page[PipelineVersionModel]:
    """The steps as they were, newest first."""
    rows = await pipelines.versions(caller.id, pipeline_id, below=page.below, limit=page.limit + 1)
    return numbered_page(rows, page.limit, PipelineVersionModel.model_validate, lambda row: row.version)


@router.post(
    "/{pipeline_id}/run",
    operation_id="pipelines_run",
    summary="Run a pipeline",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def run_pipeline(
    pipeline_id: UUID,
    asked: PipelineRun,
    caller: CurrentCaller,
    pipelines: PipelinesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Do its steps over a dataset of its project, as `/process/run` does."""
    accepted = partial(accepted_task, prefix)
    return await once(accepted, pipelines.run, caller.id, pipeline_id, asked, request_id, wait)


@router.get("/{pipeline_id}/runs", operation_id="pipelines_runs", summary="List a pipeline's runs", responses=READ)
async def list_runs(
    pipeline_id: UUID, caller: CurrentCaller, pipelines: PipelinesDep, prefix: PublicPrefix, page: PageQuery
) -> Page[TaskModel]:
    """The tasks that ran it, newest first; `params.pipeline_version` tells which version."""
    before = decode_cursor(page.cursor)
    tasks = await pipelines.runs(caller.id, pipeline_id, before=before, limit=page.limit + 1)
    return page_of(tasks, page.limit, lambda task: task_body(task, prefix), lambda task: task.id)


def _created(prefix: str, made: Pipeline) -> Response:
    place = public_path(prefix, f"/process/pipelines/{made.id}")
    return tagged(PipelineModel.model_validate(made), tag=etag(made), status=201, headers={"Location": place})


def _tagged(found: Pipeline, if_none_match: str | None = None) -> Response:
    return tagged(PipelineModel.model_validate(found), if_none_match, tag=etag(found))
