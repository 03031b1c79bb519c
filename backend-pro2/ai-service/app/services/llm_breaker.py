"""A circuit breaker: an LLM that is away is not asked over and over by every task."""

import time
from collections.abc import Callable

from shared.logging import get_logger
from shared.metrics import llm as metrics

log = get_logger(__name__)

FAILURES_TO_OPEN = 5
PROBE_SECONDS = 10.0


class LlmBreaker:
    """Opens after five failures in a row; then lets one request every ten seconds see whether the server is back.

    One for each process, as each finds out by itself. A probe whose asker goes away is replaced by the next in time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0

    def wait(self) -> float:
        """Seconds until somebody may ask; 0 for now, and then it is the caller's to ask."""
        if self._failures < FAILURES_TO_OPEN:
            return 0.0
        now = self._clock()
        if now < self._probe_at:
            return self._probe_at - now
        self._probe_at = now + PROBE_SECONDS
        return 0.0

    def succeeded(self) -> None:
        """The server answered, whatever it said."""
        if self._failures >= FAILURES_TO_OPEN:
            log.info("llm_breaker_closed")
            metrics.breaker(is_open=False)
        self._failures = 0

    def failed(self) -> None:
        """It did not."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._probe_at = self._clock() + PROBE_SECONDS
        if self._failures == FAILURES_TO_OPEN:
            log.warning("llm_breaker_opened", failures=self._failures)
            metrics.breaker(is_open=True)
