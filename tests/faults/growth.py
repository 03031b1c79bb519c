"""Whether anything grew in a long run: by process, by pool and by class of request, judged and told as tables."""

import statistics
from collections import defaultdict
from collections.abc import Iterable

from console import note

from .judging import (
    LEAST_ANSWERS,
    Answer,
    Bounds,
    Sample,
    Windows,
    descriptors_of,
    is_calm,
    latency_flaws,
    pool_flaws,
    ratio,
    thirds,
    threads_of,
    trend,
    trend_flaws,
)
from .scheduler import Harm
from .vitals import YARDSTICK, Vitals

# Of one process: its pool of PostgreSQL (DATABASE_POOL_MAX_SIZE); for Redis the pool (REDIS_POOL_SIZE), the pipeline,
# who listens, and the broker's; for objects the session's and the SDK's; between services as many as people may ask.
MOST = {"postgres": 10, "redis": 40, "object-store": 74, "data-service": 40, "ai-service": 40}
# All of them together, with those whose process has just been killed.
MOST_CLIENTS = {"postgres": 90, "redis": 200}


class Growth:
    """What was seen of processes and answers, without what faults disturbed."""

    def __init__(self, vitals: Vitals, answers: Iterable[Answer], harms: Iterable[Harm]) -> None:
        self._vitals = vitals
        self._windows: Windows = [(harm.began, harm.ended) for harm in harms]
        self._by_process: dict[str, list[Sample]] = defaultdict(list)
        for one in vitals.samples:
            self._by_process[one.process].append(one)
        self._answers = [one for one in answers if is_calm(one.at, self._windows)]
        self._machine = [one for one in vitals.machine if is_calm(one.at, self._windows)]

    def flaws(self, began: float, ended: float, bounds: Bounds) -> list[str]:
        """Whatever grew beyond its bounds."""
        flaws = [
            flaw
            for process, samples in sorted(self._by_process.items())
            for flaw in trend_flaws(process, samples, self._windows, bounds)
        ]
        flaws += pool_flaws(self._vitals.samples, MOST)
        flaws += [
            f"{server} had {most} clients, {MOST_CLIENTS[server]} at most"
            for server, seen in self._vitals.clients.items()
            if (most := max((count for _, count in seen), default=0)) > MOST_CLIENTS[server]
        ]
        return flaws + latency_flaws(thirds(self._answers, began, ended), self._busier(began, ended), bounds)

    def tell(self, began: float, ended: float) -> None:
        """Print what was seen: a line for each process, and one for each class of requests."""
        note("")
        note(
            "  process                     lives points   MB  MB/h   +MB  fds  +fds  threads +thr  connections at most"
        )
        for process, samples in sorted(self._by_process.items()):
            note(f"  {process:27} {self._line(samples)}")
        for server, seen in self._vitals.clients.items():
            counts = [count for at, count in seen if is_calm(at, self._windows)] or [0]
            note(
                f"  {server:27} clients: {min(counts)} to {max(counts)}, {statistics.median(counts):.0f} in the middle"
            )
        note("")
        note(
            f"  class of requests, ms (the machine itself: {self._busier(began, ended):.2f} times)     first  last   n"
        )
        for kind, (first, last) in sorted(thirds(self._answers, began, ended).items()):
            if min(len(first), len(last)) >= LEAST_ANSWERS:
                middles = [statistics.median(one) * 1000 for one in (first, last)]
                note(f"    {kind:62} {middles[0]:7.0f} {middles[1]:5.0f} {len(first) + len(last):5}")

    def _line(self, samples: list[Sample]) -> str:
        memory = trend(samples, self._windows, lambda one: one.memory)
        count = len({one.life for one in samples})
        if memory is None:
            return f"{count:5}      -"
        links: dict[str, int] = defaultdict(int)
        for one in samples:
            for server, connections in one.links.items():
                links[server] = max(links[server], connections)
        cells = f"{count:5} {memory.points:6} {memory.most:4.0f} {memory.per_hour:5.0f} {memory.rise:5.1f}"
        for width, figure in ((4, descriptors_of), (7, threads_of)):
            found = trend(samples, self._windows, figure)
            cells += f" {found.most if found else 0:{width}.0f} {found.rise if found else 0:5.1f} "
        return cells + " " + ", ".join(f"{server} {count}" for server, count in sorted(links.items()))

    def _busier(self, began: float, ended: float) -> float:
        return ratio(thirds(self._machine, began, ended).get(YARDSTICK))
