"""Text that neither ends a line nor tells a terminal what to do."""

import re
from typing import Any

import orjson

# Line and paragraph separators, the control characters that JSON leaves as they are and some terminals obey, and those
# that turn the direction of writing.
_BEYOND_JSON = "\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
_LEFT_BY_JSON = re.compile(f"[{_BEYOND_JSON}]")
_UNSAFE = re.compile(f"[\x00-\x1f{_BEYOND_JSON}]")


def encode(fields: dict[str, Any]) -> bytes:
    """A line of JSON with its line feed."""
    return as_safe_line(orjson.dumps(fields))


def as_safe_line(line: bytes) -> bytes:
    """JSON as one line, whatever stands in its strings."""
    # Most lines are plain, and this is asked of every request.
    if not line.isascii() or b"\x7f" in line:
        line = _LEFT_BY_JSON.sub(_escaped, line.decode()).encode()
    return line + b"\n"


def escape(text: str) -> str:
    """The same for text that is shown as it is."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
