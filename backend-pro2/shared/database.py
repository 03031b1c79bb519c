"""PostgreSQL: one pool per process, transactions as a context manager, rows as dataclasses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from shared.config import Settings
from shared.database_reading import PooledConnection, ReadingSession, hear, was_heard_lately
from shared.database_session import LOST, RowsRefused, Session, answer, cut
from shared.database_types import prepare
from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.metrics.database import POOLS, acquiring
from shared.tracing import CLIENT, span
from shared.tracing.statements import DATABASE

if TYPE_CHECKING:
    from shared.database_session import Connection

    Pool = asyncpg.Pool[asyncpg.Record]

__all__ = ["Database", "ForeignKeyViolation", "RowsRefused", "Session", "UniqueViolation"]

log = get_logger(__name__)

UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError

AWAY = "The database is away for the moment; try again shortly."
# The server itself ends a statement that takes too long; only after this much more has it fallen silent.
SILENCE_SECONDS = 2.0

_UNREACHABLE = (*LOST, OSError)


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
        # Not one that only reads: beginning shows within its own, shorter time that nobody answers.
        async with self.transaction() as session:
            await session.fetch_value("SELECT 1")

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator[Session]:
        """A session that commits when the block ends and rolls back when it raises.

        With `read_only` nothing can be written, and each statement sees what is committed by then, as in every
        transaction here; whether the server was told to begin one is not promised.

        Raises:
            ServiceUnavailable: no connection in time, or the server was lost on the way.
        """
        session = await self._begin(read_only=read_only)
        try:
            try:
                yield session
            except BaseException:
                # Whoever is cancelled meanwhile leaves at once; the connection goes back when it has been put in order.
                await asyncio.shield(self._roll_back(session))
                raise
            await self._commit(session)
        except LOST as error:
            log.warning("database_lost", error=type(error).__name__)
            raise ServiceUnavailable(AWAY) from error

    async def _begin(self, *, read_only: bool, probed: bool = False) -> Session:
        # A connection that died in the pool shows only now; nothing has been sent yet, so another try is safe.
        for attempt in range(self._settings.database_pool_max_size + 1):
            with acquiring(), span("database.acquire", DATABASE, kind=CLIENT):
                connection = await self._acquire()
            if read_only and not probed and was_heard_lately(connection):
                return ReadingSession(connection, self._elsewhere)
            transaction = connection.transaction(readonly=read_only)
            try:
                async with asyncio.timeout(self._connect_seconds):
                    await transaction.start()
            except TimeoutError as error:
                # Not tried again: the others of the pool lead to the same silence.
                cut(connection)
                await self._release(connection)
                raise ServiceUnavailable(AWAY) from error
            except LOST as error:
                log.info("database_connection_stale", attempt=attempt, error=type(error).__name__)
                cut(connection)
                await self._release(connection)
            except BaseException:
                await self._release(connection)
                raise
            else:
                return Session(connection, transaction)
        raise ServiceUnavailable(AWAY)

    async def _elsewhere(self, lost: Connection) -> Session:
        """A begun transaction that reads, for who found the connection lost."""
        cut(lost)
        await self._release(lost)
        return await self._begin(read_only=True, probed=True)

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
        except (*LOST, TimeoutError) as error:
            # asyncpg has given the connection up; what the transaction came to is known without it.
            log.info("database_connection_dropped", error=type(error).__name__)

    async def _commit(self, session: Session) -> None:
        try:
            if session.transaction is not None:
                await answer(session.connection, session.transaction.commit(), "COMMIT")
            if session.was_answered:
                hear(session.connection)
        finally:
            await self._release(session.connection)

    async def _roll_back(self, session: Session) -> None:
        try:
            if session.transaction is not None:
                await answer(session.connection, session.transaction.rollback(), "ROLLBACK")
        except (*LOST, asyncpg.PostgresError) as error:
            # The server has forgotten the transaction by itself when its connection is gone.
            log.info("database_rollback_skipped", error=type(error).__name__)
            cut(session.connection)
        finally:
            await self._release(session.connection)

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
            connection_class=PooledConnection,
            init=prepare,
            reset=_keep_as_is,
        )
        POOLS.pools.add(pool)
        return pool


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
