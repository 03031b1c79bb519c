"""Kills the process of certain tasks each time they run: to the instance, they are poison."""

import asyncio
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import asyncpg
import psutil

from .processes import age, kill
from .scheduler import Fault, Harm

LOOK_SECONDS = 0.2
# Only the poisoned computations last so long; others may run beside them.
LEAST_SECONDS = 0.4

_RUNNING = "SELECT worker FROM analysis_tasks WHERE id = ANY($1::uuid[]) AND status = 'running' AND worker IS NOT NULL"


class Poisoner:
    """Looks for the tasks in `victims` while the block runs."""

    def __init__(self, database_url: str) -> None:
        self.victims: list[str] = []
        self.harms: list[Harm] = []
        self._url = database_url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poison", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                for worker in asyncio.run(self._workers()) if self.victims else ():
                    self._kill(worker)
            except Exception:  # noqa: BLE001, S112 - whatever a database says that is being hurt: it is asked again
                continue

    def _kill(self, worker: str) -> None:
        """End the one computation of this worker that takes long."""
        with suppress(psutil.Error, OSError):
            pid = int(worker.partition(":")[2].partition(":")[0])
            for child in psutil.Process(pid).children(recursive=True):
                if _computes_for_long(child) and kill([child]):
                    now = time.time()
                    self.harms.append(Harm(Fault(0, "poison", 0, 0, 0), now, now, f"{child.pid}"))

    async def _workers(self) -> list[str]:
        connection = await asyncpg.connect(self._url, timeout=3)
        try:
            rows = await connection.fetch(_RUNNING, list(self.victims))
        finally:
            connection.terminate()
        return [row["worker"] for row in rows]


def _computes_for_long(child: psutil.Process) -> bool:
    times, parent = child.cpu_times(), child.parent()
    is_forked = parent is not None and "shared.compute.server" in " ".join(parent.cmdline())
    return is_forked and age(child) > LEAST_SECONDS and times.user + times.system > LEAST_SECONDS / 2
