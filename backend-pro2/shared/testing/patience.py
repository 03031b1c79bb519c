"""Waiting for what nothing announces."""

import asyncio
import time
from collections.abc import Callable

LOOK_SECONDS = 0.02


async def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return once `condition` holds, which it must do within so many seconds, however busy the machine is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(LOOK_SECONDS)
