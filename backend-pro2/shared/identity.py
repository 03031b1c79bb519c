"""The caller of a request: from a proven credential whose session or key is alive to a user."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.types import Scope

from shared.admission import SESSION_ENDED, SESSION_STALE, session_key
from shared.credentials import UNKNOWN_KEY, FindKey, Principal, principal_of_key
from shared.database import Database, Session
from shared.errors import Forbidden, Unauthorized
from shared.metrics import auth as metrics
from shared.metrics.auth import AuthFailure
from shared.metrics.caches import SESSIONS
from shared.models.user import Caller, LoggedIn, PublicUser
from shared.redis_client import RedisClient, RedisUnavailable
from shared.scopes import login_required, require_scope

SESSION_CACHE_SECONDS = 60
# Longer than it takes anybody who has read the database to tell Redis of it.
STALE_SECONDS = 5
ENDED = "This session has ended; log in again."
NOBODY = "Send an access token: Authorization: Bearer <token>."

__all__ = [
    "AdminCaller",
    "Caller",
    "CurrentCaller",
    "Identifier",
    "LoggedIn",
    "PublicUser",
    "SessionCache",
    "SessionCaller",
    "key_finder",
]


class SessionCache:
    """Keeps the `/auth/me` body of live sessions and API keys in Redis, and tombstones of ended ones.

    Neither a tombstone nor the mark of a changed user is overwritten by a slow reader, who has seen what was before:
    readers store only where nothing is.
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
        """End sessions or API keys at once; what Redis remembers through an outage lapses within a minute."""
        try:
            for session_id in session_ids:
                await self._redis.set_bytes(session_key(session_id), SESSION_ENDED, self._tombstone_seconds)
        except RedisUnavailable:
            return

    async def refresh(self, session_ids: Iterable[UUID]) -> None:
        """Have sessions read anew whose user changed; for some seconds nothing is remembered of them."""
        try:
            for session_id in session_ids:
                await self._redis.set_bytes(session_key(session_id), SESSION_STALE, STALE_SECONDS)
        except RedisUnavailable:
            return


class Identifier:
    """Finds the user behind a request's credential: in what the admission round trip brought, else in PostgreSQL."""

    def __init__(self, database: Database, cache: SessionCache) -> None:
        self._database = database
        self._cache = cache

    async def user_json(self, scope: Scope) -> bytes:
        """The `/auth/me` body of the caller, once it is known that the caller may do this at all.

        Raises:
            Unauthorized: no valid credential, or its session or key has ended.
            Forbidden: the API key has no scope for this method and path.
        """
        state = scope["state"]
        principal: Principal | None = state.get("claims")
        if principal is None:
            raise _nobody(state.get("credential_fault"))
        body: bytes | None = state.get("session")
        # Else nothing, a mark, or what belongs to another user than the credential names: the database decides.
        if body is None or not body.startswith(principal.body_start):
            if body == SESSION_ENDED:
                raise _ended(principal)
            SESSIONS.miss()
            body = await self._load(principal)
        else:
            SESSIONS.hit()
        if principal.scopes is not None:
            require_scope(scope["method"], scope["path"], principal.scopes)
        return body

    async def caller(self, scope: Scope) -> Caller:
        """The caller of a request.

        Raises:
            Unauthorized: no valid credential, or its session or key has ended.
            Forbidden: the API key has no scope for this method and path.
        """
        user = orjson.loads(await self.user_json(scope))
        who: Principal = scope["state"]["claims"]
        return Caller(UUID(user["id"]), user["email"], user["role"], who.session_id, who.api_key_id, who.scopes)

    async def _load(self, principal: Principal) -> bytes:
        is_session = principal.scopes is None
        async with self._database.transaction(read_only=is_session) as session:
            user = await (_user_of_session if is_session else _user_of_key)(session, principal)
        if user is None:
            raise _ended(principal)
        body = user.as_json()
        await self._cache.put(principal.credential_id, body)
        return body


def _nobody(fault: str | None) -> Unauthorized:
    reasons = {None: AuthFailure.NO_CREDENTIALS, UNKNOWN_KEY: AuthFailure.UNKNOWN_API_KEY}
    metrics.failed(reasons.get(fault, AuthFailure.BAD_TOKEN))
    return Unauthorized(fault or NOBODY)


def _ended(principal: Principal) -> Unauthorized:
    is_session = principal.scopes is None
    metrics.failed(AuthFailure.SESSION_ENDED if is_session else AuthFailure.UNKNOWN_API_KEY)
    if is_session:
        return Unauthorized(ENDED, code="session_ended")
    return Unauthorized(UNKNOWN_KEY)


async def _user_of_session(session: Session, principal: Principal) -> PublicUser | None:
    return await session.fetch_one(
        PublicUser,
        """
        SELECT u.id, u.email, u.full_name, u.role, u.is_active, u.created_at
        FROM sessions s
        JOIN users u ON u.id = s.user_id
        WHERE s.id = $1 AND u.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active
        """,
        principal.credential_id,
        principal.user_id,
    )


async def _user_of_key(session: Session, principal: Principal) -> PublicUser | None:
    """Comes here at most once a minute while Redis remembers the key, which is often enough to note its use."""
    await session.execute(
        """
        UPDATE api_keys SET last_used_at = now()
        WHERE id IN (
            SELECT id FROM api_keys
            WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
            FOR NO KEY UPDATE SKIP LOCKED
        )
        """,
        principal.credential_id,
    )
    return await session.fetch_one(
        PublicUser,
        """
        SELECT u.id, u.email, u.full_name, u.role, u.is_active, u.created_at
        FROM api_keys k
        JOIN users u ON u.id = k.user_id
        WHERE k.id = $1 AND u.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
          AND u.is_active
        """,
        principal.credential_id,
        principal.user_id,
    )


@dataclass(frozen=True, slots=True)
class _KeyRow:
    """A key that may be used."""

    id: UUID
    user_id: UUID
    scopes: list[str]
    expires_at: datetime | None


def key_finder(database: Database) -> FindKey:
    """Looks a key up by its digest."""

    async def find(sha256: bytes) -> Principal | None:
        async with database.transaction(read_only=True) as session:
            row = await session.fetch_one(
                _KeyRow,
                """
                SELECT k.id, k.user_id, k.scopes, k.expires_at
                FROM api_keys k
                JOIN users u ON u.id = k.user_id
                WHERE k.key_sha256 = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
                  AND u.is_active
                """,
                sha256,
            )
        return None if row is None else principal_of_key(row.user_id, row.id, frozenset(row.scopes), row.expires_at)

    return find


_bearer = HTTPBearer(
    auto_error=False, scheme_name="bearerAuth", description="The access token of a login, or an API key."
)


async def current_caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    """Dependency: the authenticated caller, or 401; 403 for an API key without a scope for this."""
    identifier: Identifier = request.app.state.identifier
    return await identifier.caller(request.scope)


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def administrator(caller: CurrentCaller) -> Caller:
    """Dependency: the caller if that is an administrator, else 403."""
    if not caller.administers:
        raise Forbidden("Only an administrator may do this.")
    return caller


async def logged_in(caller: CurrentCaller) -> LoggedIn:
    """Dependency: the caller if a login session speaks for him, else 403."""
    if caller.session_id is None:
        raise login_required()
    return LoggedIn(caller.id, caller.email, caller.role, caller.session_id)


AdminCaller = Annotated[Caller, Depends(administrator)]
SessionCaller = Annotated[LoggedIn, Depends(logged_in)]
