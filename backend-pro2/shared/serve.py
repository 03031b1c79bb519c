"""Serves one service by HTTP, alike in every mode: `python -m shared.serve api-gateway.app.main:app`."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from shared.config import Settings, get_settings
from shared.logging import close_on_signals, configure_logging
from shared.metrics.siblings import FOLDER_VARIABLE, PARENT_VARIABLE

# What a request in progress may take when the service is asked to stop.
GRACE_SECONDS = 20
# Longer than the minute for which the pools of load balancers and clients commonly keep a connection.
KEEP_ALIVE_SECONDS = 65
# Of several processes, one that gives no sign of life for so long is replaced: far more than a busy machine causes.
SILENCE_SECONDS = 30


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM, then finish what is in progress."""
    parser = argparse.ArgumentParser(prog="python -m shared.serve", description=__doc__)
    parser.add_argument("application", help="like api-gateway.app.main:app")
    parser.add_argument("--reload", action="store_true", help="start again whenever the code changes; for development")
    options = parser.parse_args(arguments)
    serve(options.application, get_settings(), reload=options.reload)


def serve(application: str, settings: Settings, *, reload: bool) -> None:
    """Serve `application`, whose first part names the service and so its port."""
    service = application.partition(".")[0]
    workers = 1 if reload else settings.http_workers
    configure_logging(settings, service)
    close_on_signals()
    with _common_figures(workers):
        uvicorn.run(
            application,
            host=settings.bind_host,
            port=port_of(service, settings),
            # Ours is set up already, and stays.
            log_config=None,
            access_log=False,
            server_header=False,
            # uvicorn's own parser takes a request head of any size; and no route here is a WebSocket.
            http="shared.http_protocol:BoundedHttpProtocol",
            ws="none",
            # Addresses of clients are judged by TRUSTED_PROXIES alone.
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_worker_healthcheck=SILENCE_SECONDS,
            workers=workers,
            reload=reload,
            reload_dirs=[service, "shared"] if reload else None,
        )


@contextmanager
def _common_figures(workers: int) -> Iterator[None]:
    """A folder that several processes share, so that any of them answers `/metrics` for all."""
    if workers == 1:
        os.environ.pop(FOLDER_VARIABLE, None)
        yield
        return
    with tempfile.TemporaryDirectory(prefix="http-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER_VARIABLE], os.environ[PARENT_VARIABLE] = folder, str(os.getpid())
        yield


def port_of(service: str, settings: Settings) -> int:
    """The port that the settings give to the service.

    Raises:
        SystemExit: there is no such service; names those that there are.
    """
    ports = {
        "api-gateway": settings.api_gateway_port,
        "data-service": settings.data_service_port,
        "ai-service": settings.ai_service_port,
    }
    if service not in ports:
        raise SystemExit(f"no service '{service}'; there are: {', '.join(ports)}")
    return ports[service]


if __name__ == "__main__":
    main()
