"""One moment of a database, from which the dump, the counts and the list of objects are taken; meanwhile nothing goes.

The lock keeps the services from removing objects (shared/removed_objects.py). It is the connection's, and ends with it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from console import Refusal
from instance import Address

BACKUP_LOCK = 7_233_736_013_418_884_144
PATIENCE_SECONDS = 15.0
PAUSE_SECONDS = 0.05
BEAT_SECONDS = 10.0
SETTINGS = {
    "application_name": "backup",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # A server hears within a minute that the machine of a backup has gone.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "4",
    "timezone": "UTC",
}

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


async def connect(address: Address, database: str) -> "Connection":
    """A connection without limits of time.

    Raises:
        Refusal: the server does not answer, or does not know the database or the password.
    """
    try:
        return await asyncpg.connect(
            host=address.host, port=address.port, user=address.user, password=address.password, database=database,
            timeout=10, server_settings=SETTINGS,
        )  # fmt: skip
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        where = f"{address.host}:{address.port}/{database}"
        raise Refusal(f"the database at {where} cannot be reached ({type(error).__name__}): start it first") from error


@dataclass(frozen=True)
class Hold:
    """The lock of a backup."""

    connection: "Connection"

    async def require(self) -> None:
        """Let pass only while the lock is still ours.

        Raises:
            Refusal: its connection has been lost, and objects may have been removed since.
        """
        try:
            await self.connection.fetchval("SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Refusal("the database was lost on the way, and with it the backup's lock: start anew") from error

    async def beat(self) -> None:
        """Keep asking; ends only by an error."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self.require()


@asynccontextmanager
async def held(address: Address) -> AsyncIterator[Hold]:
    """Keep objects from being removed.

    Raises:
        Refusal: another backup is under way.
    """
    connection = await connect(address, address.name)
    try:
        await _lock(connection)
        yield Hold(connection)
    finally:
        # However slow the server is: without its connection the lock ends too.
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


async def _lock(connection: "Connection") -> None:
    waited = 0.0
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", BACKUP_LOCK):
        if waited > PATIENCE_SECONDS:
            raise Refusal("another backup of this instance is under way: wait for its end")
        await asyncio.sleep(PAUSE_SECONDS)
        waited += PAUSE_SECONDS


@dataclass(frozen=True)
class Snapshot:
    """A moment of the database."""

    id: str
    taken_at: str
    schema_revision: str
    postgres_version: str


@asynccontextmanager
async def snapshot(hold: Hold) -> AsyncIterator[Snapshot]:
    """The moment that begins now, for as long as the block runs.

    Raises:
        Refusal: the database has no schema of ours.
    """
    connection = hold.connection
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
            raise Refusal("the database has no schema yet: start the instance once, then there is something to back up")
        now = """SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
        yield Snapshot(
            id=await connection.fetchval("SELECT pg_export_snapshot()"),
            taken_at=await connection.fetchval(now),
            schema_revision=await connection.fetchval("SELECT max(version_num) FROM alembic_version"),
            postgres_version=(await connection.fetchval("SHOW server_version")).split(" ")[0],
        )
