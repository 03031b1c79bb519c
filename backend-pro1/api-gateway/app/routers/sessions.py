"""/api/v1/auth/sessions: where you are logged in."""

from uuid import UUID

from fastapi import APIRouter

from shared.identity import SessionCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import SessionsDep
from ..schemas.sessions import LoginSession

router = APIRouter(prefix="/api/v1/auth/sessions", tags=["auth"])


@router.get(
    "",
    operation_id="auth_sessions_list",
    summary="Your sessions",
    response_model=Page[LoginSession],
    responses=problems(401, 403, 422, 429, 503),
)
async def list_sessions(caller: SessionCaller, page: PageQuery, sessions: SessionsDep) -> Page[LoginSession]:
    """Live ones only, newest first."""
    return await sessions.page(caller, page.limit, page.cursor)


@router.delete(
    "/{session_id}",
    operation_id="auth_sessions_revoke",
    summary="End one of your sessions",
    status_code=204,
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def revoke_session(session_id: UUID, caller: SessionCaller, sessions: SessionsDep) -> None:
    """Its access and refresh token stop working at once."""
    await sessions.revoke(caller, session_id)
