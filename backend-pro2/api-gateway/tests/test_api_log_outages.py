"""The API log while PostgreSQL comes and goes: nothing is lost below the bound, nothing is written twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from shared.addresses import AddressResolver
from shared.config import Settings
from shared.database import Database
from shared.errors import ServiceUnavailable
from shared.resources import Resources, build_resources
from shared.testing.proxy import Proxy

from ..app.main import create_app
from ..app.repositories import Repositories, UnitOfWork, unit_of_work
from ..app.services import api_log_writer
from ..app.services.api_log_writer import ApiLogWriter

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_log_writer, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(api_log_writer, "RETRY_SECONDS", 0.05)


@asynccontextmanager
async def through(settings: Settings, resources: Resources, url: str) -> AsyncIterator[AsyncClient]:
    """A client of a gateway that reaches PostgreSQL by this URL."""
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    built = build_resources(own)
    app = create_app(own, built)
    async with (
        LifespanManager(app, 60, 60),
        AsyncClient(transport=ASGITransport(app), base_url="http://gateway") as client,
    ):
        yield client


async def counted(database: Database) -> Counter[str]:
    async with database.transaction(read_only=True) as session:
        rows = await session.fetch_value("SELECT coalesce(jsonb_agg(request_id), '[]') FROM api_logs")
    return Counter(rows)


class TestOutage:
    async def test_nothing_is_lost_and_nothing_twice(
        self, gateway_settings: Settings, resources: Resources, database: Database
    ) -> None:
        sent = 0

        async def call(client: AsyncClient, times: int) -> None:
            nonlocal sent
            for _ in range(times):
                await client.get("/nothing", headers={"X-Request-ID": f"r{sent}"})
                sent += 1
                await asyncio.sleep(0.002)

        async with (
            Proxy.before(gateway_settings.database_url.get_secret_value()) as (proxy, url),
            through(gateway_settings, resources, url) as client,
        ):
            for _ in range(4):
                await call(client, 40)
                proxy.cut()
                await call(client, 40)
                proxy.restore()
            await call(client, 10)
        assert await counted(database) == Counter(f"r{number}" for number in range(sent))

    async def test_the_rest_is_written_at_the_end(
        self,
        gateway_settings: Settings,
        resources: Resources,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(api_log_writer, "FLUSH_SECONDS", 60.0)
        url = gateway_settings.database_url.get_secret_value()
        async with through(gateway_settings, resources, url) as client:
            await asyncio.gather(*(client.get("/nothing") for _ in range(20)))
            assert (await counted(database)).total() == 0
        assert (await counted(database)).total() == 20


def scope(request_id: str) -> dict[str, Any]:
    return {"method": "GET", "path": "/", "client": None, "headers": [], "state": {"request_id": request_id}}


async def nothing() -> None:
    return


class TestBatches:
    async def test_an_unheard_commit_is_recognised(self, database: Database) -> None:
        begin = unit_of_work(database)
        unheard = iter((True, True, False))

        @asynccontextmanager
        async def flaky(*, read_only: bool = False) -> AsyncIterator[Repositories]:
            async with begin(read_only=read_only) as repositories:
                yield repositories
            if next(unheard, False):
                raise ServiceUnavailable("lost after the commit")

        writer = make(flaky)
        for number in range(50):
            writer.add(scope(f"r{number}"), 200, 0, 0.1)
        assert [await writer.flush() for _ in range(2)] == [False, True]
        assert await counted(database) == Counter(f"r{number}" for number in range(50))

    async def test_a_row_that_cannot_be_stored_goes_alone(self, database: Database) -> None:
        writer = make(unit_of_work(database))
        for number in range(200):
            writer.add(scope(f"r{number}"), 70_000 if number == 77 else 200, 0, 0.1)
        writer.add(scope("nul\x00"), 200, 0, 0.1)
        assert await writer.flush()
        assert await counted(database) == Counter(f"r{number}" for number in range(200) if number != 77)


def make(begin: UnitOfWork) -> ApiLogWriter:
    return ApiLogWriter(begin, nothing, AddressResolver(()))
