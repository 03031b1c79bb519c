"""The table `api_keys`: credentials of programs, known by their SHA-256 only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key about to be given out."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    sha256: bytes
    scopes: Sequence[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A key as its owner sees it."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ApiKeys:
    """Keys of users; revoked ones are as good as gone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, new: NewApiKey) -> datetime:
        """Keep the hash of a key; when it was created."""
        created_at: datetime = await self._session.fetch_value(
            """
            INSERT INTO api_keys (id, user_id, name, prefix, key_sha256, scopes, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            RETURNING created_at
            """,
            new.id,
            new.user_id,
            new.name,
            new.prefix,
            new.sha256,
            list(new.scopes),
            new.expires_at,
        )
        return created_at

    async def count_live(self, user_id: UUID) -> int:
        """How many keys of a user open something."""
        count: int = await self._session.fetch_value(
            """
            SELECT count(*) FROM api_keys
            WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
            """,
            user_id,
        )
        return count

    async def page_of(self, user_id: UUID, limit: int, before: UUID | None) -> list[ApiKeyRecord]:
        """Keys of a user that were not revoked, expired ones among them, newest first."""
        return await self._session.fetch_all(
            ApiKeyRecord,
            """
            SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at
            FROM api_keys
            WHERE user_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC
            LIMIT $3
            """,
            user_id,
            before,
            limit,
        )

    async def revoke(self, user_id: UUID, key_id: UUID) -> bool:
        """Revoke a key of this user; False if there is none that could be."""
        return bool(
            await self._session.execute(
                "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
                key_id,
                user_id,
            )
        )

    async def forget_old(self, limit: int) -> int:
        """Remove keys that were revoked or expired ninety days ago; how many."""
        return await self._session.execute(
            """
            DELETE FROM api_keys WHERE id IN (
                SELECT id FROM api_keys WHERE least(revoked_at, expires_at) < now() - interval '90 days'
                LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """,
            limit,
        )
