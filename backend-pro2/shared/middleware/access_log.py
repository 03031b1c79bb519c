"""One log line per request, gathered as it was and written with others: after the answers, some dozens in one write."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import orjson
from starlette.types import Scope

from shared.config import Settings
from shared.logging import OUTPUT, as_timestamp, identity_of, is_for_people, render_of
from shared.logs.bounds import as_line
from shared.logs.escapes import as_safe_line
from shared.logs.redaction import mask
from shared.logs.rendering import Render
from shared.tracing import Traceparent, current_place

FLUSH_SECONDS = 0.2
# What is rendered in one go holds everybody else up: 0.2 ms.
LINES_A_GO = 64
# Each write wakes the thread that writes, which costs as much as a hundred lines: a busy second has a dozen of them.
BYTES_A_WRITE = 256 * 1024
QUIET_PATHS = frozenset({"/health", "/ready", "/metrics"})
MAXIMUM_PATH_CHARACTERS = 300
# Looking for secrets costs as much as all the rest of a line, so only paths are looked at that could hold one.
SUSPECT = ("@", "=", "?", "eyJ", "sk-", "adp_", "AKIA", "ASIA", "://")

Write = Callable[[bytes], None]


class RequestSink(Protocol):
    """Whoever wants to know of finished requests, the quiet paths excepted; called on the request path, so be quick."""

    def add(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        """Take one request: what it was, its answer's status and body bytes, and how long it took."""


def _write(lines: bytes) -> None:
    OUTPUT.write(lines, "info", lines.count(b"\n"))


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
    place: Traceparent | None


class AccessLog:
    """Lines of the shape that `shared.logging` gives, with method, path, status, milliseconds and bytes sent."""

    def __init__(self, service: str, settings: Settings, write: Write = _write) -> None:
        head = {"level": "info", "event": "request", **identity_of(service, settings), "logger": __name__}
        self._head = head
        self._rest = b"," + orjson.dumps(head)[1:]
        self._enabled = settings.log_level in ("DEBUG", "INFO")
        self._render = self._as_text(render_of(settings)) if is_for_people(settings) else self._as_json
        self._write = write
        self._lines: list[Line] = []
        self._rendered: list[bytes] = []
        self._rendered_bytes = 0
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
            current_place(),
        )
        self._lines.append(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        if len(self._lines) == LINES_A_GO:
            # In the loop's next turn: the answers of this one leave first.
            asyncio.get_running_loop().call_soon(self._go)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._make_lines()
        rendered, self._rendered, self._rendered_bytes = self._rendered, [], 0
        if rendered:
            self._write(b"".join(rendered))

    def _go(self) -> None:
        self._make_lines()
        if self._rendered_bytes >= BYTES_A_WRITE:
            self.flush()

    def _make_lines(self) -> None:
        lines, self._lines = self._lines, []
        made = [self._render(Line._make(line)) for line in lines]
        self._rendered += made
        self._rendered_bytes += sum(map(len, made))

    def _as_json(self, line: Line) -> bytes:
        try:
            return as_safe_line(orjson.dumps(_fields(line), option=orjson.OPT_UTC_Z)[:-1] + self._rest)
        except TypeError:
            # Of text that is no Unicode.
            return as_line({**self._head, **_fields(line), "timestamp": as_timestamp(line.at)})

    def _as_text(self, render: Render) -> Callable[[Line], bytes]:
        return lambda line: render({**self._head, **_fields(line), "timestamp": as_timestamp(line.at)})


def _fields(line: Line) -> dict[str, Any]:
    fields = {
        "timestamp": datetime.fromtimestamp(line.at, UTC),
        "request_id": line.request_id,
        "method": line.method,
        "path": _told(line.path),
        "status": line.status,
        "duration_ms": round(line.seconds * 1000, 2),
        "bytes": line.sent,
        "user_id": line.user,
    }
    if line.place is not None:
        fields["trace_id"], fields["span_id"] = line.place.trace_id, line.place.span_id
    return fields


def _told(path: str) -> str:
    path = path[:MAXIMUM_PATH_CHARACTERS]
    for sign in SUSPECT:
        if sign in path:
            return mask(path)
    return path
