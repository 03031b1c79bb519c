"""Counts and times requests for Prometheus, and names the slow ones in the log."""

import time
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.logging import get_logger
from shared.middleware.access_log import QUIET_PATHS, AccessLog

log = get_logger(__name__)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_CLOSED_REQUEST = 499
MAXIMUM_PATH_CHARACTERS = 300


class HttpMetrics:
    """The metric families of one process; label children are kept, since looking them up costs as much as counting."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        labels = ("method", "path", "status")
        self._requests = Counter("http_requests_total", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram(
            "http_request_duration_seconds", "Seconds to the last byte.", labels[:2], buckets=BUCKETS, registry=registry
        )
        self.active = Gauge("http_requests_active", "Requests being answered.", registry=registry)
        self._slow = Counter(
            "http_slow_requests_total", "Requests over SLOW_REQUEST_SECONDS.", labels[:2], registry=registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one answered request; `path` must be a route's template, never what the client wrote."""
        children = self._children.get((method, path, status))
        if children is None:
            children = (self._requests.labels(method, path, str(status)), self._seconds.labels(method, path))
            self._children[method, path, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def observe_slow(self, method: str, path: str) -> None:
        """Count one slow request."""
        self._slow.labels(method, path).inc()


def route_template(scope: Scope) -> str:
    """The template of the route that answered, `other` where none did: labels stay bounded whatever is asked for."""
    template = scope.get("route_template")
    if template is not None:
        return str(template)
    return getattr(scope.get("route"), "path", "other")


def access_fields(scope: Scope, status: int, sent: int, seconds: float) -> dict[str, Any]:
    """What the log says of one request; the query string stays out, since it may hold a person's words."""
    state = scope.get("state", {})
    claims = state.get("claims")
    return {
        "request_id": state.get("request_id"),
        "method": scope["method"],
        "path": scope["path"][:MAXIMUM_PATH_CHARACTERS],
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "bytes": sent,
        "user_id": str(claims.user_id) if claims else None,
    }


class MetricsMiddleware:
    """Measures from the first byte in to the last byte out."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, access_log: AccessLog, slow_seconds: float) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log
        self._slow_seconds = slow_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, sent = CLIENT_CLOSED_REQUEST, 0

        async def send_noting_status(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        started = time.perf_counter()
        self._metrics.active.inc()
        try:
            await self._app(scope, receive, send_noting_status)
        finally:
            self._metrics.active.dec()
            self._finish(scope, status, sent, time.perf_counter() - started)

    def _finish(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        path = route_template(scope)
        self._metrics.observe(method, path, status, seconds)
        if scope["path"] not in QUIET_PATHS:
            self._access_log.add(access_fields(scope, status, sent, seconds))
        if seconds > self._slow_seconds and not scope.get("long_running"):
            self._metrics.observe_slow(method, path)
            log.warning("slow_request", method=method, path=path, status=status, seconds=round(seconds, 3))
