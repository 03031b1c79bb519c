"""When a child did what, for the trace of its job: noted there, told with its answer, recorded by whoever asked.

Children have no network of their own to a collector, no secrets and no SDK.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.tracing import Past, Span, span

# In the order to a child, and in its answer.
WANTED, TOLD = "traced", "spans"
MOST = 200
# What fits into every number of a span, in nanoseconds too.
LATEST = 2**32
NAMES = frozenset({"child", "ray.piece"})


class _Notes:
    """Of the one job that this process does."""

    def __init__(self) -> None:
        self.wanted = False
        self.stretches: list[dict[str, Any]] = []


_notes = _Notes()


def is_wanted() -> bool:
    """Whether the present job is part of a trace that is recorded."""
    return _notes.wanted


def stretch(name: str, started: float) -> dict[str, Any]:
    """What this process did from `started`, by the system's clock, until now."""
    return {
        "name": name,
        "started": started,
        "ended": time.time(),
        "process": os.getpid(),
        "host": socket.gethostname(),
    }


def note(noted: dict[str, Any]) -> None:
    """Take down a stretch, of this process or of another that worked for it."""
    if _notes.wanted and len(_notes.stretches) < MOST:
        _notes.stretches.append(noted)


@contextmanager
def noted(order: dict[str, Any]) -> Iterator[None]:
    """In a child: a block that does the job; what is noted within belongs to it."""
    _notes.wanted, _notes.stretches = bool(order.get(WANTED)), []
    started = time.time()
    try:
        yield
    finally:
        if _notes.wanted:
            _notes.stretches.insert(0, stretch("child", started))


def told() -> dict[str, Any]:
    """What the answer to the job says beside its result."""
    return {TOLD: _notes.stretches} if _notes.wanted else {}


def record(computation: Span, message: dict[str, Any]) -> None:
    """In the asking process: add what a child tells to `computation`; what is not as it should be is passed over."""
    stretches = message.get(TOLD)
    if not isinstance(stretches, list):
        return
    pasts = [past for stretch in stretches[: MOST + 1] if (past := _past(stretch))]
    if pasts:
        computation.past(pasts[0], pasts[1:])


@contextmanager
def computing(function: str, order: dict[str, Any]) -> Iterator[Span]:
    """In the asking process: a block that has `order` done by a child, which is told whether it shall note."""
    with span("compute", {"code.function.name": function}) as computation:
        if computation.place is not None:
            order[WANTED] = True
        yield computation


def _past(told: Any) -> Past | None:
    try:
        process = int(told["process"])
        past = Past(
            str(told["name"]),
            float(told["started"]),
            float(told["ended"]),
            {"process.pid": process, "host.name": str(told["host"])},
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    is_sound = past.name in NAMES and 0 < past.started <= past.ended < LATEST and 0 < process < LATEST
    return past if is_sound else None
