"""One log line per request, gathered as it was and written with others: after the answers, some dozens in one write."""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import orjson
from starlette.types import Scope

from shared.config import Settings

FLUSH_SECONDS = 0.2
# What is rendered in one go holds everybody else up: 0.2 ms. It is also less than a pipe takes without waiting.
LINES_A_WRITE = 64
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
        identity = {"service": service, "project": settings.project_id, "event": "request", "level": "info"}
        self._rest = b"," + orjson.dumps(identity)[1:] + b"\n"
        self._enabled = settings.log_level in ("DEBUG", "INFO")
        self._write = write
        self._lines: list[Line] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        """Take one request; its line is written at most 0.2 s later."""
        if not self._enabled:
            return
        state = scope.get("state", {})
        claims = state.get("claims")
        # A plain tuple, whose making costs a quarter of a Line's.
        line: Any = (
            time.time(),
            state.get("request_id"),
            scope["method"],
            scope["path"],
            status,
            seconds,
            sent,
            claims.user if claims else None,
        )
        self._lines.append(line)
        if len(self._lines) == 1:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(self._lines) == LINES_A_WRITE:
            # In the loop's next turn: the answers of this one leave first.
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
        lines, self._lines = self._lines, []
        if lines:
            self._write(b"".join([self._render(Line._make(line)) for line in lines]))

    def _render(self, line: Line) -> bytes:
        fields = orjson.dumps(
            {
                "timestamp": datetime.fromtimestamp(line.at, UTC),
                "request_id": line.request_id,
                "method": line.method,
                "path": line.path[:MAXIMUM_PATH_CHARACTERS],
                "status": line.status,
                "duration_ms": round(line.seconds * 1000, 2),
                "bytes": line.sent,
                "user_id": line.user,
            },
            option=orjson.OPT_UTC_Z,
        )
        return fields[:-1] + self._rest
