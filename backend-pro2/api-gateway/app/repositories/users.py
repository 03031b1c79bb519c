"""The table `users`."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session
from shared.models.user import PublicUser, Role


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be; the e-mail address is in its normal form."""

    id: UUID
    email: str
    password_hash: str
    full_name: str | None = None
    role: Role = "user"


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


class Users:
    """Users of the instance."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, user: NewUser) -> PublicUser | None:
        """The new user, or None when the address is taken; two at once cannot both have it."""
        return await self._session.fetch_one(
            PublicUser,
            """
            INSERT INTO users (id, email, password_hash, full_name, role)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (email) DO NOTHING
            RETURNING id, email, full_name, role, is_active, created_at
            """,
            user.id,
            user.email,
            user.password_hash,
            user.full_name,
            user.role,
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
