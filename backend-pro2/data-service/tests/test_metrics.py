"""What the data service tells Prometheus: files, caches, and the servers that it works on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.metrics import caches
from shared.redis_client import RedisClient
from shared.resources import Resources
from shared.testing.counting import Moved
from shared.testing.project import Workspace
from shared.testing.proxy import Proxy

from ..app.main import create_app
from .conftest import upload
from .cutting import hang_up
from .ready import ready_dataset
from .sending import CSV, Sender, sender

__all__ = ["sender"]

pytestmark = pytest.mark.integration

Samples = dict[tuple[str, ...], float]


async def scrape(client: httpx.AsyncClient) -> Samples:
    """Each sample by its name and the values of its labels."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


class TestUploads:
    async def test_accepted_and_refused(
        self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace
    ) -> None:
        moved, content = Moved(), "a,b\n1,2\n"
        assert (await upload(client, editor, content, project_id=str(workspace.project_id))).status_code == 202
        assert moved.of("uploads_total", "outcome") == {"accepted": 1}
        assert moved("upload_bytes_total") == len(content)
        assert (await upload(client, editor, "", project_id=str(workspace.project_id))).status_code == 422
        assert (await upload(client, editor, content)).status_code == 422
        assert moved.of("uploads_total", "outcome") == {"accepted": 1, "refused": 2}
        assert moved("upload_bytes_total") == len(content)

    async def test_cut_off(self, resources: Resources, editor: dict[str, str], workspace: Workspace) -> None:
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="n.csv"\r\n\r\n'
        moved, app = Moved(), create_app(resources.settings, resources)
        headers = editor | {"content-type": "multipart/form-data; boundary=x"}
        await hang_up(app, "POST", "/upload/file", headers, head + b"1,2\n" * 100, len(head) + 40)
        assert moved.of("uploads_total", "outcome") == {"cut_off": 1}

    async def test_in_parts_it_counts_once(self, sender: Sender) -> None:
        moved, opened = Moved(), await sender.open()
        await sender.put_all(opened["id"])
        assert moved.of("uploads_total", "outcome") == {}
        for _ in range(2):
            assert (await sender.complete(opened["id"])).status_code == 202
        assert moved.of("uploads_total", "outcome") == {"accepted": 1}
        assert moved("upload_bytes_total") == len(CSV)

    async def test_what_it_needs_is_away(
        self, resources: Resources, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace
    ) -> None:
        async def away(*_: Any) -> None:
            raise ConnectionError

        moved = Moved()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resources.object_store, "put_stream", away)
            answer = await upload(client, editor, "a\n1\n", project_id=str(workspace.project_id))
        assert (answer.status_code, moved.of("uploads_total", "outcome")) == (500, {"failed": 1})


