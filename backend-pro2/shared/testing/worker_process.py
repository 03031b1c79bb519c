"""A real Celery worker in a process of its own, for tests that freeze, stop and kill it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from shared.config import Settings

ROOT = Path(__file__).parents[2]
START_SECONDS = 90


class WorkerProcess:
    """`celery -A APPLICATION worker` on the servers of `settings`, logging to a file; it takes from its own queue."""

    def __init__(
        self, settings: Settings, folder: Path, application: str = "shared.testing.worker_app", **variables: str
    ) -> None:
        self._application = application
        self._log = folder / "worker.log"
        self._environment = {**os.environ, **_variables(settings, folder), **variables}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and wait until it looks for work."""
        already = self.count("worker_took_over")
        command = [sys.executable, "-m", "celery", "-q", "-A", self._application, "worker"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_for(lambda: self.count("worker_took_over") > already, START_SECONDS)
        return self

    def send(self, number: signal.Signals) -> None:
        """Signal the worker's process alone, not its children."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it as a machine that loses power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """Ask it to end, as a supervisor does; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def count(self, text: str) -> int:
        """How often `text` stands in its log."""
        return self.log.count(text)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition` holds; fails with the log when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(self.log[-4000:])
            time.sleep(0.02)


def _variables(settings: Settings, folder: Path) -> dict[str, str]:
    return {
        "ENV_FILE": str(folder / "none.env"),
        "DATA_WORKER_METRICS_PORT": "0",
        "AI_WORKER_METRICS_PORT": "0",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "S3_BUCKET": settings.s3_bucket,
        "CACHE_DIR": str(folder / "cache"),
        "RECONCILE_SECONDS": "1",
        "TASK_LEASE_SECONDS": "5",
    }
