"""Blocks that only read: when no transaction is begun for them, and that all else stays as in one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from asyncpg.transaction import Transaction
from pydantic import SecretStr

from shared import database_reading
from shared.config import get_settings
from shared.database import Database
from shared.database_reading import only_reads
from shared.errors import ServiceUnavailable
from shared.testing.proxy import Proxy

NO_ANSWER_IN_TIME = 20


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT updated_at, deleted_at FROM projects WHERE id = $1",
        "\n  WITH mine AS (SELECT 1) SELECT * FROM mine ORDER BY inserted OFFSET 3",
        "select count(*) from shared_things",
    ],
)
def test_what_only_reads(sql: str) -> None:
    assert only_reads(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE projects SET name = $1",
        "WITH gone AS (DELETE FROM projects RETURNING id) SELECT id FROM gone",
        "WITH one AS (SELECT 1) INSERT INTO numbers SELECT * FROM one",
        "MERGE INTO projects USING others ON true WHEN MATCHED THEN DELETE",
        "SELECT id FROM projects WHERE id = $1 for update",
        "SELECT id FROM projects FOR NO KEY UPDATE SKIP LOCKED",
        "SELECT id FROM projects FOR KEY SHARE",
        "SELECT id INTO copies FROM projects",
        "SELECT nextval('numbers')",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_try_advisory_xact_lock_shared($1)",
        "SELECT pg_notify('tasks', $1)",
        "SELECT set_config('statement_timeout', '1', true)",
        "SELECT lo_unlink(1)",
        "COPY INTO webhook_deliveries",
        "LOCK TABLE projects",
        "CREATE TABLE copies AS SELECT 1",
        "",
    ],
)
def test_what_could_do_more(sql: str) -> None:
    assert not only_reads(sql)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each transaction was begun, in order."""
    found: list[str] = []
    start = Transaction.start

    async def counted(self: Any) -> None:
        found.append("read" if self._readonly else "write")
        await start(self)

    monkeypatch.setattr(Transaction, "start", counted)
    return found


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[Database]:
    database = build()
    async with database.transaction() as session:
        await session.execute("CREATE TABLE IF NOT EXISTS reading_probe (number integer)")
        await session.execute("DELETE FROM reading_probe")
    yield database
    async with database.transaction() as session:
        await session.execute("DROP TABLE reading_probe")
    await database.close()


def build(**changes: object) -> Database:
    return Database(get_settings().model_copy(update={"database_pool_max_size": 1, **changes}))


async def count(pool: Database) -> int:
    async with pool.transaction(read_only=True) as session:
        return int(await session.fetch_value("SELECT count(*) FROM reading_probe"))


@pytest.mark.integration
class TestWhenNothingIsBegun:
    async def test_on_a_connection_that_was_heard_of_lately(
        self, pool: Database, begun: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database_reading, "HEARD_SECONDS", 3600.0)
        assert [await count(pool), await count(pool)] == [0, 0]
        assert begun == []

    async def test_not_on_one_that_was_silent_for_longer(
        self, pool: Database, begun: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database_reading, "HEARD_SECONDS", 0.0)
        assert await count(pool) == 0
        assert begun == ["read"]

    async def test_not_on_a_new_one(self, begun: list[str]) -> None:
        database = build()
        async with database.transaction(read_only=True) as session:
            await session.fetch_value("SELECT 1")
        await database.close()
        assert begun == ["read"]

    async def test_not_for_what_writes(self, pool: Database, begun: list[str]) -> None:
        async with pool.transaction() as session:
            await session.execute("INSERT INTO reading_probe VALUES (1)")
        assert begun == ["write"]


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections count as heard of lately for as long as a test runs."""
    monkeypatch.setattr(database_reading, "HEARD_SECONDS", 3600.0)


@pytest.mark.integration
@pytest.mark.usefixtures("warm")
class TestAllElseStays:
    @pytest.mark.parametrize(
        "sql",
        [
            "INSERT INTO reading_probe VALUES (1)",
            "WITH new AS (INSERT INTO reading_probe VALUES (1) RETURNING number) SELECT number FROM new",
            "SELECT number FROM reading_probe FOR UPDATE",
            "DELETE FROM reading_probe",
        ],
    )
    async def test_nothing_can_be_written(self, pool: Database, sql: str) -> None:
        assert await count(pool) == 0
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with pool.transaction(read_only=True) as session:
                await session.fetch_value("SELECT 1")
                await session.execute(sql)
        assert await count(pool) == 0

    async def test_a_lock_for_the_transaction_is_held_until_the_block_ends(self, pool: Database) -> None:
        other = await asyncpg.connect(get_settings().database_url.get_secret_value())
        async with pool.transaction(read_only=True) as session:
            await session.fetch_value("SELECT pg_advisory_xact_lock(778899)")
            await session.fetch_value("SELECT 1")
            assert not await other.fetchval("SELECT pg_try_advisory_lock(778899)")
        assert await other.fetchval("SELECT pg_try_advisory_lock(778899)")
        await other.close()

    async def test_one_reads_what_one_has_just_written(self, pool: Database) -> None:
        for number in range(1, 4):
            async with pool.transaction() as session:
                await session.execute("INSERT INTO reading_probe VALUES ($1)", number)
            assert await count(pool) == number

    async def test_a_connection_that_turns_out_to_be_lost_is_replaced_unnoticed(self, pool: Database) -> None:
        async with pool.transaction(read_only=True) as session:
            backend = await session.fetch_value("SELECT pg_backend_pid()")
            killer = await asyncpg.connect(get_settings().database_url.get_secret_value())
        async with pool.transaction(read_only=True) as session:
            await killer.execute("SELECT pg_terminate_backend($1)", backend)
            assert await session.fetch_value("SELECT pg_backend_pid()") != backend
            assert await session.fetch_value("SELECT count(*) FROM reading_probe") == 0
        await killer.close()
        assert await count(pool) == 0

    async def test_so_is_one_that_is_lost_later_but_once_only(self, pool: Database, begun: list[str]) -> None:
        killer = await asyncpg.connect(get_settings().database_url.get_secret_value())
        with pytest.raises(ServiceUnavailable):
            async with pool.transaction(read_only=True) as session:
                for _ in range(2):
                    backend = await session.fetch_value("SELECT pg_backend_pid()")
                    await killer.execute("SELECT pg_terminate_backend($1)", backend)
                    await session.fetch_value("SELECT 1")
        assert begun == ["read"]
        await killer.close()
        assert await count(pool) == 0

    async def test_a_cancelled_read_leaves_its_connection_usable(self, pool: Database) -> None:
        async def sleeps() -> None:
            async with pool.transaction(read_only=True) as session:
                await session.fetch_value("SELECT pg_sleep(60)")

        task = asyncio.create_task(sleeps())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await count(pool) == 0

    async def test_silence_is_503_without_another_try(self) -> None:
        async with Proxy.before(get_settings().database_url.get_secret_value()) as (proxy, url):
            database = build(database_url=SecretStr(url), database_statement_timeout_seconds=0.5)
            async with database.transaction(read_only=True) as session:
                await session.fetch_value("SELECT 1")
            proxy.downstream = lambda _: b""
            with pytest.raises(ServiceUnavailable, match="away"):
                async with asyncio.timeout(NO_ANSWER_IN_TIME), database.transaction(read_only=True) as session:
                    await session.fetch_value("SELECT 1")
            proxy.downstream = bytes
            await database.ping()
            await database.close()
