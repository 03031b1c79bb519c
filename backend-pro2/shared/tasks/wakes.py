"""Being told that a task changed: one Redis subscription per process, handed on to whoever waits for that task."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from shared.logging import get_logger
from shared.redis_client import RedisClient, RedisUnavailable

log = get_logger(__name__)

CHANNEL = "tasks"
RETRY_SECONDS = 1.0

Listener = Callable[[], None]


class TaskWakes:
    """Wakes are hints: they may be lost or come twice, so every waiter also looks from time to time.

    One subscription for all tasks, because each holds a connection of the pool that requests need.
    """

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._listeners: dict[UUID, set[Listener]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()

    async def publish(self, task_id: UUID) -> None:
        """Tell every process that this task changed, if Redis is there."""
        with contextlib.suppress(RedisUnavailable):
            await self._redis.publish(CHANNEL, str(task_id))

    @contextmanager
    def watching(self, task_id: UUID, listener: Listener) -> Iterator[None]:
        """Call `listener` whenever the task may have changed."""
        if self._pump is None or self._pump.done():
            # In a context of its own: it must not log the ids of whoever happened to come first.
            self._pump = asyncio.create_task(self._listen(), context=contextvars.Context())
        self._listeners.setdefault(task_id, set()).add(listener)
        try:
            yield
        finally:
            remaining = self._listeners[task_id]
            remaining.discard(listener)
            if not remaining:
                del self._listeners[task_id]

    async def ready(self) -> None:
        """Wait until changes from now on will be heard, but not for long: Redis may be away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS / 2):
                await self._connected.wait()

    async def close(self) -> None:
        """End the subscription."""
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.subscribe(CHANNEL) as messages:
                    self._connected.set()
                    async for message in messages:
                        self._tell(message)
            except RedisUnavailable:
                log.info("task_wakes_interrupted")
            finally:
                self._connected.clear()
            await asyncio.sleep(RETRY_SECONDS)

    def _tell(self, message: str) -> None:
        try:
            task_id = UUID(message)
        except ValueError:
            return
        for listener in tuple(self._listeners.get(task_id, ())):
            listener()


async def pause(changed: asyncio.Event, seconds: float) -> None:
    """Wait until `changed` is set, at most `seconds`; clears it."""
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return
    changed.clear()
