"""Profiles: how users like to be addressed."""

from uuid import UUID

import orjson

from shared.errors import Invalid, NotFound
from shared.etags import etag_of_model, require_current
from shared.identity import SessionCache

from ..core.merge_patch import merged
from ..repositories import Repositories, UnitOfWork
from ..repositories.profiles import ProfileRecord
from ..schemas.profiles import Profile, ProfileUpdate

MAXIMUM_PREFERENCE_BYTES = 16 * 1024
AVATAR_PATH = "/api/v1/users/me/avatar"
DEFAULT_LOCALE = "en"
DEFAULT_ZONE = "UTC"


class ProfileService:
    """Use cases of /users/me/profile."""

    def __init__(self, begin: UnitOfWork, cache: SessionCache) -> None:
        self._begin = begin
        self._cache = cache

    async def read(self, user_id: UUID) -> Profile:
        """The profile; the defaults while nothing was written.

        Raises:
            NotFound: there is no such user any more.
        """
        async with self._begin(read_only=True) as repositories:
            return _body(await repositories.profiles.read(user_id))

    async def update(self, user_id: UUID, change: ProfileUpdate, if_match: str | None) -> Profile:
        """The profile after a change.

        Raises:
            Invalid: `preferences_too_large`.
            PreconditionFailed: it was changed since the caller read it.
        """
        async with self._begin() as repositories:
            await repositories.users.lock(user_id)
            before = _body(await repositories.profiles.read(user_id))
            require_current(if_match, etag_of_model(before), "profile")
            await _write(repositories, user_id, before, change)
            after = _body(await repositories.profiles.read(user_id))
            access = await repositories.access.live(user_id) if after.full_name != before.full_name else []
        await self._cache.refresh(access)
        return after


async def _write(repositories: Repositories, user_id: UUID, before: Profile, change: ProfileUpdate) -> None:
    given = change.model_fields_set
    if "full_name" in given:
        await repositories.users.rename(user_id, change.full_name)
    locale = (change.locale or DEFAULT_LOCALE) if "locale" in given else before.locale
    zone = (change.time_zone or DEFAULT_ZONE) if "time_zone" in given else before.time_zone
    preferences = before.preferences
    if "preferences" in given:
        preferences = {} if change.preferences is None else merged(preferences, change.preferences)
    if len(orjson.dumps(preferences)) > MAXIMUM_PREFERENCE_BYTES:
        raise Invalid(
            f"Preferences may take {MAXIMUM_PREFERENCE_BYTES} bytes as JSON; remove something.",
            code="preferences_too_large",
        )
    await repositories.profiles.write(user_id, locale, zone, preferences)


def _body(row: ProfileRecord | None) -> Profile:
    if row is None:
        raise NotFound
    return Profile(
        full_name=row.full_name,
        locale=row.locale,
        time_zone=row.time_zone,
        preferences=row.preferences,
        avatar_url=AVATAR_PATH if row.avatar_key else None,
    )
