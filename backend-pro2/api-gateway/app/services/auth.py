"""Accounts and logins: register, log in, log out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.auth import PasswordHasher, TokenCodec
from shared.config import Settings
from shared.errors import Unauthorized
from shared.idempotency import keep_answer
from shared.identity import SessionCache
from shared.ids import new_id
from shared.logging import get_logger
from shared.metrics import auth as metrics
from shared.metrics.auth import AuthFailure
from shared.models.user import PublicUser

from ..core.exceptions import EmailNotVerified, EmailTaken, WeakPassword
from ..core.passwords import password_fault
from ..core.times import utc_now
from ..repositories import UnitOfWork
from ..repositories.accounts import Account
from ..repositories.sessions import NewSession
from ..repositories.users import NewUser
from ..schemas.auth import Registration, Tokens
from .password_check import PasswordCheck
from .token_pairs import Head, TokenPairs

log = get_logger(__name__)

WRONG_CREDENTIALS = "E-mail address or password is wrong."


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody logs in; kept with the session so that its owner can recognise it."""

    address: str
    user_agent: str | None


class Authentication:
    """Use cases of /auth. Hashing happens outside transactions; Redis hears of an ended session after the commit."""

    def __init__(
        self,
        begin: UnitOfWork,
        hasher: PasswordHasher,
        check: PasswordCheck,
        codec: TokenCodec,
        cache: SessionCache,
        wake_mailer: Callable[[], None],
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._begin = begin
        self._hasher = hasher
        self._check = check
        self._codec = codec
        self._pairs = TokenPairs(codec, settings)
        self._cache = cache
        self._wake_mailer = wake_mailer
        self._instance = settings.project_id
        self._wants_proof = settings.require_verified_email
        self._clock = clock

    async def register(self, registration: Registration) -> PublicUser:
        """A new account.

        Raises:
            WeakPassword: choose another.
            EmailTaken: somebody was there before, or at the same moment.
        """
        fault = password_fault(registration.password, registration.email, (registration.full_name, self._instance))
        if fault is not None:
            raise WeakPassword(fault, "password")
        hashed = await self._hasher.hash(registration.password)
        async with self._begin() as repositories:
            user = await repositories.users.insert(
                NewUser(new_id(), registration.email, hashed, registration.full_name)
            )
            if user is None:
                raise EmailTaken("An account with this e-mail address exists; log in instead.")
            if self._wants_proof:
                await repositories.mails.enqueue("email_verification", user.email, user_id=user.id)
            await keep_answer(repositories.session, user)
        self._wake_mailer()
        log.info("user_registered", user_id=str(user.id))
        return user

    async def login(self, email: str, password: str, client: Client) -> Tokens:
        """A new session; an unknown address costs the same work and gets the same answer as a wrong password.

        Raises:
            Unauthorized: wrong in whatever way.
            EmailNotVerified: right, but the address is still to be proven.
            TooManyAttempts: too many were wrong.
        """
        async with self._begin(read_only=True) as repositories:
            known = await repositories.accounts.by_email(email, client.address)
        fits = await self._check.fits(known, password, email, client.address)
        if known is None or not fits:
            raise _wrong()
        if self._wants_proof and not known.is_verified:
            metrics.failed(AuthFailure.EMAIL_NOT_VERIFIED)
            raise EmailNotVerified("Prove your e-mail address first: follow the link in our mail, or ask for another.")
        return await self._open_session(known, client)

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

    async def _open_session(self, account: Account, client: Client) -> Tokens:
        session_id, head = new_id(), Head(new_id(), self._clock())
        new = NewSession(
            id=session_id,
            user_id=account.id,
            refresh_jti=head.jti,
            refresh_issued_at=head.issued_at,
            expires_at=self._codec.refresh_expiry(head.issued_at),
            address=client.address,
            user_agent=client.user_agent,
            password_hash=account.password_hash,
        )
        async with self._begin() as repositories:
            kept = await repositories.sessions.insert(new)
        if not kept:
            raise _wrong()
        log.info("user_logged_in", user_id=str(account.id), session_id=str(session_id))
        return self._pairs.pair(account.id, session_id, head)


def _wrong() -> Unauthorized:
    metrics.failed(AuthFailure.WRONG_CREDENTIALS)
    return Unauthorized(WRONG_CREDENTIALS, code="wrong_credentials")
