"""/api/v1/projects/{id}/invitations: people asked by mail to join a project."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, json_answer, tagged
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import InvitationsDep
from ..schemas.invitations import Invitation, InvitationAccept, InvitationCreate
from ..schemas.projects import Project

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])


@router.post(
    "/invitations/accept",
    operation_id="projects_invitations_accept",
    summary="Accept an invitation",
    response_model=Project,
    responses={**TAGGED, **problems(400, 401, 409, 413, 422, 429, 503)},
)
async def accept_invitation(
    body: InvitationAccept, caller: CurrentCaller, invitations: InvitationsDep, once: Once
) -> Response:
    """Become a member of the project; answers with it. The caller's address must be the invited one.

    A token that is unknown, used, withdrawn, expired or somebody else's gives 422 `invalid_link`; which, is not told.
    """
    return await once(tagged, invitations.accept, caller, body.token)


@router.get(
    "/{project_id}/invitations",
    operation_id="projects_invitations_list",
    summary="List open invitations",
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def list_invitations(
    project_id: UUID, caller: CurrentCaller, page: PageQuery, invitations: InvitationsDep
) -> Page[Invitation]:
    """For owners; newest first."""
    return await invitations.list(caller.id, project_id, page.limit, page.cursor)


@router.post(
    "/{project_id}/invitations",
    operation_id="projects_invitations_create",
    summary="Invite somebody by mail",
    status_code=201,
    response_model=Invitation,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def create_invitation(
    project_id: UUID, body: InvitationCreate, caller: CurrentCaller, invitations: InvitationsDep, once: Once
) -> Response:
    """For owners. An open invitation to the same address is replaced, and its link no longer works."""
    return await once(_created, invitations.create, caller.id, project_id, body)


@router.delete(
    "/{project_id}/invitations/{invitation_id}",
    operation_id="projects_invitations_withdraw",
    summary="Withdraw an invitation",
    status_code=204,
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def withdraw_invitation(
    project_id: UUID, invitation_id: UUID, caller: CurrentCaller, invitations: InvitationsDep
) -> None:
    """For owners. Its link no longer works."""
    await invitations.withdraw(caller.id, project_id, invitation_id)


def _created(invitation: Invitation) -> Response:
    return json_answer(invitation, 201)
