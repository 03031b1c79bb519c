"""`/analysis/ask/suggestions`: questions that a dataset's profile suggests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import TAGGED_READ, tagged
from shared.dependencies import IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import SuggestionsDep
from ..schemas.suggestions import SuggestionModel, SuggestionsModel

router = APIRouter(prefix="/analysis/ask", tags=["ask"])


@router.get(
    "/suggestions",
    operation_id="analysis_ask_suggestions",
    summary="Suggest questions",
    response_model=SuggestionsModel,
    responses=TAGGED_READ | problems(401, 404, 422, 429, 503),
)
async def suggest(
    caller: CurrentCaller,
    suggestions: SuggestionsDep,
    project_id: Annotated[UUID, Query(description="The project whose data is asked about.")],
    dataset_id: Annotated[UUID | None, Query(description="Absent: the project's newest datasets.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Up to eight questions that fit the columns, by rules from the profile. The LLM is not asked, and columns of
    personal data are not named."""
    found = await suggestions.of(caller.id, project_id, dataset_id)
    return tagged(SuggestionsModel(items=[SuggestionModel.model_validate(one) for one in found]), if_none_match)
