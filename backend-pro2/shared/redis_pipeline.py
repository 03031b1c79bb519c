"""One connection to Redis on which the commands of one loop turn travel together: a seventh of a pooled call's cost."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, ResponseError

Word = str | bytes | int | float
# How exactly a timeout is kept: at most a quarter later.
WATCHES_PER_TIMEOUT = 4


class RedisPipeline:
    """For short commands that every request sends; blocking ones would hold up all others.

    Connects on first use and again after the connection broke. A call that times out gives the connection up, so that
    the next one starts on a fresh one; whatever else waited on it fails with it.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._where = parse_url(url)
        # `rediss://`: its authority as the URL says (`ssl_ca_certs`), else one of the system's; always checked.
        self._tls = _tls_of(self._where) if self._where.get("connection_class") is SSLConnection else None
        self._timeout = timeout_seconds
        self._wire: _Wire | None = None
        self._connecting = asyncio.Lock()

    async def call(self, *words: Word) -> Any:
        """The answer to one command.

        Raises:
            redis.exceptions.RedisError: refused, or the connection broke.
            OSError: nobody listens.
            TimeoutError: no answer in time.
        """
        wire = self._wire
        if wire is None or not wire.is_open:
            async with asyncio.timeout(self._timeout):
                wire = await self._connect()
        return await wire.send(words)

    async def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.abort()

    async def _connect(self) -> "_Wire":
        async with self._connecting:
            if self._wire is None or not self._wire.is_open:
                self._wire = await self._new_wire()
            return self._wire

    async def _new_wire(self) -> "_Wire":
        loop, where = asyncio.get_running_loop(), self._where

        def make() -> _Wire:
            return _Wire(loop, self._timeout)

        if "path" in where:
            _, wire = await loop.create_unix_connection(make, where["path"])
        else:
            place = (where.get("host", "localhost"), where.get("port", 6379))
            _, wire = await loop.create_connection(make, *place, ssl=self._tls)
        try:
            if password := where.get("password"):
                await wire.send(("AUTH", where.get("username") or "default", password))
            if database := where.get("db"):
                await wire.send(("SELECT", database))
        except BaseException:
            wire.abort()
            raise
        return wire


def _tls_of(where: Mapping[str, Any]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=where.get("ssl_ca_certs"))


class _Wire(asyncio.Protocol):
    """Answers come in the order of the commands, so a queue of futures is all there is to it.

    For the same reason the first of the queue has waited longest: one timer that looks at it a few times within the
    timeout serves all calls, where a timer for each would cost more than the rest of the call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_seconds: float) -> None:
        self._loop = loop
        self._timeout = timeout_seconds
        self._reader = hiredis.Reader(replyError=_error)
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._outgoing: list[bytes] = []
        self._turn = 0.0
        self._watching = False
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent on it; one whose loop has stopped is of no use to the next loop."""
        return self._transport is not None and self._loop.is_running()

    def send(self, words: tuple[Word, ...]) -> "asyncio.Future[Any]":
        """The future answer; what is sent in the same turn of the loop leaves in one write."""
        answer = self._loop.create_future()
        if not self._outgoing:
            self._turn = self._loop.time()
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub allows one word only
        self._waiting.append((self._turn, answer))
        return answer

    def abort(self, reason: Exception | None = None) -> None:
        """Drop the connection now, and tell whoever waits why."""
        if self._transport is not None:
            self._transport.abort()
            self.connection_lost(reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, reason: Exception | None) -> None:
        """Called by the loop: nobody waits for ever."""
        self._transport = None
        silent = isinstance(reason, TimeoutError)
        while self._waiting:
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(TimeoutError() if silent else ConnectionLost("the connection to Redis was lost"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            _, answer = self._waiting.popleft()
            if answer.done():
                continue
            if isinstance(reply, Exception):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()
        if not self._watching:
            self._watch()

    def _watch(self) -> None:
        self._watching = bool(self._waiting)
        if not self._watching:
            return
        if self._loop.time() - self._waiting[0][0] >= self._timeout:
            self._watching = False
            self.abort(TimeoutError())
        else:
            self._loop.call_later(self._timeout / WATCHES_PER_TIMEOUT, self._watch)


def _error(text: str) -> Exception:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
