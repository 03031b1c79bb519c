"""A user takes everything along that is held about them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import orjson

from shared.errors import NotFound

from ..repositories import UnitOfWork
from ..repositories.exports import SECTIONS, Section

PAGE = 100


class ExportService:
    """Use case of /users/me/export."""

    def __init__(self, begin: UnitOfWork) -> None:
        self._begin = begin

    async def open(self, user_id: UUID) -> AsyncIterator[bytes]:
        """One JSON document in pieces, read a page at a time as it is sent; no transaction waits for a slow reader.

        A failure on the way leaves the document open, so that nobody takes a part for the whole.

        Raises:
            NotFound: there is no such user any more.
        """
        async with self._begin(read_only=True) as repositories:
            user = await repositories.exports.user(user_id)
        if user is None:
            raise NotFound
        return self._document(user_id, user)

    async def _document(self, user_id: UUID, user: str) -> AsyncIterator[bytes]:
        yield b'{"exported_at":%b,%b' % (orjson.dumps(datetime.now(UTC), option=orjson.OPT_UTC_Z), user.encode())
        for section in SECTIONS:
            yield f',"{section.name}":['.encode()
            async for page in self._pages(section, user_id):
                yield page
            yield b"]"
        yield b"}"

    async def _pages(self, section: Section, user_id: UUID) -> AsyncIterator[bytes]:
        separator, after = "", section.first
        while True:
            async with self._begin(read_only=True) as repositories:
                rows = await repositories.exports.rows(section, user_id, PAGE, after)
            if rows:
                yield (separator + ",".join(row.item for row in rows)).encode()
                separator, after = ",", section.place(rows[-1])
            if len(rows) < PAGE:
                return
