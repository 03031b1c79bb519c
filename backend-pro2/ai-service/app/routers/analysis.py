"""`/analysis`: submit, follow, read, retry and remove analyses."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from shared.conditional import TAG_HEADER, TAGGED_READ, not_modified, tagged
from shared.dependencies import IfNoneMatch, RequestId
from shared.etags import etag_of_digest
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, Wait, problems
from shared.tasks import Task, TaskStatus
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel, task_body
from shared.tasks.streaming import STREAMED, EventStream, TaskEvents

from ..dependencies import AnalysesDep, CertificationsDep, ReplaysDep
from ..schemas.analyses import (
    AnalysisFilter,
    AnalysisOrder,
    AnalysisRequest,
    AnalysisResult,
    AnalysisTypeModel,
    AnalysisTypes,
)
from ..schemas.certifications import CertificationRequest
from ..schemas.types import ANALYSIS_TYPES

router = APIRouter(prefix="/analysis", tags=["analysis"])

ArtifactName = Annotated[
    str, Path(max_length=100, description="One of the result's `artifacts`.", examples=["labels.csv"])
]
WORD = "^[a-z0-9-]+$"
TypeName = Annotated[
    str, Path(max_length=50, pattern=WORD, description="One of `/analysis/types`.", examples=["regression"])
]
SUBMIT_PROBLEMS = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.get("/types", operation_id="analysis_types", summary="What can be analysed", responses=problems(401, 429))
async def list_types(_: CurrentCaller) -> AnalysisTypes:
    """Every type of analysis with the JSON Schema of its parameters, an example and its cost."""
    return AnalysisTypes(items=[AnalysisTypeModel.of(entry) for entry in ANALYSIS_TYPES.values()])


@router.post(
    "",
    operation_id="analysis_submit",
    summary="Submit an analysis",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | SUBMIT_PROBLEMS,
)
async def submit(
    order: AnalysisRequest,
    caller: CurrentCaller,
    analyses: AnalysesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Accept an analysis of a version of a dataset. Poll the task, follow its events, or ask to `wait` for it."""
    return await once(partial(_accepted, prefix), analyses.submit, caller.id, order, request_id, wait)


@router.get("", operation_id="analysis_list", summary="List analyses", responses=problems(401, 422, 429, 503))
async def list_analyses(
    caller: CurrentCaller,
    analyses: AnalysesDep,
    prefix: PublicPrefix,
    page: PageQuery,
    project_id: OfProject = None,
    dataset_id: Annotated[UUID | None, Query(description="Only those of this dataset.")] = None,
    type: Annotated[  # noqa: A002 - the contract's name
        str | None, Query(max_length=50, pattern=WORD, description="Only this type.")
    ] = None,
    status: Annotated[TaskStatus | None, Query(description="Only those that stand so.")] = None,
) -> Page[TaskModel]:
    """Analyses of the caller's projects, newest first."""
    wanted = AnalysisFilter(project_id, dataset_id, type, status)
    tasks = await analyses.page(caller.id, wanted, before=decode_cursor(page.cursor), limit=page.limit + 1)
    return page_of(tasks, page.limit, lambda task: task_body(task, prefix), lambda task: task.id)


