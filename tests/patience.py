"""Waiting for what a server does in its own time."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.05


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once `condition` holds, which it must do within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to that within {seconds:.0f} s"
        time.sleep(LOOK_SECONDS)
