"""One log line per request, gathered as it was and written together: off the request's path, and in one write."""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import orjson
from starlette.types import Scope

from shared.config import Settings

FLUSH_SECONDS = 0.2
QUIET_PATHS = frozenset({"/health", "/ready", "/metrics"})
MAXIMUM_PATH_CHARACTERS = 300


class RequestSink(Protocol):
    """Whoever wants to know of finished requests, the quiet paths excepted; called on the request path, so be quick."""

    def add(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        """Take one request: what it was, its answer's status and body bytes, and how long it took."""


def _write(lines: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(lines)
    sys.stdout.buffer.flush()


class Line(NamedTuple):
    """A request as it was; the query string stays out, since it may hold a person's words."""

    at: float
    request_id: str | None
    method: str
    path: str
    status: int
    seconds: float
    sent: int
    user: str | None


class AccessLog:
    """Lines of the shape that `shared.logging` gives, with method, path, status, milliseconds and bytes sent."""

    def __init__(self, service: str, settings: Settings, write: Callable[[bytes], None] = _write) -> None:
        self._identity = {"service": service, "project": settings.project_id, "event": "request", "level": "info"}
        self._enabled = settings.log_level in ("DEBUG", "INFO")
        self._write = write
        self._lines: list[Line] = []

    def add(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        """Take one request; its line is written at most 0.2 s later."""
        if not self._enabled:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        state = scope.get("state", {})
        claims = state.get("claims")
        self._lines.append(
            Line(
                time.time(),
                state.get("request_id"),
                scope["method"],
                scope["path"],
                status,
                seconds,
                sent,
                claims.user if claims else None,
            )
        )

    def flush(self) -> None:
        """Write what was gathered."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(b"".join([self._render(line) for line in lines]))

    def _render(self, line: Line) -> bytes:
        return orjson.dumps(
            {
                "timestamp": datetime.fromtimestamp(line.at, UTC),
                **self._identity,
                "request_id": line.request_id,
                "method": line.method,
                "path": line.path[:MAXIMUM_PATH_CHARACTERS],
                "status": line.status,
                "duration_ms": round(line.seconds * 1000, 2),
                "bytes": line.sent,
                "user_id": line.user,
            },
            option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE,
        )
