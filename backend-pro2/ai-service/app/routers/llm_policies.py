"""`/analysis/llm/policy`: what the LLM may see of a project's data."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import LlmPoliciesDep
from ..schemas.llm_policies import LlmPolicyModel, LlmPolicyUpdate

router = APIRouter(prefix="/analysis/llm", tags=["analysis"])

OfOneProject = Annotated[UUID, Query(description="Whose policy.")]


@router.get(
    "/policy",
    operation_id="analysis_llm_policy_read",
    summary="Read what the LLM may see",
    response_model=LlmPolicyModel,
    responses={**TAGGED_READ, **problems(401, 404, 422, 429, 503)},
)
async def read_policy(
    project_id: OfOneProject, caller: CurrentCaller, policies: LlmPoliciesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """For members. Personal columns never leave, whatever the level; what left is in the project's egress ledger."""
    return tagged(await policies.read(caller.id, project_id), if_none_match)


@router.put(
    "/policy",
    operation_id="analysis_llm_policy_set",
    summary="Set what the LLM may see",
    response_model=LlmPolicyModel,
    responses={**TAGGED, **problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)},
)
async def set_policy(
    project_id: OfOneProject,
    body: LlmPolicyUpdate,
    caller: CurrentCaller,
    policies: LlmPoliciesDep,
    if_match: IfMatch = None,
) -> Response:
    """For owners. It holds for questions asked from now on; one that is being answered keeps what it began under."""
    return tagged(await policies.set(caller.id, project_id, body.level, if_match))
