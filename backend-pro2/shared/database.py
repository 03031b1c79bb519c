"""PostgreSQL: one pool per process, transactions as a context manager, rows as dataclasses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from shared.config import Settings
from shared.database_types import prepare
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.metrics.database import POOLS, acquiring, statement
from shared.tracing import CLIENT, span
from shared.tracing.statements import DATABASE, statement_span

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

log = get_logger(__name__)

Record = TypeVar("Record")
Answer = TypeVar("Answer")
UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError

AWAY = "The database is away for the moment; try again shortly."
# The server itself ends a statement that takes too long; only after this much more has it fallen silent.
SILENCE_SECONDS = 2.0

# How a lost server shows while a statement runs. Not every OSError: those of the caller's own block are the caller's.
_LOST = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
_UNREACHABLE = (*_LOST, OSError)

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


class RowsRefused(Exception):
    """Among rows that came together is one that cannot be stored as it is, so none was."""


class Session:
    """One connection inside one transaction; what repositories are given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch_one(self, model: type[Record], sql: str, *arguments: object) -> Record | None:
        """First row as `model`, whose field names are the columns; None if there is none."""
        row = await _answer(self._connection, self._connection.fetchrow(sql, *arguments), sql)
        return None if row is None else model(**dict(row))

    async def fetch_all(self, model: type[Record], sql: str, *arguments: object) -> list[Record]:
        """All rows as `model`; the statement itself must bound their number."""
        rows = await _answer(self._connection, self._connection.fetch(sql, *arguments), sql)
        return [model(**dict(row)) for row in rows]

    async def fetch_value(self, sql: str, *arguments: object) -> Any:
        """First column of the first row, or None."""
        return await _answer(self._connection, self._connection.fetchval(sql, *arguments), sql)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run a statement; the number of rows it touched."""
        status = await _answer(self._connection, self._connection.execute(sql, *arguments), sql)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Insert many rows by COPY, all or none.

        Raises:
            RowsRefused: a value is not of its column's kind.
            UniqueViolation: a key is there already; and what else PostgreSQL says of statements.
        """
        copying = self._connection.copy_records_to_table(table, records=_in_turns(rows), columns=columns)
        try:
            await _answer(self._connection, copying, f"COPY INTO {table}")
        except _UNSTORABLE as error:
            raise RowsRefused(type(error).__name__) from error


