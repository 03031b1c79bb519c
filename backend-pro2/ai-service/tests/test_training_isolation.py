"""Calls in a process that can be killed: what they answer, and what ends them."""

import time
from typing import Any

import numpy as np
import pytest

from shared.compute import ComputeError

from ..app.engines.training.isolation import isolated

LARGE = 1e12


def test_answers_and_ends() -> None:
    later = time.monotonic() + 5
    assert isolated(lambda: {"value": 1.5}, later, LARGE) == {"value": 1.5}
    started = time.monotonic()
    assert isolated(_slow, started + 0.2, LARGE) == {"cut": "late"}
    assert time.monotonic() - started < 1
    assert isolated(lambda: {"size": len(_held())}, later, 1 << 20)["cut"] == "memory"
    assert isolated(_invalid, later, LARGE)["cut"] == "crashed"
    with pytest.raises(ComputeError, match="refused"):
        isolated(_refused, later, LARGE)


def test_what_the_parent_holds_is_not_the_call_s() -> None:
    held = np.ones(40 << 20)
    later = time.monotonic() + 20
    assert isolated(lambda: {"sum": _later(float(held[:9].sum()))}, later, 128 << 20) == {"sum": 9.0}
    # Written to, its pages are the call's own.
    assert isolated(lambda: {"sum": _later(float(held.__iadd__(1)[0]))}, later, 128 << 20)["cut"] == "memory"


def _slow() -> dict[str, Any]:
    time.sleep(9)
    return {}


def _later(value: float) -> float:
    time.sleep(0.5)
    return value


def _held() -> bytes:
    held = b"x" * (64 << 20)
    time.sleep(1)
    return held


def _invalid() -> dict[str, Any]:
    raise ValueError("does not converge")


def _refused() -> dict[str, Any]:
    raise ComputeError("some_code", "refused")
