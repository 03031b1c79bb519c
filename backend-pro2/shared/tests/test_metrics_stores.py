"""What servers of ours are asked moves its instruments: the real ones, and their absence."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import asyncpg
import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database, UniqueViolation
from shared.errors import ServiceUnavailable
from shared.ids import new_id
from shared.metrics.database import error_kind
from shared.metrics.parts import SPENT
from shared.metrics.redis import BREAKER_OPEN
from shared.object_store import ObjectStore
from shared.redis_client import FAILURES_TO_OPEN, PROBE_SECONDS, RedisClient, RedisUnavailable
from shared.testing.counting import Moved
from shared.testing.proxy import Proxy

pytestmark = pytest.mark.integration

MEBIBYTE = 1024 * 1024
INSERT = "INSERT INTO projects (id, name) VALUES ($1, 'A project')"


@pytest.fixture
def spent() -> Iterator[dict[str, float]]:
    """What a request would have spent meanwhile."""
    parts: dict[str, float] = {}
    around = SPENT.set(parts)
    yield parts
    SPENT.reset(around)


class TestDatabase:
    async def test_statements_and_connections_are_timed(self, database: Database, spent: dict[str, float]) -> None:
        moved = Moved()
        async with database.transaction() as session:
            assert moved("db_pool_connections", state="used") >= 1
            await session.fetch_value("SELECT pg_sleep(0.05)")
        assert moved("db_pool_acquire_seconds_count") == 1
        # The commit is one, too.
        assert moved("db_statement_seconds_count") == 2
        assert moved("db_statement_seconds_sum") >= 0.05
        assert spent["database"] >= 0.05
        assert moved.of("db_errors_total", "kind") == {}

    async def test_who_waits_for_a_connection_is_told(self, settings: Settings) -> None:
        changes = {"database_pool_max_size": 1, "database_acquire_timeout_seconds": 30.0}
        database = Database(settings.model_copy(update=changes))
        moved = Moved()
        async with database.transaction():
            waiting = asyncio.create_task(database.ping())
            async with asyncio.timeout(30):
                while moved("db_pool_waiting") != 1:  # noqa: ASYNC110 - an instrument tells nobody
                    await asyncio.sleep(0.01)
        await waiting
        assert moved("db_pool_waiting") == 0
        await database.close()

    async def test_errors_have_one_of_four_kinds(self, database: Database, settings: Settings) -> None:
        moved, project = Moved(), new_id()
        for error, statement, arguments in (
            (UniqueViolation, INSERT, (project,)),
            (asyncpg.QueryCanceledError, "SET LOCAL statement_timeout = 1", ()),
            (asyncpg.UndefinedTableError, "SELECT * FROM no_such_table", ()),
        ):
            with pytest.raises(error):
                async with database.transaction() as session:
                    await session.execute(statement, *arguments)
                    await session.execute(INSERT if arguments else "SELECT pg_sleep(1)", *arguments)
        away = Database(settings.model_copy(update={"database_url": SecretStr("postgresql://a:b@127.0.0.1:1/c")}))
        with pytest.raises(ServiceUnavailable):
            await away.ping()
        assert moved.of("db_errors_total", "kind") == {"conflict": 1, "timeout": 1, "other": 1, "away": 1}

    async def test_a_pool_that_is_exhausted_is_a_timeout(self, settings: Settings) -> None:
        changes = {"database_pool_max_size": 1, "database_acquire_timeout_seconds": 0.05}
        database = Database(settings.model_copy(update=changes))
        moved = Moved()
        async with database.transaction():
            with pytest.raises(ServiceUnavailable) as refusal:
                await database.ping()
        assert (error_kind(refusal.value), moved.of("db_errors_total", "kind")) == ("timeout", {"timeout": 1})
        await database.close()


class TestRedis:
    async def test_commands_are_counted_and_timed(self, redis: RedisClient, spent: dict[str, float]) -> None:
        moved = Moved()
        await redis.set_json("key", 1, 60)
        assert await redis.eval("return 7", [], []) == 7
        # The script's name is unknown at first, then loaded.
        assert moved("redis_commands_total", outcome="ok") in {2, 4}
        assert moved("redis_command_seconds_count") == moved("redis_commands_total", outcome="ok")
        assert spent["redis"] > 0

    async def test_one_that_is_refused_is_no_sign_of_absence(self, redis: RedisClient) -> None:
        moved = Moved()
        with pytest.raises(RedisUnavailable):
            await redis.eval("return redis.call('NO SUCH COMMAND')", [], [])
        assert moved("redis_commands_total", outcome="refused") == 1
        assert moved("redis_breaker_open") == 0

    async def test_the_breaker_is_shown_while_it_is_open(self, settings: Settings) -> None:
        async with Proxy.before(settings.redis_url.get_secret_value()) as (proxy, url):
            client = RedisClient(settings.model_copy(update={"redis_url": SecretStr(url)}))
            proxy.cut()
            # A client of an earlier test may have left it open: the figure is the process's.
            BREAKER_OPEN.set(0)
            moved = Moved()
            for _ in range(FAILURES_TO_OPEN + 1):
                with pytest.raises(RedisUnavailable):
                    await client.eval("return 1", [], [])
            assert moved("redis_commands_total", outcome="unavailable") == FAILURES_TO_OPEN + 1
            assert moved("redis_breaker_open") == 1
            proxy.restore()
            await answers(client, f"return '{new_id()}'")
            assert moved("redis_breaker_open") == 0
            await client.close()


async def answers(client: RedisClient, script: str) -> None:
    """Returns once Redis runs the script, which it does not know after a new start."""
    async with asyncio.timeout(30):
        while True:
            with suppress(RedisUnavailable):
                await client.eval(script, [], [])
                return
            await asyncio.sleep(PROBE_SECONDS / 4)


class TestObjectStore:
    async def test_bytes_go_in_and_out(self, object_store: ObjectStore, spent: dict[str, float]) -> None:
        moved = Moved()
        await object_store.put_stream("p/x", _pieces(9))
        assert moved("object_store_bytes_total", direction="in") == 9 * MEBIBYTE
        read = [len(chunk) async for chunk in object_store.get_stream("p/x", start=MEBIBYTE)]
        assert sum(read) == moved("object_store_bytes_total", direction="out") == 8 * MEBIBYTE
        asked = moved.of("object_store_requests_total", "operation")
        # Parts of 8 MiB: two, each put, between the beginning of the upload and its end.
        assert (asked["put"], asked["post"], asked["get"]) == (2, 2, 1)
        assert moved.of("object_store_requests_total", "outcome").keys() == {"ok"}
        assert moved("object_store_request_seconds_count", operation="get") == 1
        assert spent["object_store"] > 0

    async def test_what_a_reader_does_in_between_is_not_the_stores_time(
        self, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await object_store.put_bytes("p/x", b"x" * MEBIBYTE)
        moved, paused = Moved(), 0.0
        async for _ in object_store.get_stream("p/x"):
            await asyncio.sleep(0.2)
            paused += 0.2
        assert moved("object_store_request_seconds_sum", operation="get") < 0.2 + paused / 2

    async def test_what_is_not_there_is_absent_and_no_refusal(self, object_store: ObjectStore) -> None:
        moved = Moved()
        assert await object_store.stat("p/none") is None
        assert moved("object_store_requests_total", operation="stat", outcome="absent") == 1

    async def test_a_store_that_is_away_is_unavailable(self, settings: Settings) -> None:
        store = ObjectStore(settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}))
        moved = Moved()
        with pytest.raises(ServiceUnavailable):
            await store.ping()
        with pytest.raises(ServiceUnavailable):
            [chunk async for chunk in store.get_stream("p/x")]
        assert moved("object_store_requests_total", operation="ping", outcome="unavailable") == 1
        assert moved("object_store_requests_total", operation="get", outcome="unavailable") == 1
        await store.close()


async def _pieces(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"x" * MEBIBYTE
