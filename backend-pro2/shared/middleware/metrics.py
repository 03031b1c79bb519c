"""Counts and times requests for Prometheus, tells the sinks of them, and names the slow ones in the log."""

import time
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.logging import get_logger
from shared.metrics.http import HttpMetrics
from shared.metrics.parts import SPENT, count_parts
from shared.middleware.access_log import QUIET_PATHS, RequestSink
from shared.middleware.answer import Answer
from shared.tracing import current_place

log = get_logger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_CLOSED_REQUEST = 499
# In a scope: seconds to the answer's head, where what follows takes as long as its client wants.
ANSWERED_AFTER = "answered_after"


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
        spent: dict[str, float] = {}
        around = SPENT.set(spent)
        started = time.perf_counter()
        self._metrics.active += 1
        try:
            await self._app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.active -= 1
            SPENT.reset(around)
            try:
                self._finish(scope, answer, seconds, spent)
            except Exception:
                # Whatever measuring meets, the answer is the client's.
                log.exception("request_not_measured")

    def _finish(self, scope: Scope, answer: Answer, seconds: float, spent: dict[str, float]) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        path, status = route_template(scope), answer.status or CLIENT_CLOSED_REQUEST
        slow = scope.get(ANSWERED_AFTER, seconds) > self._slow_seconds and not scope.get("long_running")
        received = scope["state"].get("bytes_in", 0) if "state" in scope else 0
        place = current_place()
        trace_id = place.trace_id if place is not None and place.sampled else None
        self._metrics.observe(
            method, path, status, seconds, slow=slow, received=received, sent=answer.sent, trace_id=trace_id
        )
        if scope["path"] not in QUIET_PATHS:
            for sink in self._sinks:
                sink.add(scope, status, answer.sent, seconds)
        if slow:
            parts = {f"{part}_seconds": taken for part, taken in count_parts(spent, seconds).items()}
            log.warning("slow_request", method=method, path=path, status=status, seconds=round(seconds, 3), **parts)
