"""/api/v1/projects/{id}/quotas and /usage: what a project may use, and uses."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import QuotasDep
from ..schemas.quotas import ProjectQuotaModel, ProjectUsage, QuotaUpdate
from ..services.quotas import etag

router = APIRouter(prefix="/api/v1/projects/{project_id}", tags=["projects"])


@router.get(
    "/quotas",
    operation_id="projects_quotas_read",
    summary="Read the quotas of a project",
    response_model=ProjectQuotaModel,
    responses={**TAGGED_READ, **problems(401, 404, 422, 429, 503)},
)
async def read_quotas(
    project_id: UUID, caller: CurrentCaller, quotas: QuotasDep, if_none_match: IfNoneMatch = None
) -> Response:
    """For members and administrators. The ETag names the limits, not what is used of them."""
    found = await quotas.read(caller, project_id)
    return tagged(found, if_none_match, tag=etag(found))


@router.put(
    "/quotas",
    operation_id="projects_quotas_set",
    summary="Set the quotas of a project",
    response_model=ProjectQuotaModel,
    responses={**TAGGED, **problems(400, 401, 403, 404, 412, 413, 422, 429, 503)},
)
async def set_quotas(
    project_id: UUID, body: QuotaUpdate, caller: CurrentCaller, quotas: QuotasDep, if_match: IfMatch = None
) -> Response:
    """For administrators. What is there already stays, also above the limit; nothing is added to it."""
    found = await quotas.set(caller, project_id, body, if_match)
    return tagged(found, tag=etag(found))


@router.get(
    "/usage",
    operation_id="projects_usage",
    summary="Read what a project uses",
    responses=problems(401, 404, 422, 429, 503),
)
async def read_usage(project_id: UUID, caller: CurrentCaller, quotas: QuotasDep) -> ProjectUsage:
    """For members and administrators."""
    return await quotas.usage(caller, project_id)
