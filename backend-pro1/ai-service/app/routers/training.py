"""`/models` for training: what there is, and its submission."""

from functools import partial

from fastapi import APIRouter, Response

from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import TrainingsDep
from ..schemas.algorithms import ALGORITHMS, AlgorithmModel, Algorithms
from ..schemas.trainings import TrainRequest

router = APIRouter(prefix="/models", tags=["models"])


@router.get(
    "/algorithms", operation_id="models_algorithms", summary="What can be trained", responses=problems(401, 429)
)
async def list_algorithms(_: CurrentCaller) -> Algorithms:
    """Families of models, and the problems that each suits; `auto` compares them."""
    return Algorithms(items=[AlgorithmModel.model_validate(one) for one in ALGORITHMS])


@router.post(
    "/train",
    operation_id="models_train",
    summary="Train a model",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def train(
    order: TrainRequest,
    caller: CurrentCaller,
    trainings: TrainingsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Accept a training; it makes a model, or the next version of the one of this name.

    Its result, at `/tasks/{task_id}/result`, has the summary `{model_id, version, problem, metric, score, ci_low,
    ci_high, baseline, candidates, took_s, …}`. While it runs, each `log` event holds the leaderboard so far as JSON,
    `{tried, metric, leaderboard: [[algorithm, score]]}`. A `budget_seconds` that ends keeps the best so far.
    """
    return await once(partial(accepted_task, prefix), trainings.submit, caller.id, order, request_id, wait)
