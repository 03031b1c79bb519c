"""The connections to one service: kept while they are fresh, made when wanted, never more than so many."""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aiohappyeyeballs import start_connection

from .answers import BrokenAnswer
from .connections import Connection
from .vigil import Address, Vigil, say_hello

# A service may have several addresses, and behind one of them a container that has just gone: nothing there refuses.
NEXT_ADDRESS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a service gets, and for how long, in seconds, what is waited for."""

    connections: int
    place: float
    connect: float
    silence: float
    keep_alive: float


class ConnectTimeout(Exception):
    """Nobody answered the attempt to connect."""


class Breaker:
    """After a connection attempt that timed out, refuses at once for a second instead of making everybody wait."""

    def __init__(self, pause_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause_seconds
        self._clock = clock
        self._until = 0.0

    def is_open(self) -> bool:
        """Whether calls are refused for now."""
        return self._clock() < self._until

    def trip(self) -> None:
        """Refuse for the next second."""
        self._until = self._clock() + self._pause


class Pool:
    """Hands out the connection used last, so that a quiet hour leaves few of them."""

    def __init__(
        self, host: str, port: int, limits: Limits, *, tls: bool = False, sign_of_life: bytes | None = None
    ) -> None:
        self._where = host, port
        self._tls = tls or None
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._breaker = Breaker()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._vigil = None if sign_of_life is None else Vigil(partial(self._hello, sign_of_life))

    async def acquire(self, *, fresh: bool = False) -> tuple[Connection, bool]:
        """A connection, to be given back with `release`, and whether it has served before.

        Raises:
            ConnectTimeout: no connection in time.
            OSError: nobody listens.
            BrokenAnswer: too many are in use, or the pool is closed.
        """
        if not fresh and (kept := self._kept()) is not None:
            return kept, True
        deadline = self._loop.time() + self._limits.place
        while len(self._open) + self._connecting >= self._limits.connections:
            await self._wait(deadline)
            if (kept := self._kept()) is not None:
                return kept, True
        return await self._connect(), False

    def release(self, connection: Connection) -> None:
        """Take a connection back; it is kept if its exchange has ended well."""
        if connection.rest():
            self._idle.append(connection)
        self._wake_one()

    def close(self) -> None:
        """Cut all connections; nothing can be acquired any more."""
        self._closed = True
        self._idle.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._vigil is not None:
            self._vigil.close()
        for connection in tuple(self._open):
            connection.fail(BrokenAnswer("shut down"))

    async def _wait(self, deadline: float) -> None:
        """Returns when there may be room, which somebody else may have taken by then."""
        turn = self._loop.create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            self._decline(turn)
            if isinstance(error, TimeoutError):
                raise BrokenAnswer("no connection became free") from None
            raise

    def _decline(self, turn: asyncio.Future[None]) -> None:
        """Leave the queue; if it was just now this one's turn, it is the next one's."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        else:
            self._wake_one()

    def _wake_one(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _kept(self) -> Connection | None:
        oldest = self._loop.time() - self._limits.keep_alive
        while self._idle:
            connection = self._idle.pop()
            if connection.failure is None and connection.idle_since >= oldest:
                return connection
            connection.fail(BrokenAnswer("stale"))
        return None

    async def _connect(self) -> Connection:
        if self._closed:
            raise BrokenAnswer("shut down")
        if self._breaker.is_open():
            raise ConnectTimeout
        self._connecting += 1
        try:
            async with asyncio.timeout(self._limits.connect):
                connection = await self._connected()
        except TimeoutError as error:
            self._breaker.trip()
            raise ConnectTimeout from error
        finally:
            self._connecting -= 1
            self._wake_one()
        self._open.add(connection)
        if self._sweeper is None:
            self._sweep()
        return connection

    async def _connected(self) -> Connection:
        """To whichever address of the host answers first; they are looked up each time, as services come and go."""
        host, port = self._where
        addresses = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        reached = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS)
        _, connection = await self._loop.create_connection(
            lambda: Connection(self._forget), sock=reached, ssl=self._tls, server_hostname=host if self._tls else None
        )
        return connection

    async def _hello(self, words: bytes, address: Address) -> None:
        tls = {"ssl": True, "server_hostname": self._where[0]} if self._tls else {}
        await say_hello(address, words, **tls)

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._wake_one()

    def _sweep(self) -> None:
        """Drop what has been idle or silent for too long; runs while there is any connection."""
        oldest = self._loop.time() - self._limits.keep_alive
        stale = [connection for connection in self._idle if connection.idle_since < oldest]
        self._idle = [connection for connection in self._idle if connection.idle_since >= oldest]
        for connection in stale:
            connection.fail(BrokenAnswer("stale"))
        for connection in tuple(self._open):
            connection.fail_if_silent(self._limits.silence)
        if self._vigil is not None:
            self._vigil.look(tuple(self._open))
        period = min(1.0, self._limits.silence, self._limits.keep_alive)
        self._sweeper = self._loop.call_later(period, self._sweep) if self._open else None
