"""Clients that bring or take too little for too long, or are too many: a look a second at all, none at each request."""

import asyncio
import resource
import sys
from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

from uvicorn.server import ServerState

from shared.logging import get_logger

log = get_logger(__name__)

SWEEP_SECONDS = 1.0
NAMED_ADDRESSES = 5
# Of the descriptors that a process may have; the rest is for servers, services and files, or it could serve nobody.
CLIENTS_PART = 0.75


class Pace(NamedTuple):
    """What a client must move: a byte in each `silence` seconds, and `least` bytes in each `window` seconds."""

    stage: str
    silence: int
    window: int
    least: float


# A head is short: it must be there, however busily it trickles.
HEAD = Pace("head", silence=10, window=10, least=float("inf"))
# A bad line still brings some kilobytes a second, with gaps; who sends byte by byte wants only to hold the connection.
BODY = Pace("body", silence=30, window=60, least=60 * 256)
# Who reads for somebody else, such as the gateway or a proxy, moves in leaps: a system reports room only once a good
# part of its buffer is free, hundreds of kilobytes, and a bad line behind it takes minutes to carry those away.
ANSWER = Pace("answer", silence=600, window=600, least=600 * 256)


class Expectation(NamedTuple):
    """What a connection waits for: at which pace, of which thing, and how many bytes of it have moved so far."""

    pace: Pace
    thing: Hashable
    moved: int


class Patience:
    """How long one connection has waited for its client.

    Seconds are counted in sweeps, not read from a clock: a process that was held up does not blame its clients.
    """

    __slots__ = ("_expected", "_in_window", "_moved", "_silent", "_waited")

    def __init__(self) -> None:
        self._expected: tuple[Pace, Hashable] | None = None
        self._silent = self._waited = self._moved = self._in_window = 0

    def ends_over(self, expectation: Expectation | None) -> bool:
        """Whether one more second of this, or of something new, is too much; None: the client owes nothing."""
        if expectation is None:
            self._expected = None
            return False
        pace, thing, moved = expectation
        if self._expected != (pace, thing):
            self._begin((pace, thing), moved)
            return False
        self._silent = 0 if moved != self._moved else self._silent + 1
        self._waited += 1
        self._moved = moved
        return self._silent >= pace.silence or (self._waited >= pace.window and self._too_slow(pace))

    def _begin(self, expected: tuple[Pace, Hashable], moved: int) -> None:
        self._expected = expected
        self._silent = self._waited = 0
        self._moved = self._in_window = moved

    def _too_slow(self, pace: Pace) -> bool:
        brought = self._moved - self._in_window
        self._waited = 0
        self._in_window = self._moved
        return brought < pace.least


class Connection(Protocol):
    """One client's connection, as far as the sweep has to do with it."""

    client: tuple[str, int] | None

    def expectation(self) -> Expectation | None:
        """What the client owes at this moment."""

    def is_idle(self) -> bool:
        """Whether nothing of a request or an answer is on its way."""

    def give_up(self, stage: str) -> None:
        """Close the connection."""


def most_connections() -> int:
    """How many clients' connections one process may hold."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, int(soft * CLIENTS_PART))


class Sweeper:
    """Looks at all connections of a process once a second, as long as there are any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._most = most_connections()
        self._connections: dict[Connection, Patience] = {}
        self._crowded_out: list[tuple[Connection, str]] = []
        self._awake = False

    def add(self, connection: Connection) -> None:
        """Watch over it from now on."""
        self._connections[connection] = Patience()
        if not self._awake:
            self._awake = True
            self._loop.call_later(SWEEP_SECONDS, self._tick)
        if len(self._connections) > self._most:
            self._make_room(connection)

    def discard(self, connection: Connection) -> None:
        """It is closed."""
        self._connections.pop(connection, None)

    def _make_room(self, newest: Connection) -> None:
        # The oldest idle one, which may be the newest itself: only where all others are at work.
        leaving = next((connection for connection in self._connections if connection.is_idle()), newest)
        self.discard(leaving)
        self._crowded_out.append((leaving, "crowd"))
        # Not while it is being made.
        self._loop.call_soon(leaving.give_up, "crowd")

    def _tick(self) -> None:
        self._awake = bool(self._connections)
        if self._awake:
            # Before anything can fail: the next tick comes in any case.
            self._loop.call_later(SWEEP_SECONDS, self._tick)
            self.sweep()

    def sweep(self) -> None:
        """Give up the connections whose client is too slow."""
        crowded_out, self._crowded_out = self._crowded_out, []
        too_slow: list[tuple[Connection, str]] = []
        for connection, patience in self._connections.items():
            expectation = connection.expectation()
            if patience.ends_over(expectation) and expectation is not None:
                too_slow.append((connection, expectation.pace.stage))
        for connection, stage in too_slow:
            connection.give_up(stage)
        if crowded_out or too_slow:
            _tell([*crowded_out, *too_slow])


def _tell(late: list[tuple[Connection, str]]) -> None:
    # One line for all of them, or a flood of silent clients would become a flood of lines.
    addresses = sorted({connection.client[0] for connection, _ in late if connection.client})
    stages = Counter(stage for _, stage in late)
    log.info("slow_clients_cut", **stages, clients=len(addresses), addresses=addresses[:NAMED_ADDRESSES])


_sweepers: WeakKeyDictionary[ServerState, Sweeper] = WeakKeyDictionary()


def sweeper_of(server: ServerState, loop: asyncio.AbstractEventLoop) -> Sweeper:
    """The one sweeper of a server's process."""
    sweeper = _sweepers.get(server)
    if sweeper is None:
        sweeper = _sweepers[server] = Sweeper(loop)
    return sweeper
