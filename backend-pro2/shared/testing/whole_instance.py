"""All services and workers of an instance in processes of their own, on the servers of a test session."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from shared.config import Settings

ROOT = Path(__file__).parents[2]
START_SECONDS = 180
SERVICES = ("api-gateway", "data-service", "ai-service")
WORKERS = ("data-worker", "ai-worker")
_CELERY = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class WholeInstance:
    """Within the block everything answers; logs lie in `folder`, one for each process. `only` names some processes."""

    def __init__(self, settings: Settings, folder: Path, *, only: Sequence[str] = (), **variables: str) -> None:
        self._folder = folder
        self._services = [name for name in SERVICES if not only or name in only]
        self._workers = [name for name in WORKERS if not only or name in only]
        self._ports = dict(zip(SERVICES, _free_ports(len(SERVICES)), strict=True))
        self._environment = {**os.environ, **self._variables(settings), **variables}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def gateway(self) -> str:
        """Its address."""
        return self.url("api-gateway")

    def url(self, service: str) -> str:
        """The address of a service."""
        return f"http://127.0.0.1:{self._ports[service]}"

    def log(self, process: str) -> str:
        """What a process has written so far."""
        return (self._folder / f"{process}.log").read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        for service in self._services:
            self._start(service, "-m", "shared.serve", f"{service}.app.main:app")
        for name in self._workers:
            application = f"{name.removesuffix('-worker')}-service.app.worker"
            self._start(name, "-m", "celery", "-q", "-A", application, "worker", *_CELERY)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> dict[str, float]:
        """Ask all of them to end; how many seconds each took. Those that take a minute are killed."""
        asked, took = time.monotonic(), {}
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self._processes.items():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            took[name] = time.monotonic() - asked
        self._processes = {}
        return took

    def _start(self, name: str, *words: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, *words],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_up():
            ended = [name for name, process in self._processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                raise AssertionError({name: self.log(name)[-2000:] for name in ended or self._processes})
            time.sleep(0.2)

    def _is_up(self) -> bool:
        return all(_is_ready(self.url(service)) for service in self._services) and all(
            "worker_took_over" in self.log(name) for name in self._workers
        )

    def _variables(self, settings: Settings) -> dict[str, str]:
        return {
            "API_GATEWAY_PORT": str(self._ports["api-gateway"]),
            "DATA_SERVICE_PORT": str(self._ports["data-service"]),
            "AI_SERVICE_PORT": str(self._ports["ai-service"]),
            "DATA_SERVICE_URL": self.url("data-service"),
            "AI_SERVICE_URL": self.url("ai-service"),
            "DATA_WORKER_METRICS_PORT": "0",
            "AI_WORKER_METRICS_PORT": "0",
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "REDIS_URL": settings.redis_url.get_secret_value(),
            "S3_ENDPOINT_URL": settings.s3_endpoint_url,
            "S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
            "S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
            "S3_BUCKET": settings.s3_bucket,
            "CACHE_DIR": str(self._folder / "cache"),
            "WORKER_ALIVE_FILE": "",
            "RECONCILE_SECONDS": "1",
        }


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _free_ports(number: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