class Database:
    """The pool. It connects on first use and again after a loss, so that a service may start before PostgreSQL does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connect_seconds = settings.database_acquire_timeout_seconds * 3
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect.

        Raises:
            ServiceUnavailable: the server does not answer.
        """
        async with self._opening:
            if self._pool is None:
                try:
                    self._pool = await self._create_pool()
                except (*_UNREACHABLE, TimeoutError) as error:
                    log.warning("database_unreachable", error=type(error).__name__)
                    raise ServiceUnavailable(AWAY) from error

    async def close(self) -> None:
        """Give connections back within five seconds, then cut them."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        POOLS.pools.discard(pool)
        try:
            await asyncio.wait_for(pool.close(), timeout=5)
        except TimeoutError:
            pool.terminate()

    async def ping(self) -> None:
        """One round trip.

        Raises:
            ServiceUnavailable: the server does not answer.
        """
        async with self.transaction(read_only=True) as session:
            await session.fetch_value("SELECT 1")

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator[Session]:
        """A session that commits when the block ends and rolls back when it raises.

        Raises:
            ServiceUnavailable: no connection in time, or the server was lost on the way.
        """
        connection, transaction = await self._begin(read_only=read_only)
        try:
            try:
                yield Session(connection)
            except BaseException:
                # Whoever is cancelled meanwhile leaves at once; the connection goes back when it has been put in order.
                await asyncio.shield(self._roll_back(connection, transaction))
                raise
            await self._commit(connection, transaction)
        except _LOST as error:
            log.warning("database_lost", error=type(error).__name__)
            raise ServiceUnavailable(AWAY) from error

    async def _begin(self, *, read_only: bool) -> tuple[Connection, Transaction]:
        # A connection that died in the pool shows only now; nothing has been sent yet, so another try is safe.
        for attempt in range(self._settings.database_pool_max_size + 1):
            with acquiring(), span("database.acquire", DATABASE, kind=CLIENT):
                connection = await self._acquire()
            transaction = connection.transaction(readonly=read_only)
            try:
                async with asyncio.timeout(self._connect_seconds):
                    await transaction.start()
            except TimeoutError as error:
                # Not tried again: the others of the pool lead to the same silence.
                _cut(connection)
                await self._release(connection)
                raise ServiceUnavailable(AWAY) from error
            except _LOST as error:
                log.info("database_connection_stale", attempt=attempt, error=type(error).__name__)
                _cut(connection)
                await self._release(connection)
            except BaseException:
                await self._release(connection)
                raise
            else:
                return connection, transaction
        raise ServiceUnavailable(AWAY)

    async def _acquire(self) -> Connection:
        if self._pool is None:
            await self.open()
        if self._pool is None:
            raise ServiceUnavailable(AWAY)
        try:
            return await self._pool.acquire(timeout=self._settings.database_acquire_timeout_seconds)
        except TimeoutError as error:
            raise ServiceUnavailable("All database connections are busy; try again shortly.") from error
        except _UNREACHABLE as error:
            raise ServiceUnavailable(AWAY) from error

    async def _release(self, connection: Connection) -> None:
        if self._pool is None:
            return
        try:
            await asyncio.shield(self._pool.release(connection))
        except (*_LOST, TimeoutError) as error:
            # asyncpg has given the connection up; what the transaction came to is known without it.
            log.info("database_connection_dropped", error=type(error).__name__)

    async def _commit(self, connection: Connection, transaction: Transaction) -> None:
        try:
            await _answer(connection, transaction.commit(), "COMMIT")
        finally:
            await self._release(connection)

    async def _roll_back(self, connection: Connection, transaction: Transaction) -> None:
        try:
            await _answer(connection, transaction.rollback(), "ROLLBACK")
        except (*_LOST, asyncpg.PostgresError) as error:
            # The server has forgotten the transaction by itself when its connection is gone.
            log.info("database_rollback_skipped", error=type(error).__name__)
            _cut(connection)
        finally:
            await self._release(connection)

    async def _create_pool(self) -> Pool:
        settings = self._settings
        pool: Pool = await asyncpg.create_pool(
            settings.database_url.get_secret_value(),
            min_size=settings.database_pool_min_size,
            max_size=settings.database_pool_max_size,
            timeout=self._connect_seconds,
            command_timeout=settings.database_statement_timeout_seconds + SILENCE_SECONDS,
            statement_cache_size=settings.database_statement_cache_size,
            server_settings=_server_settings(settings),
            init=prepare,
            reset=_keep_as_is,
        )
        POOLS.pools.add(pool)
        return pool


async def _answer(connection: Connection, call: Awaitable[Answer], sql: str) -> Answer:
    try:
        with statement(), statement_span(sql):
            return await call
    except TimeoutError as error:
        # The driver's limit, since the caller's own comes as a cancellation. No more is to be had on this connection.
        _cut(connection)
        raise ConnectionAbortedError("the database fell silent") from error


async def _in_turns(rows: Sequence[tuple[object, ...]]) -> AsyncIterator[tuple[object, ...]]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)


def _cut(connection: Connection) -> None:
    # asyncpg has detached the proxy already when it noticed the loss first.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


def _server_settings(settings: Settings) -> dict[str, str]:
    return {
        "application_name": f"{settings.project_id}-service",
        "statement_timeout": str(int(settings.database_statement_timeout_seconds * 1000)),
        "lock_timeout": str(int(settings.database_lock_timeout_seconds * 1000)),
        "idle_in_transaction_session_timeout": "15000",
        "timezone": "UTC",
    }


async def _keep_as_is(_: asyncpg.Connection[asyncpg.Record]) -> None:
    """No connection is changed outside a transaction, so asyncpg need not reset it by a round trip per release."""
