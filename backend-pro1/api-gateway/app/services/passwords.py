"""Changing a password, and getting a forgotten one back."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from uuid import UUID

from shared.auth import PasswordHasher
from shared.config import Settings
from shared.errors import Unauthorized
from shared.identity import ENDED, SessionCache
from shared.logging import get_logger
from shared.models.user import LoggedIn

from ..core.exceptions import InvalidLink, WeakPassword, WrongPassword
from ..core.passwords import password_fault
from ..repositories import Repositories, UnitOfWork
from .login_guard import LoginGuard
from .password_check import PasswordCheck

log = get_logger(__name__)


class Passwords:
    """New passwords. Each ends the sessions of the former one, voids what was mailed before, and is told of by mail."""

    def __init__(
        self,
        begin: UnitOfWork,
        hasher: PasswordHasher,
        check: PasswordCheck,
        guard: LoginGuard,
        cache: SessionCache,
        wake_mailer: Callable[[], None],
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._hasher = hasher
        self._check = check
        self._guard = guard
        self._cache = cache
        self._wake_mailer = wake_mailer
        self._instance = settings.project_id

    async def change(self, caller: LoggedIn, current: str, new: str, address: str) -> None:
        """A new password for somebody who knows the present one; the session that asks goes on.

        Raises:
            WeakPassword: choose another.
            WrongPassword: it is not the present one, or no longer.
            TooManyAttempts: too many were wrong.
        """
        async with self._begin(read_only=True) as repositories:
            account = await repositories.accounts.by_id(caller.id, address)
            projects = await repositories.accounts.project_names(caller.id)
        if account is None:
            raise Unauthorized(ENDED, code="session_ended")
        self._refuse_weak(new, account.email, account.full_name, projects)
        if not await self._check.fits(account, current, account.email, address):
            raise WrongPassword
        hashed = await self._hasher.hash(new)
        async with self._begin() as repositories:
            changed = await repositories.accounts.change_password(account.id, account.password_hash, hashed)
            if not changed:
                raise WrongPassword
            ended = await _settle(repositories, account.id, account.email, "password_changed", but=caller.session_id)
        await self._after(ended)
        log.info("password_changed", user_id=str(account.id))

    async def forgot(self, email: str) -> None:
        """Have a reset mailed to whoever has this address; nobody can tell whether anybody does."""
        async with self._begin() as repositories:
            await repositories.mails.enqueue_for_address("password_reset", email)
        self._wake_mailer()

    async def reset(self, token: str, new: str, address: str) -> None:
        """A new password for the bearer of a mailed token, who thereby also proves the e-mail address.

        Raises:
            InvalidLink: the token is not good, or another request was first.
            WeakPassword: choose another; the token stays good.
        """
        digest = sha256(token.encode()).digest()
        async with self._begin(read_only=True) as repositories:
            owner = await repositories.one_time_tokens.owner_of(digest, "password_reset")
            projects = await repositories.accounts.project_names(owner.user_id) if owner else []
        if owner is None:
            raise InvalidLink
        self._refuse_weak(new, owner.email, owner.full_name, projects)
        hashed = await self._hasher.hash(new)
        async with self._begin() as repositories:
            locked = await repositories.accounts.lock(owner.user_id)
            if not locked or not await repositories.one_time_tokens.use(digest, "password_reset"):
                raise InvalidLink
            await repositories.accounts.reset_password(owner.user_id, hashed)
            ended = await _settle(repositories, owner.user_id, owner.email, "password_reset")
        await self._after(ended)
        await self._guard.forgive(owner.email, address)
        log.info("password_reset", user_id=str(owner.user_id))

    def _refuse_weak(self, password: str, email: str, full_name: str | None, projects: Sequence[str]) -> None:
        fault = password_fault(password, email, (full_name, self._instance, *projects))
        if fault is not None:
            raise WeakPassword(fault, "new_password")

    async def _after(self, ended: list[UUID]) -> None:
        await self._cache.forget(ended)
        self._wake_mailer()


async def _settle(
    repositories: Repositories, user_id: UUID, email: str, reason: str, *, but: UUID | None = None
) -> list[UUID]:
    """What follows from a new password, in its transaction; the sessions it ended."""
    await repositories.one_time_tokens.void(user_id, "password_reset")
    await repositories.mails.enqueue("password_changed", email, user_id=user_id)
    return await repositories.sessions.revoke_all(user_id, reason, but=but)
