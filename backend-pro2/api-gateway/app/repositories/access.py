"""What lets a user in, of the tables `sessions` and `api_keys` together."""

from uuid import UUID

from shared.database import Session


class Access:
    """Sessions and API keys of one user, whose ids name them in the session cache."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def live(self, user_id: UUID) -> list[UUID]:
        """Ids of all sessions and keys that work."""
        found = await self._session.fetch_value(
            """
            SELECT coalesce(array_agg(id), '{}') FROM (
                SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
                UNION ALL
                SELECT id FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL
            ) AS live
            """,
            user_id,
        )
        return list(found)

    async def end(self, user_id: UUID, reason: str) -> list[UUID]:
        """End all of them; the ids of those that worked. The caller has locked the user, so that no new one begins."""
        ended = await self._session.fetch_value(
            """
            WITH ended_sessions AS (
                UPDATE sessions SET revoked_at = now(), revoked_reason = $2
                WHERE user_id = $1 AND revoked_at IS NULL
                RETURNING id
            ), ended_keys AS (
                UPDATE api_keys SET revoked_at = now()
                WHERE user_id = $1 AND revoked_at IS NULL
                RETURNING id
            )
            SELECT coalesce(array_agg(id), '{}')
            FROM (SELECT id FROM ended_sessions UNION ALL SELECT id FROM ended_keys) AS ended
            """,
            user_id,
            reason,
        )
        return list(ended)
