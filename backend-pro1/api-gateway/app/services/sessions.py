"""Where a user is logged in."""

from uuid import UUID

from shared.errors import NotFound
from shared.identity import SessionCache
from shared.models.user import LoggedIn
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..repositories import UnitOfWork
from ..repositories.sessions import SessionRecord
from ..schemas.sessions import LoginSession


class LoginSessions:
    """The live sessions of a user."""

    def __init__(self, begin: UnitOfWork, cache: SessionCache) -> None:
        self._begin = begin
        self._cache = cache

    async def page(self, caller: LoggedIn, limit: int, cursor: str | None) -> Page[LoginSession]:
        """The caller's sessions, newest first.

        Raises:
            Invalid: the cursor is not ours.
        """
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            rows = await repositories.sessions.page_of(caller.id, limit + 1, before)
        return page_of(rows, limit, lambda row: _body(row, caller), lambda row: row.id)

    async def revoke(self, caller: LoggedIn, session_id: UUID) -> None:
        """End one of the caller's sessions; its access token stops at once.

        Raises:
            NotFound: not a live session of the caller.
        """
        async with self._begin() as repositories:
            ended = await repositories.sessions.revoke_own(caller.id, session_id, "revoked")
        if not ended:
            raise NotFound
        await self._cache.forget([session_id])


def _body(row: SessionRecord, caller: LoggedIn) -> LoginSession:
    return LoginSession(
        id=row.id,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        address=row.address,
        user_agent=row.user_agent,
        current=row.id == caller.session_id,
    )
