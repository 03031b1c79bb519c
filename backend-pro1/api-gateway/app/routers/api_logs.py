"""/api/v1/admin/api-logs: who called what, and how it ended."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.identity import AdminCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import ApiLogsDep
from ..schemas.api_logs import ApiLog, ApiLogFilter

router = APIRouter(prefix="/api/v1/admin/api-logs", tags=["admin"])


@router.get(
    "",
    operation_id="api_logs_list",
    summary="List API calls",
    responses=problems(401, 403, 408, 422, 429, 503),
)
async def list_api_logs(
    _: AdminCaller, wanted: Annotated[ApiLogFilter, Query()], page: PageQuery, api_logs: ApiLogsDep
) -> Page[ApiLog]:
    """For administrators. Newest first; a call appears about a second after its answer."""
    return await api_logs.list(wanted, page.limit, page.cursor)
