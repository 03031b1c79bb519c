"""The table `users`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.models.user import PublicUser, Role

from ..core.exceptions import EmailTaken

_SHOWN = """
SELECT id, email, full_name, role, is_active, created_at, email_verified_at IS NOT NULL AS email_verified, last_login_at
FROM users
"""
_ONE = f"{_SHOWN} WHERE id = $1"


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be; the e-mail address is in its normal form."""

    id: UUID
    email: str
    password_hash: str
    full_name: str | None = None
    role: Role = "user"
    email_verified: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is checked against."""

    id: UUID
    password_hash: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class NamedUser:
    """Who somebody is."""

    id: UUID
    email: str


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """A user as administrators and the user see one."""

    id: UUID
    email: str
    full_name: str | None
    role: Role
    is_active: bool
    created_at: datetime
    email_verified: bool
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which users a list is to hold; None leaves a question open."""

    text: str | None = None
    role: Role | None = None
    is_active: bool | None = None
    email_verified: bool | None = None


class Users:
    """Users of the instance."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, user: NewUser) -> PublicUser | None:
        """The new user, or None when the address is taken; two at once cannot both have it."""
        return await self._session.fetch_one(
            PublicUser,
            """
            INSERT INTO users (id, email, password_hash, full_name, role, email_verified_at)
            VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN now() END)
            ON CONFLICT (email) DO NOTHING
            RETURNING id, email, full_name, role, is_active, created_at
            """,
            user.id,
            user.email,
            user.password_hash,
            user.full_name,
            user.role,
            user.email_verified,
        )

    async def credentials_of(self, email: str) -> Credentials | None:
        """What to check a login under `email` against."""
        return await self._session.fetch_one(
            Credentials, "SELECT id, password_hash, is_active FROM users WHERE email = $1", email
        )

    async def active(self, email: str | None, user_id: UUID | None) -> NamedUser | None:
        """The active user with this address or this id."""
        return await self._session.fetch_one(
            NamedUser, "SELECT id, email FROM users WHERE (email = $1 OR id = $2) AND is_active", email, user_id
        )

    async def account(self, user_id: UUID) -> AccountRecord | None:
        """One user."""
        return await self._session.fetch_one(AccountRecord, _ONE, user_id)

    async def lock(self, user_id: UUID) -> AccountRecord | None:
        """The same, held to the transaction's end, so that meanwhile nobody logs in or makes a key as this user."""
        return await self._session.fetch_one(AccountRecord, f"{_ONE} FOR UPDATE", user_id)

    async def lock_address(self, email: str) -> AccountRecord | None:
        """The same for whoever has this address."""
        return await self._session.fetch_one(AccountRecord, f"{_SHOWN} WHERE email = $1 FOR UPDATE", email)

    async def page(self, wanted: Wanted, limit: int, before: UUID | None) -> list[AccountRecord]:
        """Up to `limit` users, newest first, older than `before`."""
        return await self._session.fetch_all(
            AccountRecord,
            f"""
            {_SHOWN}
            WHERE ($1::text IS NULL OR strpos(lower(email), lower($1)) > 0 OR strpos(lower(full_name), lower($1)) > 0)
              AND ($2::text IS NULL OR role = $2)
              AND ($3::boolean IS NULL OR is_active = $3)
              AND ($4::boolean IS NULL OR (email_verified_at IS NOT NULL) = $4)
              AND id < coalesce($5, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            ORDER BY id DESC
            LIMIT $6
            """,
            wanted.text,
            wanted.role,
            wanted.is_active,
            wanted.email_verified,
            before,
            limit,
        )

    async def lock_administrators(self) -> None:
        """Wait until nobody else is about to take an administrator away; before any lock on a user."""
        await self._session.fetch_value("SELECT pg_advisory_xact_lock(hashtextextended('users.administrators', 0))")

    async def other_administrators(self, user_id: UUID) -> bool:
        """Whether somebody else is an active administrator."""
        found: bool = await self._session.fetch_value(
            "SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND is_active AND id <> $1)", user_id
        )
        return found

    async def update(self, user_id: UUID, full_name: str | None, email: str, *, is_active: bool) -> None:
        """Change a user; a new address counts as unproven.

        Raises:
            EmailTaken: somebody else has the address; the transaction is over.
        """
        try:
            await self._session.execute(
                """
                UPDATE users
                SET full_name = $2, email = $3, is_active = $4, updated_at = clock_timestamp(),
                    email_verified_at = CASE WHEN email = $3 THEN email_verified_at END
                WHERE id = $1
                """,
                user_id,
                full_name,
                email,
                is_active,
            )
        except UniqueViolation as error:
            raise EmailTaken("Another account has this e-mail address.") from error

    async def rename(self, user_id: UUID, full_name: str | None) -> None:
        """Call a user something else."""
        await self._session.execute(
            "UPDATE users SET full_name = $2, updated_at = clock_timestamp() WHERE id = $1", user_id, full_name
        )

    async def set_role(self, user_id: UUID, role: Role) -> None:
        """Make somebody an administrator, or no longer one."""
        await self._session.execute(
            "UPDATE users SET role = $2, updated_at = clock_timestamp() WHERE id = $1", user_id, role
        )

    async def delete(self, user_id: UUID) -> None:
        """Remove a user with sessions, keys, memberships and profile; what they made in projects stays there."""
        await self._session.execute("DELETE FROM users WHERE id = $1", user_id)
