"""/api/v1/users/me/usage and /export: what the instance holds of a user, in figures and in full."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import JSON, ExportsDep, UsageDep
from ..schemas.usage import Usage

router = APIRouter(prefix="/api/v1/users/me", tags=["users"])

_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON document, to be saved as a file.",
        "content": {JSON: {"schema": {"type": "object"}, "example": {"user": {"email": "ada@example.com"}}}},
    }
}


@router.get(
    "/usage",
    operation_id="users_me_usage",
    summary="How much have I made and used?",
    responses=problems(401, 429, 503),
)
async def read_usage(caller: CurrentCaller, usage: UsageDep) -> Usage:
    """Counts what you own and what you made, in whichever project it is."""
    return await usage.read(caller.id)


@router.post(
    "/export",
    operation_id="users_me_export",
    summary="Take along everything that is held about me",
    response_class=StreamingResponse,
    responses={**_DOCUMENT, **problems(401, 404, 429, 503)},
)
async def export_own_data(request: Request, caller: CurrentCaller, exports: ExportsDep) -> StreamingResponse:
    """Account, profile, sessions, API keys without their secrets, mails, memberships, invitations, what you made, and
    your API calls. Contents of datasets are not among them: download those. A document that ends early does not parse.
    """
    request.scope["long_running"] = True
    headers = {
        "Content-Disposition": f'attachment; filename="export-{caller.id}.json"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(await exports.open(caller.id), headers=headers, media_type=JSON)
