"""The table `user_profiles`, whose row is made when something is first written."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """A user's profile; the defaults where there is no row."""

    full_name: str | None
    locale: str
    time_zone: str
    preferences: dict[str, Any]
    avatar_key: str | None
    avatar_type: str | None


class Profiles:
    """How users like to be addressed. Writers lock the user first."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def read(self, user_id: UUID) -> ProfileRecord | None:
        """The profile of a user; None if there is no such user."""
        return await self._session.fetch_one(
            ProfileRecord,
            """
            SELECT u.full_name, coalesce(p.locale, 'en') AS locale, coalesce(p.time_zone, 'UTC') AS time_zone,
                   coalesce(p.preferences, '{}'::jsonb) AS preferences, p.avatar_key, p.avatar_type
            FROM users u
            LEFT JOIN user_profiles p ON p.user_id = u.id
            WHERE u.id = $1
            """,
            user_id,
        )

    async def write(self, user_id: UUID, locale: str, time_zone: str, preferences: dict[str, Any]) -> None:
        """Keep all but the picture."""
        await self._session.execute(
            """
            INSERT INTO user_profiles (user_id, locale, time_zone, preferences) VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_id) DO UPDATE
            SET locale = $2, time_zone = $3, preferences = $4, updated_at = clock_timestamp()
            """,
            user_id,
            locale,
            time_zone,
            preferences,
        )

    async def set_avatar(self, user_id: UUID, key: str | None, media_type: str | None) -> None:
        """Name the object that is the picture, or say that there is none."""
        await self._session.execute(
            """
            INSERT INTO user_profiles (user_id, avatar_key, avatar_type) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE
            SET avatar_key = $2, avatar_type = $3, updated_at = clock_timestamp()
            """,
            user_id,
            key,
            media_type,
        )
