"""A log line as a person reads it; nothing that stands in it can tell the terminal what to do."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}
# They are alike on each line that is shown, or stand in its head.
_UNSHOWN = frozenset(
    {"timestamp", "level", "event", "service", "project", "instance", "logger", "exception", "failure"}
)
# Control characters, line separators, and what turns the direction of writing.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def as_text(line: Mapping[str, Any], *, coloured: bool) -> str:
    """Time, level, service, event and fields, and where an exception came from."""
    level = _plain(line.get("level", ""))
    head = [
        _plain(str(line.get("timestamp", ""))[:23].replace("T", " ")),
        f"\x1b[{_COLOURS.get(level, '0')}m{level:<8}\x1b[0m" if coloured else f"{level:<8}",
        f"{_plain(line.get('service', '')):<13}",
        _plain(line.get("event", "")),
    ]
    shown = [f"{_plain(name)}={_plain(value)}" for name, value in line.items() if name not in _UNSHOWN]
    return " ".join([*head, *shown, *_failures(line.get("exception") or line.get("failure"))])


def _failures(links: object) -> Iterator[str]:
    for link in links if isinstance(links, list) else ():
        frames = link.get("frames", ()) if isinstance(link, dict) else ()
        places = [f"{frame['file']}:{frame['line']}" for frame in frames if isinstance(frame, dict) and "file" in frame]
        if places:
            yield _plain(f"{link.get('type', '')}: {link.get('message', '')} ({' < '.join(places)})")


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
