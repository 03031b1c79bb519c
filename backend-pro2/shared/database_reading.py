"""Reading without BEGIN and COMMIT, which are two of the three round trips of a block that asks one thing.

Transactions here are READ COMMITTED: each statement sees what is committed when it begins, inside a transaction and
outside. So of statements that only read, all that a READ ONLY transaction adds is that the server refuses to write. A
statement that could do more therefore still begins one; what could is judged by its words, and in doubt it could.

BEGIN also shows whether a connection from the pool still leads anywhere, before anything is sent that may not be sent
twice. So it is left out only on connections that the server was heard on within the last second; and where one of these
turns out to be lost, the statement is asked once more, in a transaction on another, since it only reads.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

import asyncpg

from shared.database_session import LOST, FellSilent, Session, answer
from shared.logging import get_logger

if TYPE_CHECKING:
    from shared.database_session import Connection

    _Base = asyncpg.Connection[asyncpg.Record]
else:
    _Base = asyncpg.Connection

log = get_logger(__name__)

Answer = TypeVar("Answer")

HEARD_SECONDS = 1.0
_READS = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
# Statements, clauses and functions that write, lock, notify, or set something for the transaction alone.
_DOES_MORE = re.compile(
    r"\b(?:INSERT|UPDATE|DELETE|MERGE|INTO|SHARE|NEXTVAL|SETVAL|SET_CONFIG|PG_\w*(?:ADVISORY|NOTIFY|EXPORT|CREATE|DROP)\w*"
    r"|LO_\w+|DBLINK\w*)\b",
    re.IGNORECASE,
)


class PooledConnection(_Base):
    """A connection that knows when the server was last heard of on it."""

    heard_at = float("-inf")

    def note(self) -> None:
        """It was heard of now."""
        self.heard_at = time.monotonic()


class ReadingSession(Session):
    """A session that only reads, on a connection that was heard of lately; it begins a transaction when it must."""

    def __init__(self, connection: Connection, elsewhere: Callable[[Connection], Awaitable[Session]]) -> None:
        super().__init__(connection, None)
        self._elsewhere = elsewhere
        self._answered = False

    @property
    def was_answered(self) -> bool:
        """Whether the server has said anything to this session."""
        return self._answered or self.transaction is not None

    async def _ask(self, sql: str, call: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        if self.transaction is None and not only_reads(sql):
            await self._begin()
        if self.transaction is not None:
            return await super()._ask(sql, call)
        try:
            found = await super()._ask(sql, call)
        except FellSilent:
            # Not tried again: the others of the pool lead to the same silence.
            raise
        except LOST as error:
            log.info("database_connection_stale", error=type(error).__name__)
            await self._move()
            return await super()._ask(sql, call)
        self._answered = True
        return found

    async def _begin(self) -> None:
        transaction = self.connection.transaction(readonly=True)
        await answer(self.connection, transaction.start(), "BEGIN")
        self.transaction = transaction

    async def _move(self) -> None:
        session = await self._elsewhere(self.connection)
        self.connection, self.transaction = session.connection, session.transaction


@lru_cache(maxsize=2048)
def only_reads(sql: str) -> bool:
    """Whether a statement can do nothing but read, by its words; False in doubt."""
    return bool(_READS.match(sql)) and not _DOES_MORE.search(sql)


def hear(connection: Connection) -> None:
    """Note that the server has just answered on it."""
    cast("PooledConnection", connection).note()


def was_heard_lately(connection: Connection) -> bool:
    """Whether the server answered on it within the last second."""
    return time.monotonic() - cast("PooledConnection", connection).heard_at < HEARD_SECONDS
