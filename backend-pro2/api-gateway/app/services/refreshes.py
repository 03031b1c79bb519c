"""Refreshing a login: each refresh token buys the next pair, once."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from shared.auth import Claims, TokenCodec
from shared.config import Settings
from shared.errors import Unauthorized
from shared.identity import SessionCache
from shared.ids import new_id
from shared.logging import get_logger
from shared.metrics import auth as metrics
from shared.metrics.auth import AuthFailure

from ..core.exceptions import TokenReused
from ..core.times import utc_now
from ..repositories import UnitOfWork
from ..repositories.sessions import Sessions, TokenFamily
from ..schemas.auth import Tokens
from .token_pairs import Head, TokenPairs

log = get_logger(__name__)


class Refreshes:
    """Rotates refresh tokens. Whoever presents the same one at the same moment waits for one answer and shares it."""

    def __init__(
        self,
        begin: UnitOfWork,
        codec: TokenCodec,
        cache: SessionCache,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._begin = begin
        self._codec = codec
        self._pairs = TokenPairs(codec, settings)
        self._cache = cache
        self._grace = timedelta(seconds=settings.refresh_reuse_grace_seconds)
        self._clock = clock
        self._running: dict[UUID, asyncio.Task[Tokens]] = {}

    async def refresh(self, token: str) -> Tokens:
        """The next pair of a session, for its current refresh token.

        The predecessor yields the same successor for a short grace, since an answer may be lost and two tabs may ask at
        once. Any other token of the family was used up before: the whole family ends.

        Raises:
            Unauthorized: not a refresh token of ours, expired, or its session has ended.
            TokenReused: it was used before; the session has ended now.
        """
        try:
            claims = self._codec.read_refresh(token)
        except Unauthorized:
            metrics.failed(AuthFailure.BAD_TOKEN)
            raise
        running = self._running.get(claims.jti)
        if running is None:
            running = self._running[claims.jti] = asyncio.create_task(self._refresh(claims))
            running.add_done_callback(partial(self._ended, claims.jti))
        # One who leaves early does not take the answer from the others.
        return await asyncio.shield(running)

    async def _refresh(self, claims: Claims) -> Tokens:
        async with self._begin() as repositories:
            family = await repositories.sessions.lock(claims.session_id, claims.user_id)
            if family is None:
                metrics.failed(AuthFailure.SESSION_ENDED)
                raise Unauthorized("This session has ended; log in again.", code="session_ended")
            head = await self._advance(repositories.sessions, family, claims.jti)
            if head is None:
                await repositories.sessions.revoke(family.session_id, "token_reused")
        if head is None:
            await self._cache.forget([claims.session_id])
            metrics.failed(AuthFailure.TOKEN_REUSED)
            log.warning("refresh_token_reused", user_id=str(claims.user_id), session_id=str(claims.session_id))
            raise TokenReused("This refresh token was used before, so its session was ended; log in again.")
        return self._pairs.pair(claims.user_id, claims.session_id, head)

    async def _advance(self, sessions: Sessions, family: TokenFamily, presented: UUID) -> Head | None:
        now = self._clock()
        if presented == family.refresh_jti:
            successor = Head(new_id(), now)
            await sessions.rotate(family.session_id, successor.jti, now, self._codec.refresh_expiry(now))
            return successor
        if presented != family.previous_jti or family.rotated_at is None or now - family.rotated_at > self._grace:
            return None
        return Head(family.refresh_jti, family.refresh_issued_at)

    def _ended(self, jti: UUID, task: asyncio.Task[Tokens]) -> None:
        del self._running[jti]
        if not task.cancelled():
            # Looked at, so that asyncio does not complain when everybody who asked has left.
            task.exception()
