"""/api/v1/projects/{id}/members: who may see a project."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import json_answer
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import MembersDep
from ..schemas.members import Member, MemberAdd, MemberUpdate

router = APIRouter(prefix="/api/v1/projects/{project_id}/members", tags=["projects"])


@router.get(
    "",
    operation_id="projects_members_list",
    summary="List the members of a project",
    responses=problems(401, 404, 422, 429, 503),
)
async def list_members(project_id: UUID, caller: CurrentCaller, page: PageQuery, members: MembersDep) -> Page[Member]:
    """For every member."""
    return await members.list(caller.id, project_id, page.limit, page.cursor)


@router.post(
    "",
    operation_id="projects_members_add",
    summary="Let a user into a project",
    status_code=201,
    response_model=Member,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def add_member(
    project_id: UUID, body: MemberAdd, caller: CurrentCaller, members: MembersDep, once: Once
) -> Response:
    """For owners. Name the user by `email` or by `user_id`; who has no account yet can be invited."""
    return await once(_added, members.add, caller.id, project_id, body)


@router.patch(
    "/{user_id}",
    operation_id="projects_members_update",
    summary="Change a member's role",
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def update_member(
    project_id: UUID, user_id: UUID, body: MemberUpdate, caller: CurrentCaller, members: MembersDep
) -> Member:
    """For owners. The last owner keeps the role: 409 `last_owner`."""
    return await members.change(caller.id, project_id, user_id, body.role)


@router.delete(
    "/{user_id}",
    operation_id="projects_members_remove",
    summary="Remove a member, or leave",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def remove_member(project_id: UUID, user_id: UUID, caller: CurrentCaller, members: MembersDep) -> None:
    """Owners remove anybody; everybody may leave. The last owner can do neither: 409 `last_owner`."""
    await members.remove(caller.id, project_id, user_id)


def _added(member: Member) -> Response:
    return json_answer(member, 201)
