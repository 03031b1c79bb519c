"""/api/v1/projects/{id}/egress: what left for the LLM, and what came back, byte for byte."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from shared.conditional import TAGGED_READ, tagged
from shared.dependencies import IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import EgressDep
from ..schemas.egress import EgressEntry, OfTask

router = APIRouter(prefix="/api/v1/projects/{project_id}/egress", tags=["projects"])

LINES = "application/x-ndjson"
_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An entry a line, oldest first.",
        "content": {LINES: {"schema": {"type": "string"}, "example": '{"id": "01890a5d-…", "status": "answered"}\n'}},
    }
}


@router.get(
    "",
    operation_id="projects_egress_list",
    summary="List what left for the LLM",
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def list_entries(
    project_id: UUID, caller: CurrentCaller, page: PageQuery, egress: EgressDep, task_id: OfTask = None
) -> Page[EgressEntry]:
    """For owners; newest first. Each request to the LLM is an entry, also one that failed and was made again; an answer
    from the cache left nothing and is none. A page ends early once its bodies exceed 4 MiB. Kept for LLM_EGRESS_DAYS.
    """
    return await egress.list(caller.id, project_id, page.limit, page.cursor, task_id=task_id)


@router.get(
    "/export",
    operation_id="projects_egress_export",
    summary="Take along what left for the LLM",
    response_class=StreamingResponse,
    responses={**_LINES, **problems(401, 403, 404, 422, 429, 503)},
)
async def export_entries(
    project_id: UUID, request: Request, caller: CurrentCaller, egress: EgressDep
) -> StreamingResponse:
    """For owners: the whole ledger as JSON Lines, oldest first."""
    request.scope["long_running"] = True
    headers = {
        "Content-Disposition": f'attachment; filename="egress-{project_id}.jsonl"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(await egress.export(caller.id, project_id), headers=headers, media_type=LINES)


@router.get(
    "/{entry_id}",
    operation_id="projects_egress_read",
    summary="Read what left for the LLM",
    response_model=EgressEntry,
    responses={**TAGGED_READ, **problems(401, 403, 404, 422, 429, 503)},
)
async def read_entry(
    project_id: UUID, entry_id: UUID, caller: CurrentCaller, egress: EgressDep, if_none_match: IfNoneMatch = None
) -> Response:
    """For owners."""
    return tagged(await egress.read(caller.id, project_id, entry_id), if_none_match)