@pytest.mark.usefixtures("warm_compute")
class TestCaches:
    async def test_hits_and_misses(
        self,
        resources: Resources,
        workspace: Workspace,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        tmp_path: Path,
    ) -> None:
        await ready_dataset(resources, workspace, tmp_path, "Sales", "SELECT 1 AS a")
        moved = Moved()

        def seen(cache: str) -> tuple[float, float]:
            return tuple(moved("cache_requests_total", cache=cache, outcome=o) for o in ("hit", "miss"))  # type: ignore[return-value]

        async def ask(sql: str) -> None:
            body = {"project_id": str(workspace.project_id), "sql": sql}
            assert (await client.post("/process/query", headers=editor, json=body)).status_code == 200

        await ask("SELECT a FROM Sales")
        assert {name: seen(name) for name in ("session", "query_plan", "query_result", "content")} == {
            "session": (0, 1),
            "query_plan": (0, 1),
            "query_result": (0, 1),
            "content": (0, 1),
        }
        await ask("SELECT a FROM Sales")
        await ask("SELECT a + 1 FROM Sales")
        assert {name: seen(name) for name in ("session", "query_plan", "query_result", "content")} == {
            "session": (2, 1),
            "query_plan": (1, 2),
            "query_result": (1, 2),
            "content": (1, 1),
        }

    async def test_a_failing_instrument_fails_no_request(
        self, client: httpx.AsyncClient, editor: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken:
            def inc(self) -> None:
                raise OSError("no space left on device")

        for name in ("_hits", "_misses"):
            monkeypatch.setattr(caches.SESSIONS, name, Broken())
        for _ in range(2):
            assert (await client.get("/upload/formats", headers=editor)).status_code == 200


class TestStores:
    async def test_they_tell_of_themselves(self, client: httpx.AsyncClient, database: Database) -> None:
        told = await scrape(client)
        assert {key: value for key, value in told.items() if key[0] == "store_up"} == {
            ("store_up", name): 1.0 for name in ("postgres", "redis", "object-store")
        }
        async with database.transaction() as session:
            size = await session.fetch_value("SELECT pg_database_size(current_database())")
            most = await session.fetch_value("SELECT current_setting('max_connections')::int")
        assert told["postgres_database_bytes",] == pytest.approx(size, rel=0.2)
        assert told["postgres_max_connections",] == most
        assert told["postgres_connections", "active"] >= 1
        assert sum(value for key, value in told.items() if key[0] == "postgres_connections") <= most
        assert told["postgres_transactions_total", "committed"] > 0
        assert ("postgres_transactions_total", "rolled_back") in told
        assert 0 < told["postgres_cache_hit_ratio",] <= 1
        assert told["redis_memory_used_bytes",] > 100_000
        assert told["redis_connected_clients",] >= 1
        for name in ("postgres_deadlocks_total", "redis_evicted_keys_total", "redis_rejected_connections_total"):
            assert told[name,] >= 0
        assert ("redis_memory_max_bytes",) in told

    async def test_an_open_transaction_grows_old(self, client: httpx.AsyncClient, database: Database) -> None:
        async with database.transaction() as session:
            await session.fetch_value("SELECT 1")
            await asyncio.sleep(0.3)
            told = await scrape(client)
        assert told["postgres_oldest_transaction_seconds",] >= 0.3
        assert told["postgres_connections", "idle_in_transaction"] >= 1


class Behind:
    """The service, whose servers are behind proxies."""

    def __init__(self, postgres: Proxy, redis: Proxy, client: httpx.AsyncClient) -> None:
        self.postgres = postgres
        self.redis = redis
        self.client = client


@pytest.fixture
async def behind(resources: Resources, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Behind]:
    # Each look is a reading.
    for name in ("LEDGER_SECONDS", "STORES_SECONDS"):
        monkeypatch.setattr(f"{create_app.__module__}.{name}", 0.0)
    async with AsyncExitStack() as stack:
        postgres, url = await stack.enter_async_context(Proxy.before(settings.database_url.get_secret_value()))
        redis, redis_url = await stack.enter_async_context(Proxy.before(settings.redis_url.get_secret_value()))
        changes = {"database_url": SecretStr(url), "redis_url": SecretStr(redis_url)}
        through = settings.model_copy(update=changes)
        resources.database, resources.redis = Database(through), RedisClient(through)
        stack.push_async_callback(resources.database.close)
        stack.push_async_callback(resources.redis.close)
        transport = httpx.ASGITransport(create_app(through, resources))
        async with httpx.AsyncClient(transport=transport, base_url="http://data", timeout=70) as client:
            yield Behind(postgres, redis, client)


class TestAway:
    async def test_postgres_is_down(self, behind: Behind) -> None:
        before = await scrape(behind.client)
        behind.postgres.cut()
        started = time.monotonic()
        during = await scrape(behind.client)
        assert time.monotonic() - started < 5
        ups = {key[1]: value for key, value in during.items() if key[0] == "store_up"}
        assert ups == {"postgres": 0, "redis": 1, "object-store": 1}
        for name in ("ledger_read_timestamp_seconds", "postgres_max_connections", "postgres_database_bytes"):
            assert during[name,] == before[name,]
        assert during["tasks", "ingest", "queued"] == 0
        behind.postgres.restore()
        after = await scrape(behind.client)
        assert after["store_up", "postgres"] == 1
        assert after["ledger_read_timestamp_seconds",] > before["ledger_read_timestamp_seconds",]

    async def test_postgres_is_silent(self, behind: Behind) -> None:
        before = await scrape(behind.client)
        behind.postgres.downstream = lambda _: b""
        started = time.monotonic()
        during = await scrape(behind.client)
        assert time.monotonic() - started < 5
        assert (during["store_up", "postgres"], during["store_up", "redis"]) == (0, 1)
        assert during["ledger_read_timestamp_seconds",] == before["ledger_read_timestamp_seconds",]

    async def test_redis_is_down(self, behind: Behind) -> None:
        before = await scrape(behind.client)
        behind.redis.cut()
        during = await scrape(behind.client)
        assert (during["store_up", "postgres"], during["store_up", "redis"]) == (1, 0)
        assert during["redis_memory_max_bytes",] == before["redis_memory_max_bytes",]
