"""The caller of a request: from a verified token and a live session to a user."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.types import Scope

from shared.admission import SESSION_ENDED, session_key
from shared.auth import Claims
from shared.database import Database, Session
from shared.errors import Unauthorized
from shared.models.user import Caller, PublicUser
from shared.redis_client import RedisClient, RedisUnavailable

SESSION_CACHE_SECONDS = 60
ENDED = "This session has ended; log in again."

__all__ = ["Caller", "CurrentCaller", "Identifier", "PublicUser", "SessionCache"]


class SessionCache:
    """Keeps the `/auth/me` body of live sessions in Redis, and tombstones of ended ones while a token may live.

    A tombstone is never overwritten by a slow reader, since readers store only where nothing is.
    """

    def __init__(self, redis: RedisClient, access_token_seconds: int) -> None:
        self._redis = redis
        self._tombstone_seconds = access_token_seconds + 60

    async def put(self, session_id: UUID, user_json: bytes) -> None:
        """Remember a live session; without Redis, do without."""
        try:
            await self._redis.set_bytes(session_key(session_id), user_json, SESSION_CACHE_SECONDS, if_absent=True)
        except RedisUnavailable:
            return

    async def forget(self, session_ids: Iterable[UUID]) -> None:
        """End sessions at once; what Redis remembers through an outage lapses within a minute."""
        try:
            for session_id in session_ids:
                await self._redis.set_bytes(session_key(session_id), SESSION_ENDED, self._tombstone_seconds)
        except RedisUnavailable:
            return

    async def refresh(self, session_ids: Iterable[UUID]) -> None:
        """Drop what is remembered of sessions whose user changed."""
        try:
            await self._redis.delete(*(session_key(session_id) for session_id in session_ids))
        except RedisUnavailable:
            return


class Identifier:
    """Finds the user behind a request's claims: in what the admission round trip brought, else in PostgreSQL."""

    def __init__(self, database: Database, cache: SessionCache) -> None:
        self._database = database
        self._cache = cache

    async def user_json(self, scope: Scope) -> bytes:
        """The `/auth/me` body of the caller.

        Raises:
            Unauthorized: no valid token, or its session has ended.
        """
        state = scope["state"]
        claims: Claims | None = state.get("claims")
        if claims is None:
            raise Unauthorized(state.get("credential_fault") or "Send an access token: Authorization: Bearer <token>.")
        cached: bytes | None = state.get("session")
        if cached == SESSION_ENDED:
            raise Unauthorized(ENDED, code="session_ended")
        return cached if cached is not None else await self._load(claims)

    async def caller(self, scope: Scope) -> Caller:
        """The caller of a request.

        Raises:
            Unauthorized: no valid token, or its session has ended.
        """
        user = orjson.loads(await self.user_json(scope))
        return Caller(UUID(user["id"]), user["email"], user["role"], scope["state"]["claims"].session_id)

    async def _load(self, claims: Claims) -> bytes:
        async with self._database.transaction(read_only=True) as session:
            user = await _live_user(session, claims)
        if user is None:
            raise Unauthorized(ENDED, code="session_ended")
        body = user.as_json()
        await self._cache.put(claims.session_id, body)
        return body


async def _live_user(session: Session, claims: Claims) -> PublicUser | None:
    return await session.fetch_one(
        PublicUser,
        """
        SELECT u.id, u.email, u.full_name, u.role, u.is_active, u.created_at
        FROM sessions s
        JOIN users u ON u.id = s.user_id
        WHERE s.id = $1 AND u.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active
        """,
        claims.session_id,
        claims.user_id,
    )


_bearer = HTTPBearer(auto_error=False, scheme_name="bearerAuth", description="The access token of a login.")


async def current_caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    """Dependency: the authenticated caller, or 401."""
    identifier: Identifier = request.app.state.identifier
    return await identifier.caller(request.scope)


CurrentCaller = Annotated[Caller, Depends(current_caller)]
