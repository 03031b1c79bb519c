"""/api/v1/users: accounts, as administrators and their owners see them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import AdminCaller, CurrentCaller, SessionCaller
from shared.parameters import made
from shared.schemas import Page, PageQuery, problems

from ..dependencies import CallingClient, ErasuresDep, UsersDep
from ..schemas.users import Account, AccountFilter, AccountUpdate, OwnUpdate, RoleChange

router = APIRouter(prefix="/api/v1/users", tags=["users"])


@router.get(
    "",
    operation_id="users_list",
    summary="List the users of this instance",
    responses=problems(401, 403, 422, 429, 503),
)
async def list_users(
    _: AdminCaller, page: PageQuery, wanted: Annotated[AccountFilter, made(AccountFilter)], users: UsersDep
) -> Page[Account]:
    """For administrators. Newest first."""
    return await users.list(wanted, page.limit, page.cursor)


@router.get(
    "/me",
    operation_id="users_me_read",
    summary="Read my account",
    response_model=Account,
    responses={**TAGGED_READ, **problems(401, 429, 503)},
)
async def read_me(caller: CurrentCaller, users: UsersDep, if_none_match: IfNoneMatch = None) -> Response:
    """Like `/auth/me`, with what only administrators and you see."""
    return tagged(await users.read(caller, caller.id), if_none_match)


@router.patch(
    "/me",
    operation_id="users_me_update",
    summary="Change my name or address",
    response_model=Account,
    responses={**TAGGED, **problems(400, 401, 409, 412, 413, 422, 429, 503)},
)
async def update_me(
    body: OwnUpdate, caller: CurrentCaller, client: CallingClient, users: UsersDep, if_match: IfMatch = None
) -> Response:
    """A new address needs `current_password`; it is unverified until the link in the mail sent there is opened."""
    return tagged(await users.update(caller, client.address, caller.id, body.for_account(), if_match))


@router.delete(
    "/me",
    operation_id="users_me_delete",
    summary="Delete my account",
    status_code=204,
    responses=problems(401, 403, 404, 409, 429, 503),
)
async def delete_me(caller: SessionCaller, erasures: ErasuresDep) -> None:
    """There is no way back. Projects of which you are the only member go too; in others, what you made stays."""
    await erasures.erase(caller, caller.id)


@router.get(
    "/{user_id}",
    operation_id="users_read",
    summary="Read a user",
    response_model=Account,
    responses={**TAGGED_READ, **problems(401, 404, 422, 429, 503)},
)
async def read_user(
    user_id: UUID, caller: CurrentCaller, users: UsersDep, if_none_match: IfNoneMatch = None
) -> Response:
    """For administrators and the user; to anybody else every user looks like an absent one."""
    return tagged(await users.read(caller, user_id), if_none_match)


@router.patch(
    "/{user_id}",
    operation_id="users_update",
    summary="Change, deactivate or activate a user",
    response_model=Account,
    responses={**TAGGED, **problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)},
)
async def update_user(
    user_id: UUID,
    body: AccountUpdate,
    caller: CurrentCaller,
    client: CallingClient,
    users: UsersDep,
    if_match: IfMatch = None,
) -> Response:
    """For administrators; users change themselves as under `/users/me`.

    Deactivation ends all access at once: sessions end and API keys are revoked. Activation brings neither back.
    """
    return tagged(await users.update(caller, client.address, user_id, body, if_match))


@router.delete(
    "/{user_id}",
    operation_id="users_delete",
    summary="Delete a user",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def delete_user(user_id: UUID, caller: SessionCaller, erasures: ErasuresDep) -> None:
    """For administrators and the user. Projects without other members go too; in others, what the user made stays."""
    await erasures.erase(caller, user_id)


@router.put(
    "/{user_id}/role",
    operation_id="users_role_set",
    summary="Make a user an administrator, or no longer one",
    response_model=Account,
    responses={**TAGGED, **problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)},
)
async def set_role(
    user_id: UUID, body: RoleChange, caller: AdminCaller, users: UsersDep, if_match: IfMatch = None
) -> Response:
    """For administrators. It holds from the next request on; the last active administrator stays one."""
    return tagged(await users.set_role(caller, user_id, body.role, if_match))
