"""`/models/{id}`: predictions of whole datasets, evaluations and monitoring."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page, PageQuery, Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import ModelUsesDep
from ..schemas.analyses import LARGEST_VERSION
from ..schemas.batch_predictions import (
    BatchRequest,
    EvaluateRequest,
    EvaluationKind,
    EvaluationModel,
    MonitorRequest,
)

router = APIRouter(prefix="/models", tags=["models"])

ORDERED = FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.post(
    "/{model_id}/predict/batch",
    operation_id="models_predict_batch",
    summary="Predict a dataset",
    status_code=202,
    response_model=TaskModel,
    responses=ORDERED,
)
async def predict_batch(
    model_id: UUID,
    request: BatchRequest,
    caller: CurrentCaller,
    uses: ModelUsesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """All rows of a version, as a new dataset; the result's summary names it (`dataset_id`), and it is ready then."""
    return await once(partial(accepted_task, prefix), uses.predict, caller.id, model_id, request, request_id, wait)


@router.post(
    "/{model_id}/evaluate",
    operation_id="models_evaluate",
    summary="Evaluate a model",
    status_code=202,
    response_model=TaskModel,
    responses=ORDERED,
)
async def evaluate(
    model_id: UUID,
    request: EvaluateRequest,
    caller: CurrentCaller,
    uses: ModelUsesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Measures with intervals on data with a known target, beside those of the training. `verdict` is `worse` or
    `better` where the 95 % intervals of the model's own metric then and now do not meet, else `as_trained`."""
    return await once(partial(accepted_task, prefix), uses.evaluate, caller.id, model_id, request, request_id, wait)


@router.post(
    "/{model_id}/monitor",
    operation_id="models_monitor",
    summary="Compare data with the training",
    status_code=202,
    response_model=TaskModel,
    responses=ORDERED,
)
async def monitor(
    model_id: UUID,
    request: MonitorRequest,
    caller: CurrentCaller,
    uses: ModelUsesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Drift of features, predictions and target, and the realised error if the target is there. A column's verdict is
    `moderate` from a population stability index of 0.1 and `large` from 0.25, if its q-value is below 0.05."""
    return await once(partial(accepted_task, prefix), uses.monitor, caller.id, model_id, request, request_id, wait)


@router.get(
    "/{model_id}/evaluations",
    operation_id="models_evaluations",
    summary="List evaluations of a model",
    responses=problems(401, 404, 422, 429, 503),
)
async def list_evaluations(
    model_id: UUID,
    caller: CurrentCaller,
    uses: ModelUsesDep,
    page: PageQuery,
    kind: Annotated[EvaluationKind | None, Query(description="Only this kind.")] = None,
    version: Annotated[
        int | None, Query(ge=1, le=LARGEST_VERSION, description="Only those of this version of the model.")
    ] = None,
) -> Page[EvaluationModel]:
    """Evaluations and comparisons with the training data, newest first."""
    before = decode_cursor(page.cursor)
    rows = await uses.evaluations(caller.id, model_id, kind, version, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, EvaluationModel.model_validate, lambda row: row.id)
