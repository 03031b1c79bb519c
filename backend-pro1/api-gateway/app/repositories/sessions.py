"""The table `sessions`: one row a login, holding the only refresh token of its family that is still good."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class NewSession:
    """A login about to be kept; `password_hash` is what its password was checked against."""

    id: UUID
    user_id: UUID
    refresh_jti: UUID
    refresh_issued_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None
    password_hash: str


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A live session as its user sees it."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """Where the refresh tokens of a live session stand."""

    session_id: UUID
    refresh_jti: UUID
    refresh_issued_at: datetime
    previous_jti: UUID | None
    rotated_at: datetime | None


class Sessions:
    """Logins and their families of refresh tokens."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, new: NewSession) -> bool:
        """Keep a login; False if its user was deactivated or deleted, or got another password, meanwhile.

        It holds the user's row, so that whoever ends all sessions of a user either sees this one or prevents it.
        """
        return bool(
            await self._session.execute(
                """
                WITH entering AS (
                    UPDATE users SET last_login_at = now()
                    WHERE id = $2 AND is_active AND password_hash = $8
                    RETURNING id
                )
                INSERT INTO sessions (id, user_id, refresh_jti, refresh_issued_at, expires_at, address, user_agent)
                SELECT $1, id, $3, $4, $5, $6, $7 FROM entering
                """,
                new.id,
                new.user_id,
                new.refresh_jti,
                new.refresh_issued_at,
                new.expires_at,
                new.address,
                new.user_agent,
                new.password_hash,
            )
        )

    async def lock(self, session_id: UUID, user_id: UUID) -> TokenFamily | None:
        """The family of a live session, held to the transaction's end, so that of parallel refreshes one is first."""
        return await self._session.fetch_one(
            TokenFamily,
            """
            SELECT s.id AS session_id, s.refresh_jti, s.refresh_issued_at, s.previous_jti, s.rotated_at
            FROM sessions s
            JOIN users u ON u.id = s.user_id
            WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active
            FOR UPDATE OF s
            """,
            session_id,
            user_id,
        )

    async def rotate(self, session_id: UUID, successor: UUID, at: datetime, expires_at: datetime) -> None:
        """Make `successor` the good token and remember its predecessor."""
        await self._session.execute(
            """
            UPDATE sessions
            SET previous_jti = refresh_jti, refresh_jti = $2, refresh_issued_at = $3, rotated_at = $3, expires_at = $4
            WHERE id = $1
            """,
            session_id,
            successor,
            at,
            expires_at,
        )

    async def revoke(self, session_id: UUID, reason: str) -> None:
        """End one session; ending it again changes nothing."""
        await self._session.execute(
            "UPDATE sessions SET revoked_at = now(), revoked_reason = $2 WHERE id = $1 AND revoked_at IS NULL",
            session_id,
            reason,
        )

    async def revoke_own(self, user_id: UUID, session_id: UUID, reason: str) -> bool:
        """End a live session of this user; False if there is none."""
        return bool(
            await self._session.execute(
                """
                UPDATE sessions SET revoked_at = now(), revoked_reason = $3
                WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL AND expires_at > now()
                """,
                user_id,
                session_id,
                reason,
            )
        )

    async def revoke_all(self, user_id: UUID, reason: str, *, but: UUID | None = None) -> list[UUID]:
        """End every session of a user, or every other one; the ids of those that were live."""
        ended = await self._session.fetch_value(
            """
            WITH ended AS (
                UPDATE sessions SET revoked_at = now(), revoked_reason = $2
                WHERE user_id = $1 AND revoked_at IS NULL AND ($3::uuid IS NULL OR id <> $3)
                RETURNING id
            )
            SELECT coalesce(array_agg(id), '{}') FROM ended
            """,
            user_id,
            reason,
            but,
        )
        return list(ended)

    async def page_of(self, user_id: UUID, limit: int, before: UUID | None) -> list[SessionRecord]:
        """Live sessions of a user, newest first."""
        return await self._session.fetch_all(
            SessionRecord,
            """
            SELECT id, created_at, refresh_issued_at AS last_used_at, expires_at, address, user_agent
            FROM sessions
            WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC
            LIMIT $3
            """,
            user_id,
            before,
            limit,
        )

    async def forget_expired(self, limit: int = 100) -> int:
        """Remove rows that no token can refer to any more; how many."""
        return await self._session.execute(
            """
            DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE expires_at < now() - interval '1 day'
                ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """,
            limit,
        )
