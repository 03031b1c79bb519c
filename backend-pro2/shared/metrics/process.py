"""The process itself: what the library tells of it, how late its event loop is, and the disk that it works on."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from prometheus_client import GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from shared.metrics import QUICK_SECONDS, REGISTRY
from shared.metrics.families import gauge_family
from shared.metrics.readings import Readings
from shared.scratch import scratch_folder
from shared.version import VERSION

PROBE_SECONDS = 1.0
READY_SECONDS = 5.0
DISK_SECONDS = 15.0

for collector in (ProcessCollector, PlatformCollector, GCCollector):
    collector(registry=REGISTRY)

LAG = Histogram(
    "event_loop_lag_seconds",
    "How much later than asked for the event loop wakes somebody, once a second.",
    registry=REGISTRY,
    buckets=QUICK_SECONDS,
)
INFO = gauge_family("service_info", "1 for each running process.", ("service", "version", "project", "instance"))
READY = gauge_family("service_ready", "Whether the service can serve: 1 or 0.")
DRAINING = gauge_family("service_draining", "Whether the service is stopping: 1 or 0.")
FREE = gauge_family("disk_free_bytes", "Bytes that are free on the disk of the place.", ("place",))
SIZE = gauge_family("disk_size_bytes", "Bytes of the disk of the place.", ("place",))


def instance_name() -> str:
    """Host (the container's, in one) and process, as in log lines."""
    return f"{socket.gethostname()}:{os.getpid()}"


class ServiceFigures(Collector):
    """Who this process is, and whether it stops."""

    def __init__(self, service: str, project: str, is_draining: Callable[[], bool]) -> None:
        self._info = service, VERSION, project, instance_name()
        self._is_draining = is_draining

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        yield INFO.of({self._info: 1})
        yield DRAINING.of(float(self._is_draining()))


def add_disks(readings: Readings, cache_dir: Path) -> None:
    """Tell how full the disks are that the process works on."""

    async def disks() -> Sequence[Metric]:
        return await asyncio.to_thread(_disks, cache_dir)

    readings.add("disks", disks, DISK_SECONDS)


def add_readiness(readings: Readings, is_ready: Callable[[], Awaitable[bool]]) -> None:
    """Tell whether the service can serve."""

    async def ready() -> Sequence[Metric]:
        return [READY.of(float(await is_ready()))]

    readings.add("ready", ready, READY_SECONDS)


def _disks(cache_dir: Path) -> Sequence[Metric]:
    places = {"scratch": scratch_folder(cache_dir), "cache": cache_dir.resolve()}
    usage = {(place,): shutil.disk_usage(_existing(path)) for place, path in places.items()}
    return [
        FREE.of({place: disk.free for place, disk in usage.items()}),
        SIZE.of({place: disk.total for place, disk in usage.items()}),
    ]


def _existing(path: Path) -> Path:
    """The path, or what is there of it before its first use."""
    while not path.exists():
        path = path.parent
    return path


@asynccontextmanager
async def watched_loop() -> AsyncIterator[None]:
    """Measure once a second how late this event loop is, while the block runs."""
    watch = asyncio.create_task(_watch_lag())
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch_lag() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PROBE_SECONDS
        await asyncio.sleep(PROBE_SECONDS)
        LAG.observe(max(0.0, loop.time() - due))
