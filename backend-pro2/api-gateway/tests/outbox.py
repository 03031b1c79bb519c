"""The outbox in tests: rows to be sent, and what became of them."""

from collections import Counter
from uuid import UUID

from shared.database import Database
from shared.ids import new_id

from ..app.repositories import unit_of_work
from ..app.repositories.mails import MailKind
from ..app.services.mailer import Mailer

ADA = "ada@example.com"


async def user(database: Database, email: str = ADA) -> UUID:
    user_id = new_id()
    async with database.transaction() as session:
        await session.execute("INSERT INTO users (id, email, password_hash) VALUES ($1, $2, 'x')", user_id, email)
    return user_id


async def enqueue(
    database: Database, kind: MailKind, user_id: UUID | None, email: str = ADA, invitation_id: UUID | None = None
) -> None:
    async with unit_of_work(database)() as repositories:
        await repositories.mails.enqueue(kind, email, user_id=user_id, invitation_id=invitation_id)


async def invite(database: Database, owner: UUID, email: str = "bob@example.com") -> UUID:
    """An invitation to a project whose owner is `owner`."""
    project_id, invitation_id = new_id(), new_id()
    async with database.transaction() as session:
        await session.execute("UPDATE users SET full_name = 'Ada Lovelace' WHERE id = $1", owner)
        await session.execute("INSERT INTO projects (id, name) VALUES ($1, 'Diabetes study')", project_id)
        await session.execute("INSERT INTO project_members VALUES ($1, $2, 'owner')", project_id, owner)
        await session.execute(
            """
            INSERT INTO project_invitations (id, project_id, email, role, invited_by, expires_at)
            VALUES ($1, $2, $3, 'editor', $4, now() + interval '1 day')
            """,
            invitation_id,
            project_id,
            email,
            owner,
        )
    return invitation_id


async def run(mailer: Mailer) -> int:
    """Deliver all that is due; how many."""
    count = 0
    while await mailer.deliver_next():
        count += 1
    return count


async def outcomes(database: Database) -> Counter[str | None]:
    async with database.transaction() as session:
        found = await session.fetch_value("SELECT array_agg(outcome) FROM mails")
    return Counter(found or [])


async def change(database: Database, sql: str) -> None:
    async with database.transaction() as session:
        await session.execute(sql)


async def tokens(database: Database) -> int:
    async with database.transaction() as session:
        count: int = await session.fetch_value("SELECT count(*) FROM one_time_tokens")
    return count
