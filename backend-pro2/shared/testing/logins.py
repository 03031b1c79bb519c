"""Sessions of users, as a log-in leaves them."""

from uuid import UUID

from shared.auth import TokenCodec
from shared.config import Settings
from shared.database import Database
from shared.ids import new_id

_SESSION = """
INSERT INTO sessions (id, user_id, refresh_jti, refresh_issued_at, expires_at)
VALUES ($1, $2, $3, now(), now() + interval '1 day')
"""


async def open_session(database: Database, user_id: UUID) -> UUID:
    """A live session of the user; its id."""
    session_id = new_id()
    async with database.transaction() as session:
        await session.execute(_SESSION, session_id, user_id, new_id())
    return session_id


async def log_in(settings: Settings, database: Database, user_id: UUID) -> dict[str, str]:
    """The Authorization header of a fresh session of the user."""
    session_id = await open_session(database, user_id)
    return {"Authorization": f"Bearer {TokenCodec(settings).issue_access(user_id, session_id)}"}
