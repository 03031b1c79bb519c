"""Whether the instance stays calm while it is attacked, and what it keeps of what it refused."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import psutil

from bucket import object_store

from .places import Place, places
from .wire import own_address

WATCHED = ("api-gateway", "data-service")
MOST_GROWTH = 64 * 2**20
# /health does nothing: what it takes longer is the event loop's, or that of a busy machine, where the instance beside
# it takes longer as well.
P99_SECONDS = 0.25
WORST_SECONDS = 1.0
BUSY = 3


class Calm(threading.Thread):
    """Asks ten times a second, each service, how it is, and keeps how long that took here and at the others."""

    def __init__(self, place: Place, others: Sequence[Place]) -> None:
        super().__init__(daemon=True)
        self._place, self._others = place, others
        self._over = threading.Event()
        self._processes = {name: psutil.Process(pid) for name, pid in place.processes().items() if name in WATCHED}
        self._before = self._resident()
        self.took: list[float] = []
        self.usual: list[float] = [0.0]
        self.failures: list[str] = []

    def run(self) -> None:
        with httpx.Client(timeout=30, transport=httpx.HTTPTransport(local_address=own_address())) as client:
            while not self._over.wait(0.1):
                for service in WATCHED:
                    self.took.append(self._asked(client, self._place, service))
                    self.usual += [self._asked(client, other, service) for other in self._others]

    def _asked(self, client: httpx.Client, place: Place, service: str) -> float:
        started = time.monotonic()
        try:
            client.get(f"{place.url(service)}/health").raise_for_status()
        except httpx.HTTPError as error:
            self.failures.append(f"{place.project}, {service}: {error!r}")
        return time.monotonic() - started

    def stop(self) -> None:
        self._over.set()
        self.join()

    @property
    def growth(self) -> dict[str, int]:
        """By how many bytes each has grown."""
        return {name: now - self._before[name] for name, now in self._resident().items()}

    def _resident(self) -> dict[str, int]:
        return {name: process.memory_info().rss for name, process in self._processes.items()}


@contextmanager
def calm(place: Place) -> Iterator[Calm]:
    """Whatever is done in the block, the services answer meanwhile and do not grow."""
    watch = Calm(place, [other for other in places() if other != place])
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
    assert watch.failures == []
    for quantile, seconds in ((0.99, P99_SECONDS), (1.0, WORST_SECONDS)):
        took, usual = at(watch.took, quantile), at(watch.usual, quantile)
        assert took < seconds + BUSY * usual, (quantile, took, usual)
    assert max(watch.growth.values()) < MOST_GROWTH, watch.growth


def at(times: Sequence[float], quantile: float) -> float:
    """How long it took at most in this part of the cases."""
    return sorted(times)[min(int(len(times) * quantile), len(times) - 1)]


def stored(place: Place) -> set[str]:
    """The keys of everything in the instance's bucket."""
    store = object_store(place.instance)
    found = store.list_objects(place.instance.values["S3_BUCKET"], recursive=True)
    return {str(entry.object_name) for entry in found}
