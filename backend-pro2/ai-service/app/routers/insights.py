"""`/analysis/insights`, `/analysis/explain` and `/analysis/describe-columns`: what an LLM makes of facts."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared.conditional import json_answer
from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait
from shared.tasks import Task
from shared.tasks.answers import accepted_task

from ..dependencies import InsightsDep
from ..schemas.insights import (
    DescriptionsAnswer,
    DescriptionsRequest,
    ExplanationAnswer,
    ExplanationRequest,
    InsightsAnswer,
    InsightsRequest,
)
from .asks import ACCEPTED, ASK_PROBLEMS

router = APIRouter(prefix="/analysis", tags=["ask"], responses=ACCEPTED | ASK_PROBLEMS)


@router.post(
    "/insights", operation_id="analysis_insights", summary="Find what is worth knowing", response_model=InsightsAnswer
)
async def find_insights(
    order: InsightsRequest,
    caller: CurrentCaller,
    insights: InsightsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 60,
) -> Response:
    """Have an LLM write findings about a dataset's profile, or about the result of an analysis.

    Each rests on facts that were computed here; every number in it is the value of one, or reads `[unverified]`. What
    of the facts the LLM sees is the project's policy; personal columns never leave, not even by name.
    """
    return await once(partial(_answered, InsightsAnswer, prefix), insights.insights, caller.id, order, request_id, wait)


@router.post(
    "/explain",
    operation_id="analysis_explain",
    summary="Explain a result or an error",
    response_model=ExplanationAnswer,
)
async def explain(
    order: ExplanationRequest,
    caller: CurrentCaller,
    insights: InsightsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 60,
) -> Response:
    """Have an LLM explain in plain language what an analysis has found, or why a task has failed.

    Numbers are held against the result as those of insights are. Of an error the LLM sees code and documentation, and
    its detail only where that holds no values of the data or the project's policy is `rows`.
    """
    return await once(
        partial(_answered, ExplanationAnswer, prefix), insights.explain, caller.id, order, request_id, wait
    )


@router.post(
    "/describe-columns",
    operation_id="analysis_describe_columns",
    summary="Propose descriptions of columns",
    response_model=DescriptionsAnswer,
)
async def describe_columns(
    order: DescriptionsRequest,
    caller: CurrentCaller,
    insights: InsightsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 60,
) -> Response:
    """Have an LLM propose a description and a unit for each column of a dataset, but for personal ones.

    Nothing is written: `PATCH /datasets/{id}/schema` takes what you agree to.
    """
    return await once(
        partial(_answered, DescriptionsAnswer, prefix), insights.describe, caller.id, order, request_id, wait
    )


def _answered(model: type[BaseModel], prefix: str, found: Task | dict[str, Any]) -> Response:
    if isinstance(found, Task):
        return accepted_task(prefix, found, "/analysis")
    return json_answer(model.model_validate(found))
