"""Whether the machine is quiet enough to measure on."""

import os
import time
from collections.abc import Callable

POLL_SECONDS = 5.0


def bound(share: float, cores: int | None = None) -> float:
    """A load average that leaves room: so much of a waiting process for each core."""
    return share * (cores or os.cpu_count() or 1)


def load_now() -> float:
    """Processes that wait for a core, averaged over a minute."""
    return os.getloadavg()[0]


def wait_until_quiet(
    most: float,
    seconds: float,
    load: Callable[[], float] = load_now,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether the load is `most` or less within so many seconds. What ran before takes a minute to fade from it."""
    deadline = clock() + seconds
    while load() > most:
        if clock() >= deadline:
            return False
        sleep(POLL_SECONDS)
    return True
