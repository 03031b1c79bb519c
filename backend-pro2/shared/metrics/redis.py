"""Commands to Redis, and the breaker that spares them while it is away."""

import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.metrics import QUICK_SECONDS, REGISTRY
from shared.metrics.parts import REDIS, spend

OUTCOMES = ("ok", "unavailable", "refused")
OK, UNAVAILABLE, REFUSED = range(len(OUTCOMES))
_BOUNDS = [*(str(float(bound)) for bound in QUICK_SECONDS), "+Inf"]

BREAKER_OPEN = Gauge(
    "redis_breaker_open",
    "1 while Redis is not asked, since it is away.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)


class Commands(Collector):
    """Plain numbers, since every request sends a command and all are sent by the thread of one event loop."""

    def __init__(self) -> None:
        self.outcomes = [0] * len(OUTCOMES)
        self.buckets = [0] * len(_BOUNDS)
        self.seconds = 0.0

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        commands = CounterMetricFamily("redis_commands", "Commands to Redis.", labels=("outcome",))
        for name, number in zip(OUTCOMES, self.outcomes, strict=True):
            commands.add_metric((name,), number)
        seconds = HistogramMetricFamily("redis_command_seconds", "Seconds from a command to its answer.")
        seconds.add_metric((), list(zip(_BOUNDS, map(float, accumulate(self.buckets)), strict=True)), self.seconds)
        yield from (commands, seconds)


COMMANDS = Commands()
REGISTRY.register(COMMANDS)


def command(outcome: int, started: float) -> None:
    """Count a command that was sent at `started` of `time.perf_counter` and has come to its end."""
    seconds = time.perf_counter() - started
    COMMANDS.outcomes[outcome] += 1
    COMMANDS.buckets[bisect_left(QUICK_SECONDS, seconds)] += 1
    COMMANDS.seconds += seconds
    spend(REDIS, seconds)


def not_asked() -> None:
    """Count a command that was not even sent."""
    COMMANDS.outcomes[UNAVAILABLE] += 1
