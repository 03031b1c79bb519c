"""The table `one_time_tokens`: what mailed links prove, known by its SHA-256 only."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from shared.database import Session

Purpose = Literal["password_reset", "email_verification"]


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token about to be mailed to `email`."""

    sha256: bytes
    user_id: UUID
    purpose: Purpose
    email: str
    life: timedelta


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose token it is."""

    user_id: UUID
    email: str
    full_name: str | None


class OneTimeTokens:
    """Tokens that work once, for a while, and for the address they were sent to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, new: NewToken) -> None:
        """Keep the hash of a token; its life begins now."""
        await self._session.execute(
            """
            INSERT INTO one_time_tokens (token_sha256, user_id, purpose, email, expires_at)
            VALUES ($1, $2, $3, $4, now() + $5::interval)
            """,
            new.sha256,
            new.user_id,
            new.purpose,
            new.email,
            new.life,
        )

    async def owner_of(self, sha256: bytes, purpose: Purpose) -> TokenOwner | None:
        """Whose good token this is: unused, not expired, and the account still has the address it went to."""
        return await self._session.fetch_one(
            TokenOwner,
            """
            SELECT u.id AS user_id, u.email, u.full_name
            FROM one_time_tokens t
            JOIN users u ON u.id = t.user_id AND u.email = t.email
            WHERE t.token_sha256 = $1 AND t.purpose = $2 AND t.used_at IS NULL AND t.expires_at > now() AND u.is_active
            """,
            sha256,
            purpose,
        )

    async def use(self, sha256: bytes, purpose: Purpose) -> bool:
        """Use a token up; False if it is not good any more. Its user must be locked."""
        return bool(
            await self._session.execute(
                """
                UPDATE one_time_tokens t SET used_at = now()
                FROM users u
                WHERE t.token_sha256 = $1 AND t.purpose = $2 AND t.used_at IS NULL AND t.expires_at > now()
                  AND u.id = t.user_id AND u.email = t.email AND u.is_active
                """,
                sha256,
                purpose,
            )
        )

    async def void(self, user_id: UUID, purpose: Purpose) -> None:
        """Use up whatever a user has left of a kind."""
        await self._session.execute(
            "UPDATE one_time_tokens SET used_at = now() WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
            user_id,
            purpose,
        )

    async def forget_expired(self, limit: int) -> int:
        """Remove tokens that no answer can depend on any more; how many."""
        return await self._session.execute(
            """
            DELETE FROM one_time_tokens WHERE token_sha256 IN (
                SELECT token_sha256 FROM one_time_tokens WHERE expires_at < now()
                ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """,
            limit,
        )
