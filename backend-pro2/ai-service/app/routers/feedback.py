"""`/analysis/ask/{task_id}/feedback`: what an asker thinks of an answer."""

from uuid import UUID

from fastapi import APIRouter

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import FeedbackDep
from ..schemas.feedback import Feedback, FeedbackModel

router = APIRouter(prefix="/analysis/ask", tags=["ask"])


@router.post(
    "/{task_id}/feedback",
    operation_id="analysis_ask_feedback",
    summary="Judge an answer",
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def give_feedback(
    task_id: UUID, feedback: Feedback, caller: CurrentCaller, feedbacks: FeedbackDep
) -> FeedbackModel:
    """Say whether the answer to one's own question helps; said again, the later counts.

    With `accept` the question and its one query become a verified query, in place of one for the same question.
    """
    return FeedbackModel.model_validate(await feedbacks.give(caller.id, task_id, feedback))