@router.get(
    "/{task_id}",
    operation_id="analysis_read",
    summary="Read an analysis",
    response_model=TaskModel,
    responses=TAGGED_READ | problems(401, 404, 422, 429, 503),
)
async def read(
    task_id: UUID,
    caller: CurrentCaller,
    analyses: AnalysesDep,
    prefix: PublicPrefix,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The task of an analysis: its status, progress, and error if it failed."""
    return tagged(task_body(await analyses.read(caller.id, task_id), prefix), if_none_match)


@router.delete(
    "/{task_id}",
    operation_id="analysis_delete",
    summary="Remove an analysis",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def remove(task_id: UUID, caller: CurrentCaller, analyses: AnalysesDep) -> None:
    """Remove a finished analysis with its result, events and files; what it tested stays in the count of hypotheses."""
    await analyses.remove(caller.id, task_id)


@router.get(
    "/{task_id}/result",
    operation_id="analysis_result",
    summary="Read a result",
    response_model=AnalysisResult,
    responses=TAGGED_READ | problems(401, 404, 409, 422, 429, 503),
)
async def result(
    task_id: UUID, caller: CurrentCaller, analyses: AnalysesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Summary, tables, Vega-Lite charts, warnings, artifacts, and the manifest to repeat it by."""
    return tagged(AnalysisResult.model_validate(await analyses.result(caller.id, task_id)), if_none_match)


@router.get(
    "/{task_id}/artifacts/{name}",
    operation_id="analysis_artifact",
    summary="Download a file of a result",
    response_class=StreamingResponse,
    responses={
        **TAGGED_READ,
        200: {
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "description": "The file.",
            "headers": TAG_HEADER,
        },
        **problems(401, 404, 409, 422, 429, 503),
    },
)
async def artifact(
    task_id: UUID,
    name: ArtifactName,
    caller: CurrentCaller,
    analyses: AnalysesDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The bytes of one of the result's `artifacts`."""
    found = await analyses.artifact(caller.id, task_id, name)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "Content-Length": str(found.size),
        "X-Content-Type-Options": "nosniff",
        "X-Content-SHA256": found.sha256,
        "ETag": (tag := etag_of_digest(found.sha256)),
    }
    content = StreamingResponse(found.chunks, media_type=found.media_type, headers=headers)
    return not_modified(if_none_match, tag) or content


@router.post(
    "/{task_id}/cancel",
    operation_id="analysis_cancel",
    summary="Cancel an analysis",
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def cancel(task_id: UUID, caller: CurrentCaller, analyses: AnalysesDep, prefix: PublicPrefix) -> TaskModel:
    """Call an analysis off: at once while it is queued, within two seconds when it runs."""
    return task_body(await analyses.cancel(caller.id, task_id), prefix)


@router.post(
    "/{task_id}/retry",
    operation_id="analysis_retry",
    summary="Retry an analysis",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(401, 403, 404, 409, 422, 429, 503),
)
async def retry(
    task_id: UUID,
    caller: CurrentCaller,
    analyses: AnalysesDep,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Do a failed or cancelled analysis again. The task stays the same, and keeps the history of its attempts."""
    return await once(partial(_accepted, prefix), analyses.retry, caller.id, task_id, wait)


@router.post(
    "/{task_id}/replay",
    operation_id="analysis_replay",
    summary="Replay an analysis",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(401, 403, 404, 409, 422, 429, 503),
)
async def replay(
    task_id: UUID,
    caller: CurrentCaller,
    replays: ReplaysDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Compute a finished analysis again from its manifest, and compare: a new task, whose result has the summary
    `{match, differences: [{part, path, before, after}], environment: [{name, before, after}], replay_of}`."""
    return await once(partial(_accepted, prefix), replays.submit, caller.id, task_id, request_id, wait)


@router.post(
    "/certify",
    operation_id="analysis_certify",
    summary="Certify the numerical quality",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def certify(
    order: CertificationRequest,
    caller: CurrentCaller,
    certifications: CertificationsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Run NIST's reference data sets through the analyses: a task, whose result has the table `digits` (`dataset`,
    `quantity`, `certified`, `computed`, `digits`: the correct ones, 15 at most) and `min_digits` in its summary."""
    return await once(partial(_accepted, prefix), certifications.submit, caller.id, order.project_id, request_id, wait)


@router.get(
    "/{task_id}/events",
    operation_id="analysis_events",
    summary="Follow an analysis",
    response_class=EventStream,
    responses=STREAMED | problems(401, 404, 422, 429, 503),
)
async def events(stream: TaskEvents) -> Response:
    """Server-sent events `state`, `progress`, `log` and `result`; ends after the final state."""
    return stream


@router.post(
    "/{type}",
    operation_id="analysis_submit_type",
    summary="Submit an analysis of one type",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | SUBMIT_PROBLEMS,
)
async def submit_type(
    type: TypeName,  # noqa: A002 - the contract's name
    order: AnalysisOrder,
    caller: CurrentCaller,
    analyses: AnalysesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """The same as submitting an analysis, with its type in the path."""
    full = AnalysisRequest.model_construct(type=type, **dict(order))
    return await once(partial(_accepted, prefix), analyses.submit, caller.id, full, request_id, wait)


def _accepted(prefix: str, task: Task) -> Response:
    return accepted_task(prefix, task, "/analysis")
