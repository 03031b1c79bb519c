"""`/analysis/ask`: questions to data in everyday words."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from shared.conditional import json_answer
from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems
from shared.tasks import Task
from shared.tasks.answers import accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import AsksDep
from ..schemas.asks import AskAnswer, AskRequest

router = APIRouter(prefix="/analysis", tags=["ask"])

ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": TaskModel, "description": "It takes longer than `wait`; the task's result will be the answer."}
}
ASK_PROBLEMS = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.post(
    "/ask",
    operation_id="analysis_ask",
    summary="Ask the data",
    response_model=AskAnswer,
    responses=ACCEPTED | ASK_PROBLEMS,
)
async def ask(
    question: AskRequest,
    caller: CurrentCaller,
    asks: AsksDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 60,
) -> Response:
    """Answer a question by queries and analyses that an LLM plans and this service runs, over these datasets alone.

    Every number in the answer is a cell of `tables`, or reads `[unverified]`. What of the data the LLM sees is the
    project's policy; personal columns never leave. A question that fails answers with the problem of its task.
    """
    return await once(partial(_answered, prefix), asks.ask, caller.id, question, request_id, wait)


def _answered(prefix: str, found: Task | dict[str, Any]) -> Response:
    if isinstance(found, Task):
        return accepted_task(prefix, found, "/analysis")
    return json_answer(AskAnswer.model_validate(found))
