"""/api/v1/users/me/profile and /avatar: how a user likes to be addressed."""

from typing import Any

from fastapi import APIRouter, Response

from shared.conditional import TAG_HEADER, TAGGED, TAGGED_READ, not_modified, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import problems

from ..core.images import IMAGE_TYPES
from ..dependencies import AvatarsDep, Picture, ProfilesDep
from ..schemas.profiles import Avatar, Profile, ProfileUpdate

router = APIRouter(prefix="/api/v1/users/me", tags=["users"])

_BINARY = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in IMAGE_TYPES}
_PICTURE_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _BINARY}}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": _BINARY, "headers": TAG_HEADER},
    304: TAGGED_READ[304],
}
# It comes from a user: a browser shows it as a picture of this kind, and never as a page that may do something.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-cache",
}


@router.get(
    "/profile",
    operation_id="users_me_profile_read",
    summary="Read my profile",
    response_model=Profile,
    responses={**TAGGED_READ, **problems(401, 429, 503)},
)
async def read_profile(caller: CurrentCaller, profiles: ProfilesDep, if_none_match: IfNoneMatch = None) -> Response:
    """Defaults where nothing was set."""
    return tagged(await profiles.read(caller.id), if_none_match)


@router.patch(
    "/profile",
    operation_id="users_me_profile_update",
    summary="Change my profile",
    response_model=Profile,
    responses={**TAGGED, **problems(400, 401, 412, 413, 422, 429, 503)},
)
async def update_profile(
    body: ProfileUpdate, caller: CurrentCaller, profiles: ProfilesDep, if_match: IfMatch = None
) -> Response:
    """`preferences` are merged into what is there (RFC 7396): null takes a member away."""
    return tagged(await profiles.update(caller.id, body, if_match))


@router.put(
    "/avatar",
    operation_id="users_me_avatar_put",
    summary="Upload my picture",
    responses=problems(401, 413, 415, 429, 503),
    openapi_extra=_PICTURE_BODY,
)
async def put_avatar(picture: Picture, caller: CurrentCaller, avatars: AvatarsDep) -> Avatar:
    """The bytes of a PNG, JPEG, WebP or GIF, at most 512 KiB; they speak for themselves, whatever the header says."""
    return await avatars.replace(caller.id, picture)


@router.get(
    "/avatar",
    operation_id="users_me_avatar_read",
    summary="My picture",
    response_class=Response,
    responses={**_PICTURE, **problems(401, 404, 429, 503)},
)
async def read_avatar(caller: CurrentCaller, avatars: AvatarsDep, if_none_match: IfNoneMatch = None) -> Response:
    """The bytes as they were uploaded."""
    avatar = await avatars.find(caller.id)
    headers = {"ETag": avatar.etag, **_HARMLESS}
    return not_modified(if_none_match, avatar.etag) or Response(
        await avatars.content(avatar), headers=headers, media_type=avatar.media_type
    )


@router.delete(
    "/avatar",
    operation_id="users_me_avatar_delete",
    summary="Remove my picture",
    status_code=204,
    responses=problems(401, 404, 429, 503),
)
async def delete_avatar(caller: CurrentCaller, avatars: AvatarsDep) -> None:
    """The object goes as well."""
    await avatars.remove(caller.id)
