"""How an instance is while it is attacked: its processes, their size, how soon they answer, and what they log."""

import asyncio
import json
import time
from collections.abc import Iterator

import aiohttp
import psutil

import log_parts

from ..adversarial.calm import at
from ..adversarial.places import SERVICES, Place
from ..adversarial.wire import own_address
from .report import Report

PART = "the instance"
# Their caches fill during the first cases; after those neither may grow on.
MOST_GROWTH = 96 * 2**20
MOST_DESCRIPTORS = 40
SETTLING_SECONDS = 90
# /health does nothing. On a machine with nothing else to do it takes some milliseconds; this is for one that has.
P99_SECONDS = 3.0
_GRAVE = ("error", "critical")


class Vitals:
    """Looks before, meanwhile and afterwards."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._before = place.processes()
        self._processes = {name: psutil.Process(pid) for name, pid in self._before.items()}
        self._logs = {name: place.instance.logs / f"{name}.log" for name in SERVICES}
        self._read = {name: log_parts.Mark.end(path) for name, path in self._logs.items()}
        self._sizes, self._descriptors = self._measured()
        self._took: dict[str, list[float]] = {name: [] for name in SERVICES}
        self.failures: list[str] = []

    def warm(self) -> None:
        """From here on nothing grows."""
        self._sizes = self._measured()[0]

    def _measured(self) -> tuple[dict[str, int], dict[str, int]]:
        sizes = {name: process.memory_info().rss for name, process in self._processes.items()}
        return sizes, {name: process.num_fds() for name, process in self._processes.items()}

    async def ask(self) -> None:
        """Ask each service how it is, ten times a second, until cancelled."""
        connector = aiohttp.TCPConnector(local_addr=(own_address(), 0))
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
            while True:
                for name in SERVICES:
                    await self._ask(session, name)
                await asyncio.sleep(0.1)

    async def _ask(self, session: aiohttp.ClientSession, name: str) -> None:
        started = time.monotonic()
        try:
            async with session.get(f"{self._place.url(name)}/health") as answer:
                if answer.status != 200:
                    self.failures.append(f"/health of {name}: {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failures.append(f"/health of {name}: {error!r}")
        self._took[name].append(time.monotonic() - started)

    async def judge(self, report: Report) -> None:
        """Add to the report what was measured, and what was wrong."""
        report.count(PART, "looked at")
        found = [*self.failures, *self._slow(report)]
        if self._place.processes() != self._before:
            found.append(f"processes {self._before} became {self._place.processes()}")
        else:
            found += await self._grown(report)
        for name in SERVICES:
            found += [f"{name} logs {line}" for line in self._grave(name)]
        for what in found[:20]:
            report.fail(PART, 0, what)

    def _slow(self, report: Report) -> Iterator[str]:
        for name, took in self._took.items():
            if took:
                p99 = at(took, 0.99)
                told = f"p50 {at(took, 0.5) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, {len(took)} times asked"
                report.figures[f"/health of {name}"] = told
                if p99 > P99_SECONDS:
                    yield f"/health of {name} takes {p99:.1f} s"

    async def _grown(self, report: Report) -> list[str]:
        """What has grown more than it may, after it has had time to settle."""
        for _ in range(SETTLING_SECONDS):
            if not (found := self._excess(report)):
                break
            await asyncio.sleep(1)
        return found

    def _excess(self, report: Report) -> list[str]:
        sizes, descriptors = self._measured()
        found = []
        for name in self._processes:
            grown, more = sizes[name] - self._sizes[name], descriptors[name] - self._descriptors[name]
            report.figures[f"growth of {name}"] = f"{grown / 2**20:+.1f} MiB, {more:+} descriptors"
            if grown > MOST_GROWTH:
                found.append(f"{name} has grown by {grown / 2**20:.0f} MiB")
            if more > MOST_DESCRIPTORS:
                found.append(f"{name} keeps {more} descriptors more")
        return found

    def _grave(self, name: str) -> list[str]:
        """Lines of errors and of no JSON since the beginning, each kind once."""
        kinds: dict[str, str] = {}
        for text in log_parts.lines(self._logs[name], self._read[name]):
            line = text.decode("utf-8", "replace").rstrip("\n")
            try:
                fields = json.loads(line)
            except ValueError:
                kinds.setdefault("no JSON", line[:500])
                continue
            if fields.get("level") in _GRAVE or "exception" in fields or "failure" in fields:
                kinds.setdefault(str(fields.get("event")), line[:1500])
        return list(kinds.values())
