"""Accounts and logins: register, log in, refresh, log out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.auth import PasswordHasher, TokenCodec
from shared.config import Settings
from shared.errors import Invalid, Unauthorized
from shared.identity import SessionCache
from shared.ids import new_id
from shared.logging import get_logger
from shared.models.user import PublicUser

from ..core.exceptions import EmailTaken, TokenReused
from ..core.passwords import password_fault
from ..repositories import UnitOfWork
from ..repositories.sessions import NewSession, Sessions, TokenFamily
from ..repositories.users import NewUser
from ..schemas.auth import Registration, Tokens

log = get_logger(__name__)

WRONG_CREDENTIALS = "E-mail address or password is wrong."


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody logs in; kept with the session so that its owner can recognise it."""

    address: str
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """The refresh token of a family that is good now."""

    jti: UUID
    issued_at: datetime


def utc_now() -> datetime:
    """The time, as PostgreSQL keeps it."""
    return datetime.now(UTC)


class Authentication:
    """Use cases of /auth. Hashing happens outside transactions; Redis hears of an ended session after the commit."""

    def __init__(
        self,
        begin: UnitOfWork,
        hasher: PasswordHasher,
        codec: TokenCodec,
        cache: SessionCache,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._begin = begin
        self._hasher = hasher
        self._codec = codec
        self._cache = cache
        self._access_seconds = settings.access_token_expire_minutes * 60
        self._grace = timedelta(seconds=settings.refresh_reuse_grace_seconds)
        self._clock = clock

    async def register(self, registration: Registration) -> PublicUser:
        """A new account.

        Raises:
            Invalid: `weak_password`.
            EmailTaken: somebody was there before, or at the same moment.
        """
        fault = password_fault(registration.password, registration.email)
        if fault is not None:
            raise Invalid(fault, code="weak_password", errors=[{"loc": ["body", "password"], "msg": fault}])
        hashed = await self._hasher.hash(registration.password)
        async with self._begin() as repositories:
            user = await repositories.users.insert(
                NewUser(new_id(), registration.email, hashed, registration.full_name)
            )
        if user is None:
            raise EmailTaken("An account with this e-mail address exists; log in instead.")
        log.info("user_registered", user_id=str(user.id))
        return user

    async def login(self, email: str, password: str, client: Client) -> Tokens:
        """A new session; an unknown address costs the same work and gets the same answer as a wrong password.

        Raises:
            Unauthorized: wrong in whatever way.
        """
        async with self._begin(read_only=True) as repositories:
            known = await repositories.users.credentials_of(email)
        fits = await self._hasher.verify(password, known.password_hash if known else None)
        if known is None or not fits or not known.is_active:
            raise Unauthorized(WRONG_CREDENTIALS, code="wrong_credentials")
        return await self._open_session(known.id, client)

    async def refresh(self, token: str) -> Tokens:
        """The next pair of a session, for its current refresh token.

        The predecessor yields the same successor for a short grace, since an answer may be lost and two tabs may ask at
        once. Any other token of the family was used up before: the whole family ends.

        Raises:
            Unauthorized: not a refresh token of ours, expired, or its session has ended.
            TokenReused: it was used before; the session has ended now.
        """
        claims = self._codec.read_refresh(token)
        async with self._begin() as repositories:
            family = await repositories.sessions.lock(claims.session_id, claims.user_id)
            if family is None:
                raise Unauthorized("This session has ended; log in again.", code="session_ended")
            head = await self._advance(repositories.sessions, family, claims.jti)
            if head is None:
                await repositories.sessions.revoke(family.session_id, "token_reused")
        if head is None:
            await self._cache.forget([claims.session_id])
            log.warning("refresh_token_reused", user_id=str(claims.user_id), session_id=str(claims.session_id))
            raise TokenReused("This refresh token was used before, so its session was ended; log in again.")
        return self._pair(claims.user_id, claims.session_id, head)

    async def logout(self, session_id: UUID) -> None:
        """End one session; its access token stops at once."""
        async with self._begin() as repositories:
            await repositories.sessions.revoke(session_id, "logout")
        await self._cache.forget([session_id])

    async def logout_all(self, user_id: UUID) -> None:
        """End every session of a user."""
        async with self._begin() as repositories:
            ended = await repositories.sessions.revoke_all(user_id, "logout_all")
        await self._cache.forget(ended)

    async def _advance(self, sessions: Sessions, family: TokenFamily, presented: UUID) -> Head | None:
        now = self._clock()
        if presented == family.refresh_jti:
            successor = Head(new_id(), now)
            await sessions.rotate(family.session_id, successor.jti, now, self._codec.refresh_expiry(now))
            return successor
        if presented != family.previous_jti or family.rotated_at is None or now - family.rotated_at > self._grace:
            return None
        return Head(family.refresh_jti, family.refresh_issued_at)

    async def _open_session(self, user_id: UUID, client: Client) -> Tokens:
        session_id, head = new_id(), Head(new_id(), self._clock())
        expires_at = self._codec.refresh_expiry(head.issued_at)
        new = NewSession(session_id, user_id, head.jti, head.issued_at, expires_at, client.address, client.user_agent)
        async with self._begin() as repositories:
            kept = await repositories.sessions.insert(new)
            await repositories.sessions.forget_expired()
        if not kept:
            raise Unauthorized(WRONG_CREDENTIALS, code="wrong_credentials")
        log.info("user_logged_in", user_id=str(user_id), session_id=str(session_id))
        return self._pair(user_id, session_id, head)

    def _pair(self, user_id: UUID, session_id: UUID, head: Head) -> Tokens:
        return Tokens(
            access_token=self._codec.issue_access(user_id, session_id),
            refresh_token=self._codec.issue_refresh(user_id, session_id, head.jti, head.issued_at),
            expires_in=self._access_seconds,
        )
