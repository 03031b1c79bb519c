"""Users: what administrators see and decide, and what users may change about themselves."""

import builtins
from collections.abc import Callable
from uuid import UUID

from shared.errors import Forbidden, NotFound
from shared.etags import etag_of_model, require_current
from shared.identity import SessionCache
from shared.logging import get_logger
from shared.models.user import Caller, LoggedIn, Role
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..core.exceptions import LastAdministrator, WrongPassword
from ..repositories import Repositories, UnitOfWork
from ..repositories.users import AccountRecord, Wanted
from ..schemas.users import Account, AccountFilter, AccountUpdate
from .password_check import PasswordCheck

log = get_logger(__name__)


class UserService:
    """Use cases of /users. Redis hears of changed and ended access after the commit, so that it holds from then on."""

    def __init__(
        self, begin: UnitOfWork, cache: SessionCache, check: PasswordCheck, wake_mailer: Callable[[], None]
    ) -> None:
        self._begin = begin
        self._cache = cache
        self._check = check
        self._wake_mailer = wake_mailer

    async def list(self, asked: AccountFilter, limit: int, cursor: str | None) -> Page[Account]:
        """One page of the instance's users, newest first; for administrators."""
        before = decode_cursor(cursor)
        wanted = Wanted(asked.q, asked.role, asked.is_active, asked.email_verified)
        async with self._begin(read_only=True) as repositories:
            rows = await repositories.users.page(wanted, limit + 1, before)
        return page_of(rows, limit, body, lambda row: row.id)

    async def read(self, caller: Caller, user_id: UUID) -> Account:
        """One user.

        Raises:
            NotFound: absent, or not the caller's to see.
        """
        require_sight(caller, user_id)
        async with self._begin(read_only=True) as repositories:
            return body(found(await repositories.users.account(user_id)))

    async def update(
        self, caller: Caller, address: str, user_id: UUID, change: AccountUpdate, if_match: str | None
    ) -> Account:
        """A user after a change by an administrator or by the user, who calls from `address`.

        Whoever changes their own e-mail address confirms it with the password; a new address is unverified at
        first, and the former one is told.

        Raises:
            NotFound: absent, or not the caller's to see.
            Forbidden: users cannot deactivate themselves; administrators can.
            WrongPassword: it is missing or wrong; TooManyAttempts: it is not even looked at.
            EmailTaken: somebody else has it.
            PreconditionFailed: somebody else changed the user since the caller read it.
            LastAdministrator: nobody else could administer the instance.
        """
        require_sight(caller, user_id)
        if change.is_active is not None and not caller.administers:
            raise Forbidden("Only administrators can activate or deactivate an account.")
        may_move = caller.id != user_id
        if not may_move and change.email not in (None, caller.email):
            await self._confirm(user_id, change.current_password, address)
            may_move = True
        async with self._begin() as repositories:
            before, after, access = await _change(repositories, user_id, change, if_match, may_move=may_move)
        await self._tell(after, access)
        self._wake_mailer()
        if (before.email, before.is_active) != (after.email, after.is_active):
            log.info("user_changed", user_id=str(user_id), by=str(caller.id), is_active=after.is_active)
        return body(after)

    async def set_role(self, caller: Caller, user_id: UUID, role: Role, if_match: str | None) -> Account:
        """A user in another role, from the next request on; for administrators.

        Raises:
            NotFound: there is no such user.
            PreconditionFailed: somebody else changed the user since the caller read it.
            LastAdministrator: nobody else could administer the instance.
        """
        async with self._begin() as repositories:
            await repositories.users.lock_administrators()
            user = found(await repositories.users.lock(user_id))
            require_current(if_match, etag_of_model(body(user)), "user")
            if role != "admin":
                await require_other_administrator(repositories, user)
            await repositories.users.set_role(user_id, role)
            access = await repositories.access.live(user_id)
            after = found(await repositories.users.account(user_id))
        await self._cache.refresh(access)
        log.info("user_role_changed", user_id=str(user_id), by=str(caller.id), role=role)
        return body(after)

    async def _confirm(self, user_id: UUID, password: str | None, address: str) -> None:
        async with self._begin(read_only=True) as repositories:
            account = await repositories.accounts.by_id(user_id, address)
        if account is None or password is None:
            raise WrongPassword
        if not await self._check.fits(account, password, account.email, address):
            raise WrongPassword

    async def _tell(self, after: AccountRecord, access: builtins.list[UUID]) -> None:
        if after.is_active:
            await self._cache.refresh(access)
        else:
            await self._cache.forget(access)


async def _change(
    repositories: Repositories, user_id: UUID, change: AccountUpdate, if_match: str | None, *, may_move: bool
) -> tuple[AccountRecord, AccountRecord, list[UUID]]:
    """The user before and after, and the sessions and keys that the change concerns."""
    users = repositories.users
    if change.is_active is False:
        await users.lock_administrators()
    before = found(await users.lock(user_id))
    require_current(if_match, etag_of_model(body(before)), "user")
    if change.is_active is False:
        await require_other_administrator(repositories, before)
    if change.email not in (None, before.email) and not may_move:
        raise WrongPassword
    full_name = change.full_name if "full_name" in change.model_fields_set else before.full_name
    is_active = before.is_active if change.is_active is None else change.is_active
    await users.update(user_id, full_name, change.email or before.email, is_active=is_active)
    after = found(await users.account(user_id))
    if after.email != before.email:
        await repositories.mails.enqueue("email_verification", after.email, user_id=user_id)
        await repositories.mails.enqueue("email_changed", before.email, user_id=user_id)
    access = repositories.access
    return before, after, await (access.live(user_id) if is_active else access.end(user_id, "deactivated"))


def body(row: AccountRecord) -> Account:
    """A row as JSON has it."""
    return Account.model_validate(row)


def found(row: AccountRecord | None) -> AccountRecord:
    """The row, if there is one.

    Raises:
        NotFound: there is none.
    """
    if row is None:
        raise NotFound
    return row


def require_sight(caller: Caller | LoggedIn, user_id: UUID) -> None:
    """Only administrators see others; to anybody else another's account looks like an absent one.

    Raises:
        NotFound: the caller may not see the user.
    """
    if caller.id != user_id and caller.role != "admin":
        raise NotFound


async def require_other_administrator(repositories: Repositories, user: AccountRecord) -> None:
    """Let `user` stop being an administrator; the caller holds the lock on administrators.

    Raises:
        LastAdministrator: nobody else is one.
    """
    if user.role == "admin" and user.is_active and not await repositories.users.other_administrators(user.id):
        raise LastAdministrator
