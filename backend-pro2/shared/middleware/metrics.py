"""Counts and times requests for Prometheus, tells the sinks of them, and names the slow ones in the log."""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.logging import get_logger
from shared.middleware.access_log import QUIET_PATHS, RequestSink
from shared.middleware.answer import Answer

log = get_logger(__name__)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_CLOSED_REQUEST = 499

_BOUNDS = [*(str(float(bound)) for bound in BUCKETS), "+Inf"]


class _Timing:
    """Requests of one method and path by their duration; `counts` per bucket, not summed up."""

    __slots__ = ("counts", "slow", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.total = 0.0
        self.slow = 0


class HttpMetrics(Collector):
    """The metric families of one process.

    Plain numbers, made into families when somebody asks: everything here happens in the thread of the event loop, and
    the library's own counters take a lock for each step.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.active = 0
        self._answered: dict[tuple[str, str, int], int] = {}
        self._timings: dict[tuple[str, str], _Timing] = {}
        registry.register(self)

    def observe(self, method: str, path: str, status: int, seconds: float, *, slow: bool = False) -> None:
        """Count one answered request; `path` must be a route's template, never what the client wrote."""
        answered = (method, path, status)
        self._answered[answered] = self._answered.get(answered, 0) + 1
        timing = self._timings.get((method, path))
        if timing is None:
            timing = self._timings[method, path] = _Timing()
        timing.counts[bisect_left(BUCKETS, seconds)] += 1
        timing.total += seconds
        timing.slow += slow

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        requests = CounterMetricFamily("http_requests", "Requests answered.", labels=("method", "path", "status"))
        for (method, path, status), count in self._answered.items():
            requests.add_metric((method, path, str(status)), count)
        labels = ("method", "path")
        seconds = HistogramMetricFamily("http_request_duration_seconds", "Seconds to the last byte.", labels=labels)
        slow = CounterMetricFamily("http_slow_requests", "Requests over SLOW_REQUEST_SECONDS.", labels=labels)
        for place, timing in self._timings.items():
            buckets = list(zip(_BOUNDS, map(float, accumulate(timing.counts)), strict=True))
            seconds.add_metric(place, buckets, timing.total)
            if timing.slow:
                slow.add_metric(place, timing.slow)
        active = GaugeMetricFamily("http_requests_active", "Requests being answered.", self.active)
        yield from (requests, seconds, slow, active)


def route_template(scope: Scope) -> str:
    """The template of the route that answered, `other` where none did: labels stay bounded whatever is asked for."""
    template = scope.get("route_template")
    if template is not None:
        return str(template)
    return getattr(scope.get("route"), "path", "other")


class MetricsMiddleware:
    """Measures from the first byte in to the last byte out."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, sinks: Sequence[RequestSink], slow_seconds: float) -> None:
        self._app = app
        self._metrics = metrics
        self._sinks = tuple(sinks)
        self._slow_seconds = slow_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer.of(send)
        started = time.perf_counter()
        self._metrics.active += 1
        try:
            await self._app(scope, receive, answer)
        finally:
            self._metrics.active -= 1
            self._finish(scope, answer, time.perf_counter() - started)

    def _finish(self, scope: Scope, answer: Answer, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        path, status = route_template(scope), answer.status or CLIENT_CLOSED_REQUEST
        slow = seconds > self._slow_seconds and not scope.get("long_running")
        self._metrics.observe(method, path, status, seconds, slow=slow)
        if scope["path"] not in QUIET_PATHS:
            for sink in self._sinks:
                sink.add(scope, status, answer.sent, seconds)
        if slow:
            log.warning("slow_request", method=method, path=path, status=status, seconds=round(seconds, 3))
