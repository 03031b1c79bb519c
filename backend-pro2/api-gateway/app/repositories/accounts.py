"""What of the table `users` a login concerns: the password, the proof of the address, the last login."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

MAXIMUM_PROJECT_NAMES = 200

_ACCOUNT = """
SELECT u.id, u.email, u.full_name, u.password_hash, u.is_active, u.email_verified_at IS NOT NULL AS is_verified,
       EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.address = $2) AS familiar
FROM users u
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user as a password is checked against; `familiar` if a session of theirs came from the address that asks."""

    id: UUID
    email: str
    full_name: str | None
    password_hash: str
    is_active: bool
    is_verified: bool
    familiar: bool


class Accounts:
    """Passwords and proven addresses. Whoever changes one locks the user first, so that two at once come in turn."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_email(self, email: str, address: str) -> Account | None:
        """The account under an e-mail address, for somebody who asks from a network address."""
        return await self._session.fetch_one(Account, f"{_ACCOUNT} WHERE u.email = $1", email, address)

    async def by_id(self, user_id: UUID, address: str) -> Account | None:
        """The same, by id."""
        return await self._session.fetch_one(Account, f"{_ACCOUNT} WHERE u.id = $1", user_id, address)

    async def lock(self, user_id: UUID) -> bool:
        """Hold an active user to the transaction's end; False if there is none."""
        found = await self._session.fetch_value(
            "SELECT true FROM users WHERE id = $1 AND is_active FOR NO KEY UPDATE", user_id
        )
        return found is not None

    async def change_password(self, user_id: UUID, former_hash: str, password_hash: str) -> bool:
        """Put a new hash in the place of the one that was checked; False if another came between."""
        return bool(
            await self._session.execute(
                """
                UPDATE users SET password_hash = $3, updated_at = now()
                WHERE id = $1 AND password_hash = $2 AND is_active
                """,
                user_id,
                former_hash,
                password_hash,
            )
        )

    async def reset_password(self, user_id: UUID, password_hash: str) -> None:
        """A new hash for somebody who has just proven their address."""
        await self._session.execute(
            """
            UPDATE users
            SET password_hash = $2, email_verified_at = coalesce(email_verified_at, now()), updated_at = now()
            WHERE id = $1
            """,
            user_id,
            password_hash,
        )

    async def verify_email(self, user_id: UUID) -> None:
        """The address is proven; again changes nothing."""
        await self._session.execute(
            """
            UPDATE users SET email_verified_at = now(), updated_at = now()
            WHERE id = $1 AND email_verified_at IS NULL
            """,
            user_id,
        )

    async def project_names(self, user_id: UUID) -> list[str]:
        """Names of the newest two hundred projects that the user is a member of."""
        names = await self._session.fetch_value(
            """
            SELECT coalesce(array_agg(name), '{}') FROM (
                SELECT p.name FROM project_members m JOIN projects p ON p.id = m.project_id
                WHERE m.user_id = $1 ORDER BY m.project_id DESC LIMIT $2
            ) newest
            """,
            user_id,
            MAXIMUM_PROJECT_NAMES,
        )
        return list(names)
