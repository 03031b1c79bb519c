"""Redis: JSON values, scripts, publish and subscribe; quick to give up, so that a service lives without it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

import orjson
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from shared.config import Settings
from shared.logging import get_logger
from shared.metrics.redis import BREAKER_OPEN, OK, REFUSED, UNAVAILABLE, command, not_asked
from shared.redis_pipeline import RedisPipeline
from shared.tracing import CLIENT, span

log = get_logger(__name__)

Answer = TypeVar("Answer")

REDIS = {"db.system.name": "redis"}
FAILURES_TO_OPEN = 5
PROBE_SECONDS = 1.0


class RedisUnavailable(Exception):
    """Redis does not answer in time; callers go on without it."""


class Breaker:
    """Opens after five failures in a row; then lets one call a second through to see whether the other side is back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0

    def allows(self) -> bool:
        """Whether a call may be tried now."""
        if self._failures < FAILURES_TO_OPEN:
            return True
        if self._clock() < self._probe_at:
            return False
        self._probe_at = self._clock() + PROBE_SECONDS
        return True

    def succeeded(self) -> None:
        """Close."""
        if self._failures >= FAILURES_TO_OPEN:
            BREAKER_OPEN.set(0)
        self._failures = 0

    def failed(self) -> None:
        """Count a failure; the fifth opens."""
        self._failures += 1
        if self._failures == FAILURES_TO_OPEN:
            self._probe_at = self._clock() + PROBE_SECONDS
            BREAKER_OPEN.set(1)
            log.warning("redis_breaker_opened")


@lru_cache
def _digest(script: str) -> str:
    # By Redis's definition the name of a script, not a secret.
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


class RedisClient:
    """A blocking pool of connections; every method raises RedisUnavailable rather than wait past its timeout."""

    def __init__(self, settings: Settings) -> None:
        timeout = settings.redis_timeout_seconds
        self._pool = redis.BlockingConnectionPool.from_url(
            settings.redis_url.get_secret_value(),
            max_connections=settings.redis_pool_size,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=0,
        )
        self._redis = redis.Redis(connection_pool=self._pool)
        self._pipeline = RedisPipeline(settings.redis_url.get_secret_value(), timeout)
        self._breaker = Breaker()

    async def open(self) -> None:
        """Nothing to do: connections are made when wanted."""

    async def close(self) -> None:
        """Close all connections."""
        await self._pipeline.close()
        await self._redis.aclose()
        await self._pool.disconnect()

    async def ping(self) -> None:
        """One round trip."""
        await self._guard(self._redis.ping())

    async def info(self) -> dict[str, Any]:
        """What the server says of itself."""
        said: dict[str, Any] = await self._guard(self._redis.info())
        return said

    async def get_json(self, key: str) -> Any | None:
        """The value under `key`, or None."""
        raw = await self._guard(self._redis.get(key))
        return None if raw is None else orjson.loads(raw)

    async def set_json(self, key: str, value: object, ttl_seconds: int) -> None:
        """Keep `value` for `ttl_seconds`; nothing is kept for ever."""
        await self._guard(self._redis.set(key, orjson.dumps(value), ex=ttl_seconds))

    async def set_bytes(self, key: str, value: bytes, ttl_seconds: int, *, if_absent: bool = False) -> bool:
        """Keep raw bytes; True if they were stored."""
        return bool(await self._guard(self._redis.set(key, value, ex=ttl_seconds, nx=if_absent)))

    async def delete(self, *keys: str) -> None:
        """Forget keys."""
        if keys:
            await self._guard(self._redis.delete(*keys))

    async def publish(self, channel: str, message: str) -> None:
        """Wake whoever listens on `channel`."""
        await self._guard(self._redis.publish(channel, message))

    async def eval(self, script: str, keys: Sequence[str], arguments: Sequence[str | bytes | int | float]) -> Any:
        """Run a Lua script in one round trip, by its hash; it is loaded when Redis does not know it."""
        words = ("EVALSHA", _digest(script), len(keys), *keys, *arguments)
        try:
            return await self._call(words)
        except NoScriptError:
            log.info("redis_script_loaded")
        await self._guard(self._redis.script_load(script))
        return await self._call(words)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Messages published on `channel` from now on.

        Raises:
            RedisUnavailable: on entry or while iterating, when Redis goes away.
        """
        listener = self._redis.pubsub(ignore_subscribe_messages=True)
        try:
            await self._guard(listener.subscribe(channel))
            yield self._messages(listener)
        finally:
            await listener.aclose()  # type: ignore[no-untyped-call]

    async def _messages(self, listener: redis.client.PubSub) -> AsyncIterator[str]:
        while True:
            try:
                message = await listener.get_message(timeout=None)
            except (RedisError, OSError) as error:
                raise RedisUnavailable from error
            if message is not None:
                yield message["data"].decode()

    async def _call(self, words: Sequence[str | bytes | int | float]) -> Any:
        """One command on the pipeline, which unlike the driver never swallows a cancellation."""
        self._admit()
        started = time.perf_counter()
        try:
            with span(str(words[0]), REDIS, kind=CLIENT):
                answer = await self._pipeline.call(*words)
        except NoScriptError:
            # An answer: with the breaker open, the script could else never be loaded into a Redis that is back.
            command(OK, started)
            self._breaker.succeeded()
            raise
        except (RedisError, OSError, TimeoutError) as error:
            raise self._unavailable(error, started) from error
        command(OK, started)
        self._breaker.succeeded()
        return answer

    def _admit(self) -> None:
        if not self._breaker.allows():
            not_asked()
            raise RedisUnavailable

    async def _guard(self, call: Awaitable[Answer]) -> Answer:
        try:
            self._admit()
        except RedisUnavailable:
            if asyncio.iscoroutine(call):
                call.close()
            raise
        cancelled, started = _cancellations(), time.perf_counter()
        try:
            with span("redis.command", REDIS, kind=CLIENT):
                answer = await call
        except (RedisError, OSError, TimeoutError) as error:
            raise self._unavailable(error, started) from error
        command(OK, started)
        self._breaker.succeeded()
        if _cancellations() > cancelled:
            # The driver swallows one that meets it while it connects.
            raise asyncio.CancelledError
        return answer

    def _unavailable(self, error: Exception, started: float) -> RedisUnavailable:
        if isinstance(error, ResponseError):
            command(REFUSED, started)
            # It answers, but refuses: full, read-only, or a fault of ours. An alarm, but no reason to stop asking.
            log.error("redis_refused", exc_info=error)
        else:
            command(UNAVAILABLE, started)
            self._breaker.failed()
        return RedisUnavailable(type(error).__name__)


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
