"""What a running question tells while it runs: numbered pieces, kept in Redis for minutes, to be read from anywhere.

The ledger knows nothing of them. They may be lost at any time; then whoever follows hears of the end alone.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson

from shared.ids import new_id
from shared.logging import get_logger
from shared.redis_client import RedisClient, RedisUnavailable

log = get_logger(__name__)

CHANNEL = "asks"
KEPT_SECONDS = 900
MOST_PIECES = 10_000
LARGEST_STEP = 64 * 1024
PIECES_A_READ = 200
RETRY_SECONDS = 1.0

StepName = Literal["sql", "table"]

# A list: the name of the run, then its pieces. The first piece begins a new list; one out of turn is of another run.
_PUBLISH = """
if ARGV[1] == '1' then
    redis.call('DEL', KEYS[1])
    redis.call('RPUSH', KEYS[1], ARGV[2])
end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
"""

# From the start when the run is another one than the reader knows.
_READ = """
local run = redis.call('LINDEX', KEYS[1], 0)
if not run then return {} end
local first = 1
if run == ARGV[1] then first = ARGV[2] + 1 end
local found = redis.call('LRANGE', KEYS[1], first, first + ARGV[3] - 1)
table.insert(found, 1, run)
return found
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: `event` is delta (`data` has its text), sql or table. Numbers begin at 1 with each run of the task."""

    n: int
    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read: up to piece `n` of a run."""

    run: bytes = b""
    n: int = 0


async def publish(redis: RedisClient, task_id: UUID, n: int, text: str) -> None:
    """Tell the next piece of the answer's text. Pieces and steps of a run are numbered together, from 1 on."""
    await _publish(redis, task_id, n, "delta", {"text": text})


async def publish_step(redis: RedisClient, task_id: UUID, n: int, event: StepName, data: Mapping[str, Any]) -> None:
    """Tell of a query or a table, which is the piece `n`; a table that is too large goes without its rows."""
    told = dict(data)
    if len(orjson.dumps(told)) > LARGEST_STEP:
        told = {name: value for name, value in told.items() if name != "rows"} | {"is_cut": True}
    await _publish(redis, task_id, n, event, told)


class AskDeltas:
    """Reading them, with one subscription a process: its messages only say whose pieces have become more."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._changes: dict[UUID, set[asyncio.Event]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()

    @contextmanager
    def subscribe(self, task_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is more to read; set at first, since something may be there already."""
        changed = asyncio.Event()
        changed.set()
        self._changes.setdefault(task_id, set()).add(changed)
        if self._pump is None or self._pump.done():
            # In a context of its own: it must not log the ids of whoever happened to come first.
            self._pump = asyncio.create_task(self._listen(), context=contextvars.Context())
        try:
            yield changed
        finally:
            self._changes[task_id].discard(changed)
            if not self._changes[task_id]:
                del self._changes[task_id]

    async def read(self, task_id: UUID, after: Place) -> tuple[list[Piece], Place]:
        """The next pieces and where they end; none while Redis is away."""
        try:
            found = await self._redis.eval(_READ, [_key(task_id)], [after.run, after.n, PIECES_A_READ])
        except RedisUnavailable:
            return [], after
        if not found:
            return [], after
        run, *items = found
        first = after.n + 1 if run == after.run else 1
        pieces = [Piece(n, **orjson.loads(item)) for n, item in enumerate(items, start=first)]
        return pieces, Place(run, first - 1 + len(pieces))

    async def ready(self) -> None:
        """Wait until pieces from now on will be noticed, but not for long: Redis may be away."""
        with suppress(TimeoutError):
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
                    self._tell_all()
                    async for message in messages:
                        self._tell(message)
            except RedisUnavailable:
                log.info("ask_deltas_interrupted")
            finally:
                self._connected.clear()
            await asyncio.sleep(RETRY_SECONDS)

    def _tell(self, message: str) -> None:
        with suppress(ValueError):
            for changed in self._changes.get(UUID(message), ()):
                changed.set()

    def _tell_all(self) -> None:
        for changes in self._changes.values():
            for changed in changes:
                changed.set()


async def _publish(redis: RedisClient, task_id: UUID, n: int, event: str, data: Mapping[str, Any]) -> None:
    if n > MOST_PIECES:
        return
    piece = orjson.dumps({"event": event, "data": data})
    with suppress(RedisUnavailable):
        await redis.eval(_PUBLISH, [_key(task_id)], [n, new_id().hex, piece, KEPT_SECONDS, CHANNEL, str(task_id)])


def _key(task_id: UUID) -> str:
    return f"ask:{task_id}"
