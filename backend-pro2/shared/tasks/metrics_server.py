"""`/metrics` of a worker, at a port of its own where nothing else is; without it the worker works all the same."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.addresses import is_allowed, parse_networks
from shared.config import Settings
from shared.logging import get_logger
from shared.metrics.exposition import Exposition
from shared.metrics.process import ServiceFigures, add_disks, watched_loop
from shared.metrics.readings import Readings

log = get_logger(__name__)

# The worker before this one may still be handing its tasks back.
RETRY_SECONDS = 5.0
CONNECTIONS = 32


class MetricsApplication:
    """Answers `GET /metrics` of peers in METRICS_ALLOW with the figures of this process, everything else with 404."""

    def __init__(self, worker: str, settings: Settings, is_draining: Callable[[], bool]) -> None:
        registry, readings = CollectorRegistry(), Readings()
        registry.register(ServiceFigures(worker, settings.project_id, is_draining))
        add_disks(readings, settings.cache_dir)
        self._exposition = Exposition(registry, readings)
        self._networks = parse_networks(settings.metrics_allow)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked = scope["method"], scope["path"]
        if asked != ("GET", "/metrics") or not is_allowed(scope, self._networks):
            await Response(status_code=404)(scope, receive, send)
            return
        accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        text, media_type = await self._exposition.render(accepted.decode("latin-1"))
        await Response(text, headers={"Content-Type": media_type})(scope, receive, send)


@asynccontextmanager
async def metrics_shown(worker: str, settings: Settings, is_draining: Callable[[], bool]) -> AsyncIterator[None]:
    """Show this worker's figures while the block runs, as soon as the port is free."""
    port = metrics_port(worker, settings)
    async with watched_loop():
        if not port:
            yield
            return
        serving = asyncio.create_task(_serve(MetricsApplication(worker, settings, is_draining), settings, port))
        try:
            yield
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


def metrics_port(worker: str, settings: Settings) -> int:
    """Where the worker of this name shows its figures; 0 for nowhere."""
    ports = {"data-worker": settings.data_worker_metrics_port, "ai-worker": settings.ai_worker_metrics_port}
    return ports.get(worker, 0)


async def _serve(app: MetricsApplication, settings: Settings, port: int) -> None:
    with await _listening(settings.bind_host, port) as listener:
        server = uvicorn.Server(_configuration(app))
        try:
            await server.serve([listener])
        except Exception:
            log.exception("metrics_not_shown")
        finally:
            for listening in getattr(server, "servers", ()):
                listening.close()


def _configuration(app: MetricsApplication) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="shared.http_protocol:BoundedHttpProtocol",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
    )


async def _listening(host: str, port: int) -> socket.socket:
    told = False
    while True:
        try:
            return socket.create_server((host, port))
        except OSError as error:
            if not told:
                log.warning("metrics_port_taken", port=port, error=type(error).__name__)
            told = True
        await asyncio.sleep(RETRY_SECONDS)
