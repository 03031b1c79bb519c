"""The database of a restore: filled beside the one in use, put in order, then swapped with it in one step."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from backup_manifest import Listed, Manifest
from backup_objects import fits
from backup_references import count_rows, references
from backup_snapshot import connect
from console import Refusal
from instance import Address

if TYPE_CHECKING:
    from backup_snapshot import Connection

Answer = TypeVar("Answer")
MAINTENANCE = "postgres"
SHOWN = 5

# What was true of the moment of the backup and is not any more, or must not be true twice.
_OVER = (
    "UPDATE sessions SET revoked_at = now(), revoked_reason = 'restored' WHERE revoked_at IS NULL",
    "DELETE FROM one_time_tokens",
    "DELETE FROM task_workers",
)
# A copy under another name must not speak to the outside in the name of the original.
_SILENT = (
    "UPDATE webhooks SET is_active = false, updated_at = now() WHERE is_active",
    "UPDATE webhook_deliveries SET status = 'failed', finished_at = now() WHERE status = 'pending'",
    "UPDATE mails SET finished_at = now(), outcome = 'skipped' WHERE finished_at IS NULL",
)
_CONTENT = """
SELECT (SELECT count(*) FROM users) AS accounts, (SELECT count(*) FROM projects) AS projects,
       (SELECT count(*) FROM datasets) AS datasets
"""


@dataclass(frozen=True)
class Names:
    """The databases of one instance: in use, being filled, and replaced."""

    used: str

    @property
    def fresh(self) -> str:
        """The one that is being filled."""
        return f"{self.used}_restoring"

    @property
    def replaced(self) -> str:
        """The one that was in use, until the restore is complete."""
        return f"{self.used}_replaced"


@asynccontextmanager
async def session(address: Address, database: str) -> AsyncIterator["Connection"]:
    """A connection, closed at the end."""
    connection = await connect(address, database)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


async def within(address: Address, database: str, act: "Callable[[Connection], Awaitable[Answer]]") -> Answer:
    """What `act` answers, given a connection."""
    async with session(address, database) as connection:
        return await act(connection)


async def answers(address: Address) -> bool:
    """Whether the instance's database can be reached."""
    try:
        await within(address, address.name, server_major)
    except Refusal:
        return False
    return True


async def server_major(connection: "Connection") -> int:
    """The server's major version."""
    return int(await connection.fetchval("SHOW server_version_num")) // 10000


async def content(connection: "Connection") -> dict[str, int]:
    """What the database in use holds, without what is zero; nothing without a schema."""
    if not await connection.fetchval("SELECT to_regclass('users') IS NOT NULL"):
        return {}
    row = await connection.fetchrow(_CONTENT)
    return {name: number for name, number in (row or {}).items() if number}


async def make_fresh(address: Address) -> None:
    """Make the database to be filled, in place of what an interrupted restore left.

    Raises:
        Refusal: the account may not.
    """
    names = Names(address.name)
    async with session(address, MAINTENANCE) as connection:
        try:
            await _drop(connection, names.fresh)
            await connection.execute(f"CREATE DATABASE {_quoted(names.fresh)}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise Refusal(
                f"the account {address.user} of DATABASE_URL may not create databases: grant it CREATEDB"
            ) from error


async def require_counts(connection: "Connection", manifest: Manifest) -> None:
    """Let pass a database with as many rows as the manifest says, table by table.

    Raises:
        Refusal: it has others.
    """
    found = await count_rows(connection)
    wrong = [
        f"{name}: {found.get(name)}, not {rows}" for name, rows in manifest.rows.items() if found.get(name) != rows
    ]
    if wrong:
        raise Refusal("the dump does not hold what the manifest says: " + "; ".join(wrong[:SHOWN]))


async def require_objects(connection: "Connection", listing: Iterator[Listed], damaged: set[str]) -> int:
    """Let pass a database whose objects are in the listing as its rows say; how many there are.

    Raises:
        Refusal: one is not.
    """
    wrong, count, listed = list[str](), 0, next(listing, None)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for one in references(connection):
            while listed and listed.key.encode() < one.key.encode():
                listed = next(listing, None)
            is_there = listed is not None and listed.key == one.key and fits(one, listed)
            if is_there:
                count += 1
            elif one.is_required and one.key not in damaged:
                wrong.append(one.key)
    if wrong:
        raise Refusal(f"{len(wrong)} objects that rows name are not in the backup: {', '.join(wrong[:SHOWN])}")
    return count


async def put_in_order(connection: "Connection", *, is_copy: bool) -> None:
    """End what belonged to the moment of the backup: logins, mailed links, workers; in a copy what goes outside too."""
    async with connection.transaction():
        for statement in (*_OVER, *(_SILENT if is_copy else ())):
            await connection.execute(statement)


async def swap(address: Address) -> None:
    """Put the filled database in place of the one in use, which is kept under another name: both or neither."""
    names = Names(address.name)
    async with session(address, MAINTENANCE) as connection:
        await _drop(connection, names.replaced)
        for name in (names.used, names.fresh):
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        async with connection.transaction():
            if await _exists(connection, names.used):
                await _rename(connection, names.used, names.replaced)
            await _rename(connection, names.fresh, names.used)


async def forget_replaced(address: Address) -> None:
    """Drop the database that was in use before."""
    async with session(address, MAINTENANCE) as connection:
        await _drop(connection, Names(address.name).replaced)


async def _exists(connection: "Connection", name: str) -> bool:
    return bool(await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name))


async def _rename(connection: "Connection", name: str, new: str) -> None:
    await connection.execute(f"ALTER DATABASE {_quoted(name)} RENAME TO {_quoted(new)}")


async def _drop(connection: "Connection", name: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
