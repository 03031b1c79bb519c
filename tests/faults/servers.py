"""The processes of the instance under test, and what becomes of them; supervisord starts again what was killed."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import psutil

from supervisor import Supervisor

from ..adversarial.places import Place

# Of processes that only started a moment ago supervisord would believe that they cannot start at all.
SETTLED_SECONDS = 1.2
# A machine that is busy with other tests may need long to start a service.
BACK_SECONDS = 120.0


class Servers:
    """Finds the process behind each port of an instance, at the moment of asking."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def database_url(self) -> str:
        """For what only a clock or an accident could do otherwise."""
        return self._place.instance.values["DATABASE_URL"].replace("+asyncpg", "")

    def find(self, server: str) -> psutil.Process | None:
        """The process that listens for `server`, a name as in `scripts/instances`; None while there is none."""
        port = self._place.instance.address(server).port
        for link in psutil.net_connections("tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr and link.laddr.port == port and link.pid:
                # One that dies at this moment is none.
                with suppress(psutil.NoSuchProcess):
                    return psutil.Process(link.pid)
        return None

    def back(self, server: str) -> psutil.Process:
        """The process, once it listens and has settled."""
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            found = self.find(server)
            if found is not None:
                time.sleep(max(0.0, found.create_time() + SETTLED_SECONDS - time.time()))
                return found
            time.sleep(0.05)
        raise AssertionError(f"{server} is not back after {BACK_SECONDS} s")

    def kill(self, server: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process without a chance to tidy up; afterwards it is gone, and `back` waits for the next one."""
        self._end(self.back(server), how)

    def kill_program(self, name: str) -> None:
        """The same for one that listens nowhere, such as a worker."""
        self._end(psutil.Process(Supervisor(self._place.instance).processes()[name].pid), signal.SIGKILL)

    def _end(self, process: psutil.Process, how: signal.Signals) -> None:
        os.kill(process.pid, how)
        process.wait(BACK_SECONDS)

    @contextmanager
    def silent(self, server: str) -> Iterator[None]:
        """The process holds its connections, and takes new ones, but answers nothing."""
        parent = self.back(server)
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    @contextmanager
    def away(self, server: str) -> Iterator[None]:
        """The process is stopped as its administrator would, and nobody listens."""
        self.back(server)
        supervisor = Supervisor(self._place.instance)
        supervisor.stop([server])
        try:
            yield
        finally:
            supervisor.start([server])
            self.back(server)

    def ready(self) -> None:
        """Return once the gateway can serve."""
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self._place.gateway}/ready", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the gateway is not ready after {BACK_SECONDS} s")
