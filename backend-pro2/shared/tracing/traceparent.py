"""W3C traceparent: the one header by which a trace goes on in another process."""

import re
from typing import NamedTuple

# Version 00 to the letter; of a later version its first four fields, as the recommendation asks for.
_SHAPE = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]{0,200})?")
_SAMPLED = 1


class Traceparent(NamedTuple):
    """A span somewhere: its trace, itself, and whether the trace is recorded."""

    trace_id: str
    span_id: str
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(text: str | None) -> Traceparent | None:
    """The span that `text` names; None unless it is valid to the letter."""
    found = _SHAPE.fullmatch(text) if text else None
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return Traceparent(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))
