"""`/metrics` of a worker: what is shown, to whom, and that tasks run without it."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.config import Settings
from shared.tasks import metrics_server as module
from shared.tasks.metrics_server import MetricsApplication, metrics_port, metrics_shown
from shared.testing.worker_process import WorkerProcess

HOST = "127.0.0.1"


@pytest.fixture
def port() -> int:
    with socket.create_server((HOST, 0)) as free:
        return int(free.getsockname()[1])


def settings_with(port: int) -> Settings:
    return Settings(data_worker_metrics_port=port, _env_file=None)


def asked(peer: str) -> httpx.AsyncClient:
    app = MetricsApplication("data-worker", Settings(_env_file=None), lambda: True)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 1)), base_url="http://test")


async def test_peers_are_told_who_this_is() -> None:
    async with asked("10.1.2.3") as client:
        text = (await client.get("/metrics")).text
    assert 'service="data-worker"' in text
    assert "service_draining 1.0" in text
    assert 'disk_free_bytes{place="scratch"}' in text


@pytest.mark.parametrize(
    ("peer", "method", "path"),
    [("203.0.113.9", "GET", "/metrics"), ("127.0.0.1", "GET", "/"), ("127.0.0.1", "POST", "/metrics")],
)
async def test_everything_else_is_not_there(peer: str, method: str, path: str) -> None:
    async with asked(peer) as client:
        answer = await client.request(method, path, headers={"X-Forwarded-For": "127.0.0.1"})
    assert (answer.status_code, answer.content) == (404, b"")


def test_each_service_has_a_port_of_its_own() -> None:
    settings = Settings(data_worker_metrics_port=1, ai_worker_metrics_port=2, _env_file=None)
    assert [metrics_port(name, settings) for name in ("data-worker", "ai-worker", "test-worker")] == [1, 2, 0]


async def test_it_is_shown_while_the_block_runs(port: int) -> None:
    async with metrics_shown("data-worker", settings_with(port), lambda: False):
        assert "service_info" in await fetched(port)
    with pytest.raises(OSError):  # noqa: PT011 - refused
        await asyncio.open_connection(HOST, port)


async def test_a_port_that_is_taken_is_had_when_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    with socket.create_server((HOST, 0)) as holder:
        port = int(holder.getsockname()[1])
        shown = metrics_shown("data-worker", settings_with(port), lambda: False)
        await shown.__aenter__()
        await asyncio.sleep(0.1)
    assert "service_info" in await fetched(port)
    await shown.__aexit__(None, None, None)


async def test_without_a_port_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_serve", None)
    async with metrics_shown("data-worker", settings_with(0), lambda: False):
        await asyncio.sleep(0)


@pytest.mark.integration
async def test_a_real_worker_shows_its_figures(settings: Settings, port: int, tmp_path: Path) -> None:
    variables = {"DATA_WORKER_METRICS_PORT": str(port), "PROJECT_ID": "shown"}
    worker = WorkerProcess(settings, tmp_path, "data-service.app.worker", **variables)
    try:
        await asyncio.to_thread(worker.start)
        families = {family.name: family for family in text_string_to_metric_families(await fetched(port))}
        assert families["service_info"].samples[0].labels["project"] == "shown"
        assert families["process_resident_memory_bytes"].samples[0].value > 1e6
        assert families["db_pool_max_connections"].samples[0].value == settings.database_pool_max_size
        assert await asyncio.to_thread(worker.stop) == 0
    finally:
        worker.kill()


async def fetched(port: int) -> str:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            try:
                return (await client.get(f"http://{HOST}:{port}/metrics")).text
            except httpx.TransportError:
                await asyncio.sleep(0.05)
