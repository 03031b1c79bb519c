"""Repeated POSTs whose first attempt was killed, cancelled, given up for dead, or did not learn of its commit."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.idempotency import attempts, reservations
from shared.idempotency.pending import current
from shared.resources import Resources
from shared.testing import things_app
from shared.testing.logins import log_in
from shared.testing.project import Workspace
from shared.testing.proxy import Proxy

from .test_idempotency import BODY, KEY, REPLAYED, age, client, count, post, refusal

pytestmark = pytest.mark.integration

__all__ = ["client"]

PROJECT = Path(__file__).parents[2]


class Killed(BaseException):
    """Ends a request where no handler of errors looks."""


async def kill() -> None:
    raise Killed


class Pause:
    """Holds up the first who comes to a stage."""

    def __init__(self, stage: str) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        things_app.STAGES[stage] = self

    async def __call__(self) -> None:
        things_app.STAGES.clear()
        self.reached.set()
        await self.go_on.wait()


@pytest.mark.parametrize(("stage", "effects"), [("begun", 0), ("kept", 0), ("committed", 1)])
async def test_broken_off(client: httpx.AsyncClient, database: Database, stage: str, effects: int) -> None:
    things_app.STAGES[stage] = kill
    with pytest.raises(Killed):
        await post(client, "key")
    things_app.STAGES.clear()
    assert await count(database) == await count(database, "idempotency_keys") == effects
    answer = await post(client, "key")
    assert (answer.status_code, REPLAYED in answer.headers) == (201, bool(effects))
    assert await count(database) == 1
    assert current.get() is None


@pytest.mark.parametrize(("stage", "effects"), [("begun", 0), ("kept", 0), ("committed", 1)])
async def test_cancelled(client: httpx.AsyncClient, database: Database, stage: str, effects: int) -> None:
    pause = Pause(stage)
    request = asyncio.create_task(post(client, "key"))
    await pause.reached.wait()
    request.cancel()
    with suppress(asyncio.CancelledError):
        await request
    assert await count(database) == effects
    assert (REPLAYED in (await post(client, "key")).headers) == bool(effects)
    assert await count(database) == 1


async def test_an_attempt_given_up_for_dead_has_no_effect(client: httpx.AsyncClient, database: Database) -> None:
    pause = Pause("begun")
    slow = asyncio.create_task(post(client, "key"))
    await pause.reached.wait()
    assert refusal(await post(client, "key")) == (409, "idempotency_in_flight")
    await age(database, 0)
    quick = await post(client, "key")
    assert quick.status_code == 201
    pause.go_on.set()
    assert refusal(await slow) == (409, "idempotency_in_flight")
    assert await count(database) == 1
    assert (await post(client, "key")).content == quick.content


async def test_an_attempt_that_lives_is_not_given_up(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RENEW_SECONDS", 0.05)
    pause = Pause("begun")
    slow = asyncio.create_task(post(client, "key"))
    await pause.reached.wait()
    await age(database, 0)
    await asyncio.sleep(0.5)
    assert refusal(await post(client, "key")) == (409, "idempotency_in_flight")
    pause.go_on.set()
    assert (await slow).status_code == 201


async def test_a_dead_one_is_waited_for_no_longer_than_its_lock(database: Database) -> None:
    row = b"id"
    async with database.transaction() as session:
        assert reservations.LOCK.total_seconds() > attempts.RENEW_SECONDS * 2
        await session.execute(
            "INSERT INTO idempotency_keys (id, claim, locked_until) VALUES ($1, gen_random_uuid(), now() + $2)",
            row,
            reservations.LOCK,
        )
        assert await session.fetch_value("SELECT locked_until <= now() + interval '30 s' FROM idempotency_keys")


@asynccontextmanager
async def behind(proxy_url: str, resources: Resources, workspace: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that reaches the database through a proxy."""
    settings = resources.settings.model_copy(update={"database_url": SecretStr(proxy_url)})
    through = Database(settings)
    headers = await log_in(settings, resources.database, workspace.owner)
    resources.database = through
    transport = httpx.ASGITransport(things_app.create_app(settings, resources))
    async with httpx.AsyncClient(transport=transport, base_url="http://things", headers=headers) as client:
        yield client
    await through.close()
    things_app.STAGES.clear()


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_commit_of_unknown_outcome(
    resources: Resources, database: Database, workspace: Workspace, *, arrives: bool
) -> None:
    url = resources.settings.database_url.get_secret_value()
    async with Proxy.before(url) as (proxy, through), behind(through, resources, workspace) as client:

        async def lose() -> None:
            if arrives:
                # Its confirmation is lost, and then the connection.
                proxy.downstream = lambda _: b""
                asyncio.get_running_loop().call_later(0.3, proxy.cut)
            else:
                proxy.cut()

        things_app.STAGES["kept"] = lose
        lost = await post(client, "key")
        assert refusal(lost) == (503, "unavailable")
        things_app.STAGES.clear()
        proxy.downstream = bytes
        proxy.restore()
        assert await count(database) == arrives
        if not arrives:
            assert refusal(await post(client, "key")) == (409, "idempotency_in_flight")
            await age(database, 0)
        answer = await post(client, "key")
        assert (answer.status_code, REPLAYED in answer.headers) == (201, arrives)
        assert await count(database) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(settings: Settings, port: int) -> AsyncIterator[str]:
    """The service as a process of its own; its base URL."""
    secrets = {name: getattr(settings, name).get_secret_value() for name in ("database_url", "redis_url", "secret_key")}
    environment = {**os.environ, **{name.upper(): value for name, value in secrets.items()}}
    arguments = ["-m", "uvicorn", "--factory", "shared.testing.things_app:served", "--port", str(port)]
    program = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as probe, asyncio.timeout(30):
            while True:
                with suppress(httpx.TransportError):
                    await probe.get("/health")
                    break
                await asyncio.sleep(0.1)
        yield url
    finally:
        with suppress(ProcessLookupError):
            program.kill()
        await program.wait()


def client_at(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)


@pytest.mark.parametrize(("stage", "effects"), [("kept", 0), ("committed", 1)])
async def test_killed(resources: Resources, database: Database, workspace: Workspace, stage: str, effects: int) -> None:
    port = free_port()
    headers = {**await log_in(resources.settings, database, workspace.owner), KEY: "key"}
    async with process(resources.settings, port) as url, client_at(url, headers) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/things", json=BODY, headers={"X-Die-At": stage})
    assert await count(database) == effects
    async with process(resources.settings, port) as url, client_at(url, headers) as client:
        if not effects:
            assert refusal(await client.post("/things", json=BODY)) == (409, "idempotency_in_flight")
            await age(database, 0)
        answer = await client.post("/things", json=BODY)
        assert (answer.status_code, REPLAYED in answer.headers) == (201, bool(effects))
    assert await count(database) == 1
