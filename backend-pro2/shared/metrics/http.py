"""Requests as plain numbers, made into families when somebody asks.

Everything here happens in the thread of the event loop, and the library's own counters take a lock for each step.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from shared.metrics import BODY_BYTES, REQUEST_SECONDS

_SECONDS = [*(str(float(bound)) for bound in REQUEST_SECONDS), "+Inf"]
_BYTES = [*(str(float(bound)) for bound in BODY_BYTES), "+Inf"]


class _Timing:
    """Requests of one method and path by their duration; `counts` per bucket, not summed up."""

    __slots__ = ("counts", "exemplars", "slow", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_SECONDS)
        self.exemplars: dict[int, Exemplar] = {}
        self.total = 0.0
        self.slow = 0


class _Sizes:
    """Bodies of one method's requests, or of the answers to them."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_BYTES)
        self.total = 0

    def add(self, size: int) -> None:
        self.counts[bisect_left(BODY_BYTES, size)] += 1
        self.total += size


class _Answers:
    """Requests of one method, path and status, beside what they share with others; found by one look."""

    __slots__ = ("count", "received", "sent", "timing")

    def __init__(self, timing: _Timing, received: _Sizes, sent: _Sizes) -> None:
        self.count = 0
        self.timing = timing
        self.received = received
        self.sent = sent


class HttpMetrics(Collector):
    """The metric families of one process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.active = 0
        self._answered: dict[tuple[str, str, int], _Answers] = {}
        self._timings: dict[tuple[str, str], _Timing] = {}
        self._received: dict[str, _Sizes] = {}
        self._sent: dict[str, _Sizes] = {}
        registry.register(self)

    def observe(
        self,
        method: str,
        path: str,
        status: int,
        seconds: float,
        *,
        slow: bool = False,
        received: int = 0,
        sent: int = 0,
        trace_id: str | None = None,
    ) -> None:
        """Count one answered request.

        Args:
            path: a route's template, never what the client wrote.
            received: bytes of its body; `sent` those of its answer.
            trace_id: its trace, if that is recorded: the bucket that it falls into names it.
        """
        answers = self._answered.get((method, path, status)) or self._add(method, path, status)
        answers.count += 1
        timing = answers.timing
        bucket = bisect_left(REQUEST_SECONDS, seconds)
        timing.counts[bucket] += 1
        timing.total += seconds
        timing.slow += slow
        if trace_id is not None:
            timing.exemplars[bucket] = Exemplar({"trace_id": trace_id}, seconds, time.time())
        answers.received.add(received)
        answers.sent.add(sent)

    def _add(self, method: str, path: str, status: int) -> _Answers:
        timing = self._timings.setdefault((method, path), _Timing())
        received = self._received.setdefault(method, _Sizes())
        sent = self._sent.setdefault(method, _Sizes())
        answers = self._answered[method, path, status] = _Answers(timing, received, sent)
        return answers

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        requests = CounterMetricFamily("http_requests", "Requests answered.", labels=("method", "path", "status"))
        for (method, path, status), answers in self._answered.items():
            requests.add_metric((method, path, str(status)), answers.count)
        yield requests
        yield from self._times()
        yield _sizes("http_request_size_bytes", "Bytes of the bodies of requests.", self._received)
        yield _sizes("http_response_size_bytes", "Bytes of the bodies of answers.", self._sent)
        yield GaugeMetricFamily("http_requests_active", "Requests being answered.", self.active)

    def _times(self) -> Iterator[Metric]:
        labels = ("method", "path")
        seconds = HistogramMetricFamily("http_request_duration_seconds", "Seconds to the last byte.", labels=labels)
        slow = CounterMetricFamily("http_slow_requests", "Requests over SLOW_REQUEST_SECONDS.", labels=labels)
        for place, timing in self._timings.items():
            seconds.add_metric(place, _buckets(_SECONDS, timing.counts, timing.exemplars), timing.total)
            if timing.slow:
                slow.add_metric(place, timing.slow)
        yield from (seconds, slow)


def _sizes(name: str, meaning: str, sizes: dict[str, _Sizes]) -> Metric:
    family = HistogramMetricFamily(name, meaning, labels=("method",))
    for method, found in sizes.items():
        family.add_metric((method,), _buckets(_BYTES, found.counts, {}), found.total)
    return family


def _buckets(
    bounds: Sequence[str], counts: Sequence[int], exemplars: dict[int, Exemplar]
) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    return [
        (bound, float(count), exemplars[number]) if number in exemplars else (bound, float(count))
        for number, (bound, count) in enumerate(zip(bounds, accumulate(counts), strict=True))
    ]
