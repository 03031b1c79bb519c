"""What a computing child says beside its answer: its log lines and warnings travel to its parent, which writes them.

The child knows no secret, no setting and not who asked; its parent adds the ids, and redacts once more.
"""

import io
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, ClassVar

from shared.compute.protocol import encode_frame
from shared.logs.bounds import bounded
from shared.logs.context import with_ids
from shared.logs.handler import fields_of
from shared.logs.hooks import watch_process

# Of one job; who says more is counted.
MAXIMUM_LINES = 200
# The parent says these itself.
_OF_THE_PARENT = frozenset({"timestamp", "request_id", "trace_id", "span_id", "user_id", "task_id"})
# Libraries may log in threads of theirs, and a frame must not be cut by another.
_sending = threading.RLock()


def send(connection: socket.socket, frame: bytes) -> None:
    """Send one frame whole."""
    with _sending:
        connection.sendall(frame)


class _Present:
    """The one job that this process does: for whom, and which lines are wanted."""

    about: ClassVar[dict[str, Any]] = {}


def present() -> dict[str, Any]:
    """What others need to know that work for the present job: `ids`, `project`, `log_level`."""
    return _Present.about


class _Voice(logging.Handler):
    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self.unsaid = 0
        self._connection = connection
        self._said = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._said >= MAXIMUM_LINES:
            self.unsaid += 1
            return
        self._said += 1
        try:
            self.say(bounded(fields_of(record, {})))
        except Exception as error:  # noqa: BLE001 - objects of anybody are read here, and the work goes on
            self.say({"level": "warning", "event": "log_line_unreadable", "error": type(error).__name__})

    def say(self, fields: Mapping[str, Any]) -> None:
        told = {name: value for name, value in fields.items() if name not in _OF_THE_PARENT}
        send(self._connection, encode_frame({"log": told}))


class _Printed(io.TextIOBase):
    """Where a child prints to: each line of text becomes a line of the log."""

    def __init__(self) -> None:
        self._begun = ""

    def writable(self) -> bool:
        """Whether one may print."""
        return True

    def write(self, text: str) -> int:
        """Keep what is not a whole line yet."""
        *lines, self._begun = (self._begun + text).split("\n")
        self._begun = self._begun[-4000:]
        for line in filter(str.strip, lines):
            logging.getLogger("compute").info("compute_output", extra={"text": line})
        return len(text)


@contextmanager
def heard(connection: socket.socket, job: Mapping[str, Any]) -> Iterator[None]:
    """Inside, whatever is logged, warned of or printed goes to the parent; `job` holds the ids of who asked."""
    _Present.about = {name: job[name] for name in ("ids", "project", "log_level") if name in job}
    voice, printed, root = _Voice(connection), _Printed(), logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [voice]
    root.setLevel(job.get("log_level", logging.INFO))
    watch_process()
    try:
        with with_ids(job.get("ids", {})), redirect_stdout(printed), redirect_stderr(printed):
            yield
    finally:
        printed.write("\n")
        root.handlers[:] = before
        root.setLevel(level)
        if voice.unsaid:
            voice.say({"level": "warning", "event": "log_lines_dropped", "lines": voice.unsaid})
