"""A bell in one event loop: each ring wakes one who waits; rings that nobody waits for are kept, but not many."""

import asyncio
import contextlib


class Bell:
    """`most` is how many rings are kept: more than can be answered at once need not be remembered."""

    def __init__(self, most: int) -> None:
        self._rings: asyncio.Queue[None] = asyncio.Queue(most)
        self._most = most

    def ring(self) -> None:
        """Wake one who waits, or the next who will."""
        with contextlib.suppress(asyncio.QueueFull):
            self._rings.put_nowait(None)

    def ring_all(self) -> None:
        """Wake everybody."""
        for _ in range(self._most):
            self.ring()

    def answer(self) -> None:
        """Take one ring, if there is one: who looks anyway need not be woken for it."""
        with contextlib.suppress(asyncio.QueueEmpty):
            self._rings.get_nowait()

    async def wait(self, seconds: float) -> None:
        """Wait for a ring, at most `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rings.get()
