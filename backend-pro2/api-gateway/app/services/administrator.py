"""Administrators on the operator's word: the first one, whom the settings name, and those that a script makes."""

import asyncio
from uuid import UUID

import asyncpg

from shared.auth import PasswordHasher
from shared.config import Environment, Settings
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.identity import SessionCache
from shared.ids import new_id
from shared.logging import get_logger

from ..core.emails import normalise_email
from ..core.exceptions import EmailTaken, WeakPassword
from ..core.passwords import password_fault
from ..repositories import UnitOfWork
from ..repositories.users import NewUser
from ..schemas.auth import Registration

log = get_logger(__name__)

RETRY_SECONDS = 2.0


class FirstAdministrator:
    """Creates ADMIN_EMAIL with ADMIN_PASSWORD unless the account exists; then it is left alone, whatever its role."""

    def __init__(self, begin: UnitOfWork, hasher: PasswordHasher, settings: Settings) -> None:
        self._begin = begin
        self._hasher = hasher
        self._email = _checked_email(settings)
        self._password = settings.admin_password.get_secret_value()
        if self._email and (fault := password_fault(self._password, self._email)):
            if settings.environment is Environment.PRODUCTION:
                raise ValueError(f"ADMIN_PASSWORD: {fault}")
            log.warning("administrator_password_weak", fault=fault)

    async def ensure(self) -> None:
        """Create the account if it is absent; of several processes that try at once, one does."""
        if not self._email or not self._password:
            return
        async with self._begin(read_only=True) as repositories:
            if await repositories.users.credentials_of(self._email) is not None:
                return
        hashed = await self._hasher.hash(self._password)
        async with self._begin() as repositories:
            user = await repositories.users.insert(_administrator(self._email, hashed))
        if user is not None:
            log.info("administrator_created", user_id=str(user.id))

    async def ensure_in_time(self) -> None:
        """The same, however long PostgreSQL or the migrations keep us waiting."""
        while True:
            try:
                return await self.ensure()
            except (ServiceUnavailable, asyncpg.PostgresError) as error:
                log.info("administrator_waits", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)


class Administrators:
    """Use cases of scripts/create-admin.sh. An address that the operator names needs no proof."""

    def __init__(self, begin: UnitOfWork, hasher: PasswordHasher, cache: SessionCache) -> None:
        self._begin = begin
        self._hasher = hasher
        self._cache = cache

    async def create(self, account: Registration) -> UUID:
        """A new administrator; the id.

        Raises:
            WeakPassword: an attacker would try it soon.
            EmailTaken: there is an account with this address; promote that.
        """
        if fault := password_fault(account.password, account.email, [account.full_name]):
            raise WeakPassword(fault, "password")
        hashed = await self._hasher.hash(account.password)
        async with self._begin() as repositories:
            user = await repositories.users.insert(_administrator(account.email, hashed, account.full_name))
        if user is None:
            raise EmailTaken("There is an account with this address; --promote makes it an administrator.")
        return user.id

    async def promote(self, email: str) -> UUID:
        """Make an account an administrator, from its next request on; the id.

        Raises:
            NotFound: `user_not_found`.
            Conflict: it is deactivated.
        """
        async with self._begin() as repositories:
            user = await repositories.users.lock_address(email)
            if user is None:
                raise NotFound(
                    "No account has this address; leave --promote away to create one.", code="user_not_found"
                )
            if not user.is_active:
                raise Conflict("This account is deactivated; an administrator has to activate it first.")
            await repositories.users.set_role(user.id, "admin")
            access = await repositories.access.live(user.id)
        await self._cache.refresh(access)
        return user.id


def _administrator(email: str, hashed: str, full_name: str | None = None) -> NewUser:
    return NewUser(new_id(), email, hashed, full_name, role="admin", email_verified=True)


def _checked_email(settings: Settings) -> str:
    if not settings.admin_email:
        return ""
    try:
        return normalise_email(settings.admin_email)
    except ValueError as error:
        raise ValueError(f"ADMIN_EMAIL: {error}") from error
