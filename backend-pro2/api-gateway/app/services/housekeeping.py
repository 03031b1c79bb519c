"""What is done from time to time, whether or not anybody calls."""

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

import asyncpg

from shared.errors import ServiceUnavailable
from shared.logging import get_logger
from shared.redis_client import RedisUnavailable

log = get_logger(__name__)

SOON_SECONDS = 5.0
RETRY_SECONDS = 30.0
# Longer than any chore takes that still gets somewhere; one that hangs must not keep the others from their turn.
CHORE_SECONDS = 300.0

Chore = Callable[[], Awaitable[None]]

# What passes by itself.
_PASSING = (ServiceUnavailable, RedisUnavailable, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


class Housekeeping:
    """Does chores one after another, soon after the start and then every so often, none at another's expense.

    Every gateway of an instance does them, so a chore must bear being done by several at once.
    """

    def __init__(self, chores: Mapping[str, Chore], every_seconds: float = 600) -> None:
        self._chores = dict(chores)
        self._every = every_seconds
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        # In a context of its own: it must not log the ids of whoever happened to start it.
        self._running = asyncio.create_task(self._run(), context=contextvars.Context())

    async def close(self) -> None:
        """Stop; a chore that is under way is broken off, which its transactions bear."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def do(self, names: Iterable[str]) -> list[str]:
        """Do these chores once; the names of those that met something which passes by itself."""
        return [name for name in names if not await self._done(name)]

    async def _run(self) -> None:
        await asyncio.sleep(_about(SOON_SECONDS))
        while True:
            left = await self.do(self._chores)
            while left:
                await asyncio.sleep(_about(RETRY_SECONDS))
                left = await self.do(left)
            await asyncio.sleep(_about(self._every))

    async def _done(self, name: str) -> bool:
        try:
            async with asyncio.timeout(CHORE_SECONDS):
                await self._chores[name]()
        except _PASSING as error:
            log.info("chore_waits", chore=name, error=type(error).__name__)
            return False
        except Exception:  # the edge of a background task: nobody above could do anything about it
            log.exception("chore_failed", chore=name)
        return True


def _about(seconds: float) -> float:
    # Gateways that start together should not stay together.
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
