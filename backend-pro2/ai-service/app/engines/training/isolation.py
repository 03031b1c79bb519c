"""A call in a forked process that can be killed: by a deadline, and by how much memory it holds."""

from __future__ import annotations

import gc
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import orjson
from numpy.linalg import LinAlgError

from shared.compute import ComputeError
from shared.compute.memory import adds_more, held_bytes

LOOK_SECONDS = 0.1
BLOCK = 1 << 20
# Python itself writes into pages that it shares, to count references: nothing could run in less.
LEAST_BYTES = 64 << 20
UNBEGUN, LATE, LARGE, DEAD = "unbegun", "late", "memory", "crashed"
Call = Callable[[], dict[str, Any]]


def isolated(call: Call, until: float, most_bytes: float) -> dict[str, Any]:
    """The answer of `call`, which is JSON, or {"cut": …}: unbegun, late, memory or crashed.

    `until` is by the monotonic clock; what has not begun by then is not begun. `most_bytes` may be held beside what
    this process holds.
    What it changes in memory is lost. Fits in C cannot be interrupted otherwise.

    Raises:
        ComputeError: the call raised it.
    """
    if monotonic() >= until:
        return {"cut": UNBEGUN}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(call, writing)
    os.close(writing)
    try:
        return _answer(child, reading, until, most_bytes)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _work(call: Call, writing: int) -> None:
    """In the child; never returns."""
    # Or the collector would touch, and so copy, every page that is shared with the parent.
    gc.freeze()
    try:
        with os.fdopen(writing, "wb") as stream:
            stream.write(_called(call))
    finally:
        os._exit(0)


def _called(call: Call) -> bytes:
    try:
        return orjson.dumps(guarded(call))
    except ComputeError as error:
        return orjson.dumps({"error": {"code": error.code, "detail": error.detail}})


def guarded(call: Call) -> dict[str, Any]:
    """The answer of `call` in this process, or {"cut": "memory" | "crashed"} where the data are too much for it.

    Raises:
        ComputeError: the call raised it.
    """
    try:
        return call()
    except MemoryError:
        return {"cut": LARGE}
    except (ValueError, ArithmeticError, LinAlgError) as error:
        return {"cut": DEAD, "detail": f"{type(error).__name__}: {error}"[:300]}


def _answer(child: int, reading: int, until: float, most_bytes: float) -> dict[str, Any]:
    parts: list[bytes] = []
    while True:
        left = until - monotonic()
        if left <= 0:
            return {"cut": LATE}
        ready, _, _ = select.select([reading], [], [], min(left, LOOK_SECONDS))
        if ready:
            part = os.read(reading, BLOCK)
            if not part:
                break
            parts.append(part)
        elif adds_more(child, most_bytes):
            return {"cut": LARGE}
    return _parsed(b"".join(parts))


def _parsed(text: bytes) -> dict[str, Any]:
    if not text:
        return {"cut": DEAD}
    answer: dict[str, Any] = orjson.loads(text)
    if "error" in answer:
        raise ComputeError(**answer["error"])
    return answer


def left_bytes(limit: float, calls: int = 1) -> float:
    """What each of so many calls may hold beside this process, so that all of them together stay below `limit`."""
    return max(LEAST_BYTES, (limit - held_bytes(os.getpid())) / max(calls, 1))
