"""What repositories are given of the database: one connection inside one transaction, rows as dataclasses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from shared.metrics.database import statement
from shared.tracing.statements import statement_span

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

Record = TypeVar("Record")
Answer = TypeVar("Answer")

# How a lost server shows while a statement runs. Not every OSError: those of the caller's own block are the caller's.
LOST = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)

# How a value shows that no column can hold: the first two are the server's, the others those of the driver's encoders.
# A violated check is not among them: a partition that is attached meanwhile shows so too, and trying again helps.
_UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.NotNullViolationError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
)
# Rows encoded before other work has its turn: about 0.2 ms.
_ROWS_A_TURN = 100


class FellSilent(ConnectionError):
    """The server gave no answer in the time that the driver allows; no more is to be had on this connection."""


class RowsRefused(Exception):
    """Among rows that came together is one that cannot be stored as it is, so none was."""


class Session:
    """One connection inside one transaction; what repositories are given."""

    def __init__(self, connection: Connection, transaction: Transaction | None) -> None:
        self.connection = connection
        # What has to be ended; None where none was begun.
        self.transaction = transaction

    @property
    def was_answered(self) -> bool:
        """Whether the server has said anything to this session."""
        return self.transaction is not None

    async def fetch_one(self, model: type[Record], sql: str, *arguments: object) -> Record | None:
        """First row as `model`, whose field names are the columns; None if there is none."""
        row = await self._ask(sql, lambda connection: connection.fetchrow(sql, *arguments))
        return None if row is None else model(**dict(row))

    async def fetch_all(self, model: type[Record], sql: str, *arguments: object) -> list[Record]:
        """All rows as `model`; the statement itself must bound their number."""
        rows = await self._ask(sql, lambda connection: connection.fetch(sql, *arguments))
        return [model(**dict(row)) for row in rows]

    async def fetch_value(self, sql: str, *arguments: object) -> Any:
        """First column of the first row, or None."""
        return await self._ask(sql, lambda connection: connection.fetchval(sql, *arguments))

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run a statement; the number of rows it touched."""
        status = await self._ask(sql, lambda connection: connection.execute(sql, *arguments))
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows by COPY, all or none.

        Raises:
            RowsRefused: a value is not of its column's kind.
            UniqueViolation: a key is there already; and what else PostgreSQL says of statements.
        """

        def copying(connection: Connection) -> Awaitable[str]:
            return connection.copy_records_to_table(table, records=_in_turns(rows), columns=columns)

        try:
            await self._ask(f"COPY INTO {table}", copying)
        except _UNSTORABLE as error:
            raise RowsRefused(type(error).__name__) from error

    async def _ask(self, sql: str, call: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        return await answer(self.connection, call(self.connection), sql)


async def answer(connection: Connection, call: Awaitable[Answer], sql: str) -> Answer:
    """What the server says to one statement; counted and traced."""
    try:
        with statement(), statement_span(sql):
            return await call
    except TimeoutError as error:
        # The driver's limit, since the caller's own comes as a cancellation.
        cut(connection)
        raise FellSilent("the database fell silent") from error


def cut(connection: Connection) -> None:
    """End it without a word."""
    # asyncpg has detached the proxy already when it noticed the loss first.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _in_turns(rows: Sequence[tuple[object, ...]]) -> AsyncIterator[tuple[object, ...]]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)
