"""`/models/{id}`: what a model says of rows."""

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Response

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import PredictionsDep
from ..schemas.predictions import ExplainRequest, Explanations, Predictions, PredictRequest, WhatIf, WhatIfRequest

router = APIRouter(prefix="/models", tags=["models"])

ASKED = problems(400, 401, 404, 408, 409, 413, 422, 429, 503)


@router.post(
    "/{model_id}/predict",
    operation_id="models_predict",
    summary="Predict rows",
    response_model=Predictions,
    responses=ASKED,
)
async def predict(
    model_id: UUID, request: PredictRequest, caller: CurrentCaller, predictions: PredictionsDep
) -> Response:
    """A value for each row, with a conformal interval or calibrated probabilities."""
    return _json(await predictions.predict(caller.id, model_id, request))


@router.post(
    "/{model_id}/explain",
    operation_id="models_explain",
    summary="Explain predictions",
    response_model=Explanations,
    responses=ASKED,
)
async def explain(
    model_id: UUID, request: ExplainRequest, caller: CurrentCaller, predictions: PredictionsDep
) -> Response:
    """Shapley values: what each feature adds to the mean prediction of rows like those of the training."""
    return _json(await predictions.explain(caller.id, model_id, request))


@router.post(
    "/{model_id}/what-if",
    operation_id="models_what_if",
    summary="Predict a row with changes",
    response_model=WhatIf,
    responses=ASKED,
)
async def what_if(
    model_id: UUID, request: WhatIfRequest, caller: CurrentCaller, predictions: PredictionsDep
) -> Response:
    """Predictions for a row with other values of some features, or over a grid of one or two."""
    return _json(await predictions.what_if(caller.id, model_id, request))


def _json(body: dict[str, Any]) -> Response:
    # As it is: to validate a thousand predictions of our own would take as long as to make them.
    return Response(orjson.dumps(body), media_type="application/json")
