"""Figures that are asked for when somebody scrapes, each at most every few seconds and never waited for long."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from shared.logging import get_logger

log = get_logger(__name__)

LONGEST_SECONDS = 5.0
AGAIN_SECONDS = 60.0

Read = Callable[[], Awaitable[Sequence[Metric]]]


@dataclass(slots=True)
class _Reading:
    name: str
    read: Read
    pause: float
    families: Sequence[Metric] = ()
    due: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def now(self) -> Sequence[Metric]:
        """What was read last, if that is not long ago; nothing if it cannot be read."""
        async with self.turn:
            if time.monotonic() >= self.due:
                self.families = await self._read()
                pause = self.pause if self.families else min(self.pause, AGAIN_SECONDS)
                self.due = time.monotonic() + pause
            return self.families

    async def _read(self) -> Sequence[Metric]:
        try:
            return await asyncio.wait_for(self.read(), LONGEST_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever one reading meets, the others are told
            log.warning("reading_failed", reading=self.name, error=type(error).__name__)
            return ()


class Readings:
    """The readings of one application."""

    def __init__(self) -> None:
        self._readings: list[_Reading] = []

    def add(self, name: str, read: Read, pause: float) -> None:
        """Ask `read` when somebody scrapes, but not before `pause` seconds after the last time.

        One that fails or takes more than five seconds gives nothing for a minute or that pause, whichever is less.
        """
        self._readings.append(_Reading(name, read, pause))

    async def collect(self) -> list[Metric]:
        """The families of all, asked at once."""
        answers = await asyncio.gather(*(reading.now() for reading in self._readings))
        return [family for answer in answers for family in answer]
