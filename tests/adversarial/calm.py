"""Whether the instance stays calm while it is attacked, and what it keeps of what it refused."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil

from bucket import object_store

from .places import Place
from .wire import own_address

WATCHED = ("api-gateway", "data-service")
MOST_GROWTH = 64 * 2**20
# /health does nothing: what it takes longer is the event loop's, or that of a busy machine with two processors.
P99_SECONDS = 0.25
WORST_SECONDS = 1.0


class Calm(threading.Thread):
    """Asks ten times a second, each service, how it is, and keeps how long that took."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self._place = place
        self._over = threading.Event()
        self._processes = {name: psutil.Process(pid) for name, pid in place.processes().items() if name in WATCHED}
        self._before = self._resident()
        self.took: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        with httpx.Client(timeout=30, transport=httpx.HTTPTransport(local_address=own_address())) as client:
            while not self._over.wait(0.1):
                for service in WATCHED:
                    started = time.monotonic()
                    try:
                        client.get(f"{self._place.url(service)}/health").raise_for_status()
                    except httpx.HTTPError as error:
                        self.failures.append(f"{service}: {error!r}")
                    self.took.append(time.monotonic() - started)

    def stop(self) -> None:
        self._over.set()
        self.join()

    @property
    def p99(self) -> float:
        return sorted(self.took)[int(len(self.took) * 0.99)]

    @property
    def growth(self) -> dict[str, int]:
        """By how many bytes each has grown."""
        return {name: now - self._before[name] for name, now in self._resident().items()}

    def _resident(self) -> dict[str, int]:
        return {name: process.memory_info().rss for name, process in self._processes.items()}


@contextmanager
def calm(place: Place) -> Iterator[Calm]:
    """Whatever is done in the block, the services answer meanwhile and do not grow."""
    watch = Calm(place)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
    assert watch.failures == []
    assert watch.p99 < P99_SECONDS, (watch.p99, max(watch.took))
    assert max(watch.took) < WORST_SECONDS, (watch.p99, max(watch.took))
    assert max(watch.growth.values()) < MOST_GROWTH, watch.growth


def stored(place: Place) -> set[str]:
    """The keys of everything in the instance's bucket."""
    store = object_store(place.instance)
    found = store.list_objects(place.instance.values["S3_BUCKET"], recursive=True)
    return {str(entry.object_name) for entry in found}
