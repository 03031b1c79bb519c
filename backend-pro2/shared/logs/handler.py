"""From a record of Python's logging, ours or a library's, to the fields of a line."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.logs.context import current_ids
from shared.logs.failures import failure_of

_OF_A_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "_logger", "_name", "color_message"}
_LEVELS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)

Take = Callable[[str, Mapping[str, Any]], None]


def as_timestamp(seconds: float) -> str:
    """Seconds since 1970 as lines tell them: UTC, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instance_name() -> str:
    """This process among all of a service: host (a container has a name of its own) and number."""
    return f"{os.environ.get('HOSTNAME') or socket.gethostname()}:{os.getpid()}"


def level_of(number: int) -> str:
    """One of five names, whatever numbers libraries use between them."""
    return next((name for least, name in _LEVELS if number >= least), "debug")


def error_of(record: logging.LogRecord) -> BaseException | None:
    """The exception that the record tells of."""
    told = record.msg.get("exc_info") if isinstance(record.msg, dict) else record.exc_info
    if told is True:
        return sys.exc_info()[1]
    if isinstance(told, tuple):
        told = told[1]
    return told if isinstance(told, BaseException) else None


def fields_of(record: logging.LogRecord, identity: Mapping[str, str]) -> dict[str, Any]:
    """All that the line tells, neither bounded nor redacted yet."""
    if isinstance(record.msg, dict):
        own = {str(name): value for name, value in record.msg.items() if name not in {"exc_info", "stack_info"}}
    else:
        own = {"event": _message(record)}
        own |= {name: value for name, value in vars(record).items() if name not in _OF_A_RECORD}
    line = {
        **current_ids(),
        **own,
        "timestamp": as_timestamp(record.created),
        "level": level_of(record.levelno),
        "logger": record.name,
        **identity,
    }
    if (error := error_of(record)) is not None:
        line["exception"] = failure_of(error)
    return line


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a library's mistake in its own words; these tell enough
        return str(record.msg)


class LineHandler(logging.Handler):
    """Makes a line of each record and hands it on with its level; whatever a record holds, there is one line."""

    def __init__(
        self,
        identity: Mapping[str, str],
        render: Callable[[Mapping[str, Any]], bytes],
        write: Callable[[bytes, str], None],
    ) -> None:
        super().__init__()
        self._identity = identity
        self._render = render
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line."""
        level = level_of(record.levelno)
        try:
            line = self._render(fields_of(record, self._identity))
        except Exception as error:  # noqa: BLE001 - objects of anybody are read here; work goes on all the same
            line = self._render(self._unreadable(record, level, error))
        self._write(line, level)

    def _unreadable(self, record: logging.LogRecord, level: str, error: Exception) -> dict[str, Any]:
        head = {"timestamp": as_timestamp(record.created), "level": level, "event": "log_line_unreadable"}
        return head | {**self._identity, "logger": record.name, "error": type(error).__name__}
