"""Being told that a task changed: one Redis subscription per process, handed on to whoever waits for that task."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

from shared.logging import get_logger
from shared.redis_client import RedisClient, RedisUnavailable

log = get_logger(__name__)

CHANNEL = "tasks"
RETRY_SECONDS = 1.0
# Ids in one message: what is announced while the one before is on its way goes together.
MOST_TOGETHER = 200
# After the id of a task whose own run tells of it.
OF_RUN = "~"

Listener = Callable[[], None]


class Publisher(Protocol):
    """Tells that tasks changed."""

    async def publish(self, task_id: UUID) -> None:
        """Tell that this one did."""


class TaskWakes:
    """Wakes are hints: they may be lost or come twice, so every waiter also looks from time to time.

    One subscription for all tasks, because each holds a connection of the pool that requests need.
    """

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._listeners: dict[UUID, set[Listener]] = {}
        self._runs: dict[UUID, set[Listener]] = {}
        self._unsent: dict[str, None] = {}
        self._sender: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()

    async def publish(self, task_id: UUID, *, of_run: bool = False) -> None:
        """Tell every process that this task changed, if Redis is there; `of_run`: its run need not be told."""
        self._unsent[f"{task_id}{OF_RUN}" if of_run else str(task_id)] = None
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send(), context=contextvars.Context())

    def of_runs(self) -> Publisher:
        """The same for those who run tasks."""
        return _OfRuns(self)

    @contextmanager
    def watching(self, task_id: UUID, listener: Listener, *, is_run: bool = False) -> Iterator[None]:
        """Call `listener` whenever the task may have changed; of a run, unless it has told so itself."""
        if self._pump is None or self._pump.done():
            # In a context of its own: it must not log the ids of whoever happened to come first.
            self._pump = asyncio.create_task(self._listen(), context=contextvars.Context())
        listeners = self._runs if is_run else self._listeners
        listeners.setdefault(task_id, set()).add(listener)
        try:
            yield
        finally:
            remaining = listeners[task_id]
            remaining.discard(listener)
            if not remaining:
                del listeners[task_id]

    async def ready(self) -> None:
        """Wait until changes from now on will be heard, but not for long: Redis may be away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS / 2):
                await self._connected.wait()

    async def close(self) -> None:
        """Send what is unsent, and end the subscription."""
        if self._sender is not None:
            await asyncio.gather(self._sender, return_exceptions=True)
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _send(self) -> None:
        while self._unsent:
            together = list(self._unsent)[:MOST_TOGETHER]
            for message in together:
                del self._unsent[message]
            with contextlib.suppress(RedisUnavailable):
                await self._redis.publish(CHANNEL, " ".join(together))

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.subscribe(CHANNEL) as messages:
                    self._connected.set()
                    async for message in messages:
                        for word in message.split():
                            self._tell(word)
            except RedisUnavailable:
                log.info("task_wakes_interrupted")
            finally:
                self._connected.clear()
            await asyncio.sleep(RETRY_SECONDS)

    def _tell(self, word: str) -> None:
        try:
            task_id = UUID(word.removesuffix(OF_RUN))
        except ValueError:
            return
        told = tuple(self._listeners.get(task_id, ()))
        if not word.endswith(OF_RUN):
            told += tuple(self._runs.get(task_id, ()))
        for listener in told:
            listener()


class _OfRuns:
    def __init__(self, wakes: TaskWakes) -> None:
        self._wakes = wakes

    async def publish(self, task_id: UUID) -> None:
        await self._wakes.publish(task_id, of_run=True)


async def pause(changed: asyncio.Event, seconds: float) -> None:
    """Wait until `changed` is set, at most `seconds`; clears it."""
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return
    changed.clear()
