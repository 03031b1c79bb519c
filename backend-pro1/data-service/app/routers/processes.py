"""`/process`: steps over datasets."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from shared.conditional import json_answer
from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import ProcessesDep
from ..schemas.processes import Operations, PreviewRequest, PreviewRows, ProcessRequest, StepRequest
from .connected import Connected

router = APIRouter(prefix="/process", tags=["process"])

SUBMIT_PROBLEMS = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)
OperationName = Annotated[
    str, Path(max_length=50, pattern="^[a-z_]+$", description="One of `/process/operations`.", examples=["filter"])
]


@router.get(
    "/operations",
    operation_id="process_operations",
    summary="List the kinds of steps",
    response_model=Operations,
    responses=problems(401, 429),
)
async def list_operations(_: CurrentCaller, processes: ProcessesDep) -> Response:
    """Every kind of step with the JSON Schema of its members and an example, and the functions of expressions."""
    return json_answer(Operations.model_validate(await processes.operations()))


@router.post(
    "/run",
    operation_id="process_run",
    summary="Process a dataset",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | SUBMIT_PROBLEMS,
)
async def run(
    order: ProcessRequest,
    caller: CurrentCaller,
    processes: ProcessesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Do the steps over a version of a dataset, as a task that fills a new dataset or the next version of one.

    The versions read are those that are current now, unless named; they become the parents of the new one.
    """
    return await once(partial(accepted_task, prefix), processes.submit, caller.id, order, request_id, wait)


@router.post(
    "/preview",
    operation_id="process_preview",
    summary="Preview steps",
    response_model=PreviewRows,
    responses=problems(400, 401, 404, 408, 409, 413, 422, 429, 503),
)
async def preview(
    asked: PreviewRequest, caller: CurrentCaller, processes: ProcessesDep, connected: Connected
) -> Response:
    """The first rows of what the steps would give; nothing is kept. Of a large dataset they see its first rows."""
    return await connected(_preview_body, processes.preview, caller.id, asked)


@router.post(
    "/{operation}",
    operation_id="process_operation",
    summary="Process a dataset in one step",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | SUBMIT_PROBLEMS,
)
async def run_operation(
    operation: OperationName,
    order: StepRequest,
    caller: CurrentCaller,
    processes: ProcessesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """The same as a run of one step, whose members stand in the body; where one clashes, as in a join, under `step`."""
    full = order.as_process(operation)
    return await once(partial(accepted_task, prefix), processes.submit, caller.id, full, request_id, wait)


def _preview_body(answer: Mapping[str, Any]) -> Response:
    return json_answer(PreviewRows.model_validate(answer))
