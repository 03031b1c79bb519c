"""How a line looks: JSON for programs, or one line of text for a person; a terminal obeys nothing that stands in it."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from shared.logs.bounds import as_line, bounded
from shared.logs.escapes import escape

Render = Callable[[Mapping[str, Any]], bytes]

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}
# They are alike on each line of a terminal, or stand in its head.
_UNSHOWN = frozenset(
    {"timestamp", "level", "event", "service", "project", "instance", "logger", "exception", "failure"}
)


def is_for_people(log_format: str, *, is_terminal: bool) -> bool:
    """Whether a person reads the lines."""
    return log_format == "console" or (log_format == "auto" and is_terminal)


def renderer(log_format: str, *, is_terminal: bool) -> Render:
    """The one that LOG_FORMAT asks for."""
    if is_for_people(log_format, is_terminal=is_terminal):
        return lambda fields: as_text(bounded(fields), coloured=is_terminal).encode() + b"\n"
    return as_line


def as_text(fields: Mapping[str, Any], *, coloured: bool) -> str:
    """One line: time, level, service, event, then the fields, and where an exception came from."""
    level = str(fields.get("level", ""))
    shade = _COLOURS.get(level, "0") if coloured else ""
    name = f"{_plain(level):<8}"
    head = [
        str(fields.get("timestamp", ""))[11:23],
        f"\x1b[{shade}m{name}\x1b[0m" if shade else name,
        f"{_plain(fields.get('service', '')):<13}",
        _plain(fields.get("event", "")),
    ]
    head[0] = _plain(head[0])
    shown = [f"{_plain(name)}={_plain(value)}" for name, value in fields.items() if name not in _UNSHOWN]
    return " ".join([*head, *shown, *_failures(fields.get("exception") or fields.get("failure"))])


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return escape(text)


def _failures(exception: object) -> list[str]:
    links = exception if isinstance(exception, list) else []
    return [f"← {_plain(_failure(link))}" if number else _plain(_failure(link)) for number, link in enumerate(links)]


def _failure(link: Any) -> str:
    frames = [
        f"{frame['file']}:{frame['line']} {frame['function']}" for frame in link.get("frames", []) if "file" in frame
    ]
    return f"{link.get('type', '')}: {link.get('message', '')} ({' < '.join(frames)})"
