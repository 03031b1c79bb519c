"""The pool: transactions, lost connections, exhaustion, time limits."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from shared.config import get_settings
from shared.database import Database, RowsRefused, UniqueViolation
from shared.errors import ServiceUnavailable
from shared.testing.proxy import Proxy

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    document: dict[str, Any]


def build(**changes: object) -> Database:
    return Database(get_settings().model_copy(update={"database_pool_max_size": 2, **changes}))


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[Database]:
    database = build()
    async with database.transaction() as session:
        await session.execute("CREATE TABLE IF NOT EXISTS pool_probe (number integer)")
        await session.execute("DELETE FROM pool_probe")
    yield database
    async with database.transaction() as session:
        await session.execute("DROP TABLE IF EXISTS pool_probe")
    await database.close()


async def count(pool: Database) -> int:
    async with pool.transaction(read_only=True) as session:
        return int(await session.fetch_value("SELECT count(*) FROM pool_probe"))


async def test_rows_become_dataclasses_and_json_goes_both_ways(pool: Database) -> None:
    async with pool.transaction() as session:
        row = await session.fetch_one(Row, "SELECT 7 AS number, $1::jsonb AS document", {"a": [1, None]})
        assert row == Row(7, {"a": [1, None]})
        assert await session.fetch_one(Row, "SELECT 1 AS number, '{}'::jsonb AS document WHERE false") is None
        rows = await session.fetch_all(Row, "SELECT n AS number, '{}'::jsonb AS document FROM generate_series(1, 3) n")
        assert [row.number for row in rows] == [1, 2, 3]
        assert await session.execute("INSERT INTO pool_probe SELECT generate_series(1, 5)") == 5


class TestCopy:
    async def test_many_rows_while_others_have_their_turn(self, pool: Database) -> None:
        async with pool.transaction() as session:
            await session.copy_rows("pool_probe", ("number",), [(number,) for number in range(1050)])
            await session.copy_rows("pool_probe", ("number",), [])
        assert await count(pool) == 1050

    @pytest.mark.parametrize("value", ["x", 2**40, object()])
    async def test_all_or_none(self, pool: Database, value: object) -> None:
        with pytest.raises(RowsRefused):
            async with pool.transaction() as session:
                await session.copy_rows("pool_probe", ("number",), [(1,), (value,)])
        assert await count(pool) == 0

    async def test_keys_and_texts(self, pool: Database) -> None:
        async with pool.transaction() as session:
            await session.execute("CREATE TEMPORARY TABLE copied (word text PRIMARY KEY) ON COMMIT DROP")
            await session.copy_rows("copied", ("word",), [("a",), ("b",)])
            with pytest.raises(UniqueViolation):
                await session.copy_rows("copied", ("word",), [("c",), ("a",)])
        for word in ("\x00", "\ud800", None):
            with pytest.raises(RowsRefused):
                async with pool.transaction() as session:
                    await session.execute("CREATE TEMPORARY TABLE copied (word text PRIMARY KEY) ON COMMIT DROP")
                    await session.copy_rows("copied", ("word",), [(word,)])


async def test_a_block_that_raises_leaves_nothing(pool: Database) -> None:
    with pytest.raises(KeyError):
        async with pool.transaction() as session:
            await session.execute("INSERT INTO pool_probe VALUES (1)")
            raise KeyError
    assert await count(pool) == 0


async def test_a_cancelled_block_leaves_nothing_and_its_connection_is_usable(pool: Database) -> None:
    async def slow() -> None:
        async with pool.transaction() as session:
            await session.execute("INSERT INTO pool_probe VALUES (1)")
            await session.fetch_value("SELECT pg_sleep(5)")

    for _ in range(4):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await count(pool) == 0


async def test_a_block_cancelled_while_it_is_rolled_back_leaves_at_once_and_its_connection_is_replaced() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with Proxy.before(get_settings().database_url.get_secret_value()) as (proxy, url):
        changes = {"database_pool_min_size": 0, "database_pool_max_size": 1, "database_statement_timeout_seconds": 0.1}
        database = build(database_url=SecretStr(url), **changes)

        async def fails() -> None:
            async with database.transaction():
                proxy.downstream = silent
                raise KeyError

        task = asyncio.create_task(fails())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
        proxy.downstream = bytes
        async with asyncio.timeout(30):
            while True:
                with suppress(ServiceUnavailable):
                    await database.ping()
                    break
        await database.close()
    gc.collect()
    await asyncio.sleep(0)
    asyncio.get_running_loop().set_exception_handler(None)
    assert complaints == []


async def test_a_read_only_transaction_cannot_write(pool: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with pool.transaction(read_only=True) as session:
            await session.execute("INSERT INTO pool_probe VALUES (1)")


async def test_connections_killed_while_idle_are_replaced_unnoticed(pool: Database) -> None:
    async def backend() -> int:
        async with pool.transaction() as session:
            await asyncio.sleep(0.05)
            return int(await session.fetch_value("SELECT pg_backend_pid()"))

    backends = await asyncio.gather(backend(), backend())
    killer = await asyncpg.connect(get_settings().database_url.get_secret_value())
    for process in backends:
        await killer.execute("SELECT pg_terminate_backend($1)", process)
    await killer.close()
    assert await count(pool) == 0


async def test_a_server_lost_in_the_middle_is_503_and_rolls_back(pool: Database) -> None:
    with pytest.raises(ServiceUnavailable):
        async with pool.transaction() as session:
            await session.execute("INSERT INTO pool_probe VALUES (1)")
            await session.fetch_value("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await count(pool) == 0


async def test_an_exhausted_pool_is_503_in_time(pool: Database) -> None:
    async with pool.transaction(), pool.transaction():
        started = asyncio.get_running_loop().time()
        with pytest.raises(ServiceUnavailable, match="busy"):
            async with pool.transaction():
                pass
        assert asyncio.get_running_loop().time() - started < 9


async def test_statements_have_a_time_limit() -> None:
    database = build(database_statement_timeout_seconds=0.2)
    with pytest.raises(asyncpg.QueryCanceledError):
        async with database.transaction() as session:
            await session.fetch_value("SELECT pg_sleep(5)")
    await database.close()


async def test_a_server_that_is_not_there_is_503_and_may_come_later() -> None:
    database = build(database_url=SecretStr("postgresql://nobody:secret@127.0.0.1:1/none"))
    for _ in range(2):
        with pytest.raises(ServiceUnavailable) as refusal:
            await database.ping()
        assert "secret" not in refusal.value.detail
    await database.close()


async def test_an_error_of_the_callers_own_block_stays_what_it_is(pool: Database) -> None:
    with pytest.raises(FileNotFoundError):
        async with pool.transaction():
            raise FileNotFoundError("the caller's own")


@pytest.mark.parametrize("begun", [False, True])
async def test_a_server_that_falls_silent_is_503_in_time_and_may_come_back(*, begun: bool) -> None:
    async with Proxy.before(get_settings().database_url.get_secret_value()) as (proxy, url):
        changes = {"database_acquire_timeout_seconds": 0.3, "database_statement_timeout_seconds": 0.5}
        database = build(database_url=SecretStr(url), **changes)
        await database.ping()
        with pytest.raises(ServiceUnavailable, match="away"):
            async with asyncio.timeout(9):
                await speak_into_silence(database, proxy, begun=begun)
        proxy.downstream = bytes
        await database.ping()
        await database.close()


async def speak_into_silence(database: Database, proxy: Proxy, *, begun: bool) -> None:
    if not begun:
        proxy.downstream = silent
    async with database.transaction() as session:
        proxy.downstream = silent
        await session.fetch_value("SELECT 1")


def silent(_: bytes) -> bytes:
    return b""
