"""The first administrator, whom the instance's settings name."""

import asyncio

import asyncpg

from shared.auth import PasswordHasher
from shared.config import Environment, Settings
from shared.errors import ServiceUnavailable
from shared.ids import new_id
from shared.logging import get_logger

from ..core.emails import normalise_email
from ..core.passwords import password_fault
from ..repositories import UnitOfWork
from ..repositories.users import NewUser

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
            user = await repositories.users.insert(NewUser(new_id(), self._email, hashed, role="admin"))
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


def _checked_email(settings: Settings) -> str:
    if not settings.admin_email:
        return ""
    try:
        return normalise_email(settings.admin_email)
    except ValueError as error:
        raise ValueError(f"ADMIN_EMAIL: {error}") from error
