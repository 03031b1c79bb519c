"""Avatars: small pictures of users, as objects of the store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from shared.errors import NotFound, ServiceUnavailable, UnsupportedMediaType
from shared.etags import etag_of
from shared.ids import new_id
from shared.logging import get_logger
from shared.object_store import ObjectStore

from ..core.images import IMAGE_TYPES, image_type
from ..repositories import UnitOfWork
from ..schemas.profiles import Avatar
from .profiles import AVATAR_PATH

log = get_logger(__name__)

PREFIX = "avatars/"
MAXIMUM_PICTURE_BYTES = 512 * 1024
# The store's own patience is made for large files; for a picture nobody waits that long.
PICTURE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class StoredAvatar:
    """Where a picture is and what it is; another picture has another key."""

    key: str
    media_type: str

    @property
    def etag(self) -> str:
        """The entity tag of the picture."""
        return etag_of(self.key.encode())


class AvatarService:
    """Use cases of /users/me/avatar. An object that is left behind by a failure is found by the sweep of orphans."""

    def __init__(self, begin: UnitOfWork, store: ObjectStore, remove: Callable[[str], Awaitable[None]]) -> None:
        self._begin = begin
        self._store = store
        self._remove = remove

    async def replace(self, user_id: UUID, picture: bytes) -> Avatar:
        """Keep a picture in place of the one there was.

        Raises:
            UnsupportedMediaType: not a PNG, JPEG, WebP or GIF.
            ServiceUnavailable: the store is away or silent.
            NotFound: there is no such user any more.
        """
        kind = image_type(picture)
        if kind is None:
            raise UnsupportedMediaType(f"Send a picture as {', '.join(IMAGE_TYPES)}; these bytes are none of them.")
        key = f"{PREFIX}{user_id}/{new_id()}"
        async with _in_time():
            await self._store.put_bytes(key, picture)
        former = await self._set(user_id, key, kind)
        await self.discard(former)
        return Avatar(avatar_url=AVATAR_PATH, media_type=kind, bytes=len(picture))

    async def find(self, user_id: UUID) -> StoredAvatar:
        """Where the user's picture is.

        Raises:
            NotFound: there is none.
        """
        async with self._begin(read_only=True) as repositories:
            profile = await repositories.profiles.read(user_id)
        if profile is None or profile.avatar_key is None or profile.avatar_type is None:
            raise NotFound
        return StoredAvatar(profile.avatar_key, profile.avatar_type)

    async def content(self, avatar: StoredAvatar) -> bytes:
        """The picture's bytes.

        Raises:
            ServiceUnavailable: the store is away or silent.
        """
        async with _in_time():
            return b"".join([chunk async for chunk in self._store.get_stream(avatar.key)])

    async def remove(self, user_id: UUID) -> None:
        """Have no picture any more.

        Raises:
            NotFound: there was none.
        """
        former = await self._set(user_id, None, None)
        if former is None:
            raise NotFound
        await self.discard(former)

    async def discard(self, key: str | None) -> None:
        """Remove a picture that no row names any more."""
        if key is None:
            return
        try:
            async with _in_time():
                await self._remove(key)
        except ServiceUnavailable:
            log.warning("avatar_left_behind", object_name=key)

    async def _set(self, user_id: UUID, key: str | None, media_type: str | None) -> str | None:
        async with self._begin() as repositories:
            await repositories.users.lock(user_id)
            before = await repositories.profiles.read(user_id)
            if before is None:
                raise NotFound
            if key is not None or before.avatar_key is not None:
                await repositories.profiles.set_avatar(user_id, key, media_type)
        return before.avatar_key


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PICTURE_SECONDS):
            yield
    except TimeoutError as error:
        raise ServiceUnavailable("The object store does not answer; try again shortly.") from error
