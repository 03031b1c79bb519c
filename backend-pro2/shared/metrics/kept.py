"""What was last read for somebody who scrapes: kept for as long as nothing newer comes."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.logging import get_logger

log = get_logger(__name__)

PATIENCE_SECONDS = 1.0
# After that another reading is begun; it is longer than whatever is read takes to give up by itself.
LONGEST_SECONDS = 60.0

Figures = TypeVar("Figures")


class Kept(Generic[Figures]):
    """The figures that `read` gave last, None before the first, and when.

    Whoever asks for newer ones waits a second at most; a reading that takes longer goes on, alone, for who asks next.
    `is_current` says that the latest reading came to its end, and well.
    """

    def __init__(self, name: str, read: Callable[[], Awaitable[Figures]]) -> None:
        self.figures: Figures | None = None
        self.read_at = 0.0
        self.is_current = False
        self.name = name
        self._read = read
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Read, or wait for the reading that is under way."""
        if self._reading is None or self._reading.done():
            # In a context of its own: it must not log the ids of whoever happened to ask.
            self._reading = asyncio.create_task(self._read_now(), context=contextvars.Context())
        _, late = await asyncio.wait({self._reading}, timeout=PATIENCE_SECONDS)
        if late:
            self.is_current = False

    async def close(self) -> None:
        """Give up a reading that is under way."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_now(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                figures = await self._read()
        except Exception as error:  # noqa: BLE001 - the edge of a background task: the last figures stay
            self.is_current = False
            log.warning("figures_not_read", figures=self.name, error=type(error).__name__)
        else:
            self.figures, self.read_at, self.is_current = figures, time.time(), True
