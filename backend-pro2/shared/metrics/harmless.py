"""An instrument must not harm: what it meets is logged now and then, and reaches nobody who counts something."""

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from shared.logging import get_logger

log = get_logger(__name__)

WORD_SECONDS = 60.0

Arguments = ParamSpec("Arguments")


def harmless(count: Callable[Arguments, object]) -> Callable[Arguments, None]:
    """`count`, which from now on never raises; of what it meets the log hears once a minute."""
    next_word = 0.0

    @wraps(count)
    def counted(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        nonlocal next_word
        try:
            count(*args, **kwargs)
        except Exception:  # the edge of the work: whatever an instrument meets, the work goes on
            if time.monotonic() >= next_word:
                next_word = time.monotonic() + WORD_SECONDS
                log.exception("instrument_failed", instrument=f"{count.__module__}.{count.__name__}")

    return counted
