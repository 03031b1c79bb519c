"""How long a client may take, second by second, without a clock."""

import asyncio
import resource
from collections.abc import Callable
from typing import cast

import pytest
from uvicorn.server import ServerState

from shared import slow_clients
from shared.slow_clients import ANSWER, BODY, HEAD, Expectation, Pace, Patience, Sweeper, sweeper_of

PACES = (HEAD, BODY, ANSWER)


def seconds_until_the_end(pace: Pace, bytes_a_second: float, at_most: int = 2000, every: int = 1) -> int | None:
    """How long a client lasts that moves so much, in one go `every` so many seconds; None: longer than `at_most`."""
    patience, moved = Patience(), 0
    for second in range(at_most):
        if second and second % every == 0:
            moved += int(bytes_a_second * every)
        if patience.ends_over(Expectation(pace, "thing", moved)):
            return second
    return None


@pytest.mark.parametrize("pace", PACES, ids=lambda pace: pace.stage)
def test_silence_ends_after_its_limit(pace: Pace) -> None:
    assert seconds_until_the_end(pace, 0) == pace.silence


def test_a_head_must_be_there_however_much_trickles() -> None:
    assert seconds_until_the_end(HEAD, 1) == seconds_until_the_end(HEAD, 5000) == HEAD.window


@pytest.mark.parametrize("pace", [BODY, ANSWER], ids=lambda pace: pace.stage)
def test_byte_by_byte_ends_with_the_window(pace: Pace) -> None:
    assert seconds_until_the_end(pace, 1) == seconds_until_the_end(pace, 255) == pace.window


@pytest.mark.parametrize("pace", [BODY, ANSWER], ids=lambda pace: pace.stage)
def test_a_bad_line_lasts(pace: Pace) -> None:
    assert seconds_until_the_end(pace, 256) is None
    assert seconds_until_the_end(pace, 5000) is None
    assert seconds_until_the_end(pace, 5000, every=pace.silence - 1) is None


def test_every_window_is_judged_by_itself() -> None:
    patience = Patience()
    moved = 1_000_000
    assert not patience.ends_over(Expectation(BODY, "thing", 0))
    for _ in range(BODY.window):
        assert not patience.ends_over(Expectation(BODY, "thing", moved))
        moved += 1000
    for _ in range(BODY.window - 1):
        moved += 1
        assert not patience.ends_over(Expectation(BODY, "thing", moved))
    assert patience.ends_over(Expectation(BODY, "thing", moved + 1))


@pytest.mark.parametrize("between", [None, Expectation(BODY, "another", 0), Expectation(ANSWER, "thing", 0)])
def test_something_else_between_begins_anew(between: Expectation | None) -> None:
    patience, same = Patience(), Expectation(BODY, "thing", 0)
    for _ in range(5):
        assert not any(patience.ends_over(same) for _ in range(BODY.silence))
        assert not patience.ends_over(between)
    assert [patience.ends_over(same) for _ in range(BODY.silence + 1)][-1]


class Client:
    """A connection that never moves."""

    def __init__(self, address: str, pace: Pace | None) -> None:
        self.client: tuple[str, int] | None = (address, 1)
        self._pace = pace
        self.at_work = False
        self.ended: list[str] = []
        self.end = asyncio.Event()

    def is_idle(self) -> bool:
        return not self.at_work

    def expectation(self) -> Expectation | None:
        return Expectation(self._pace, "thing", 0) if self._pace else None

    def give_up(self, stage: str) -> None:
        self.ended.append(stage)
        self.end.set()


class Log:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, **fields})


async def test_one_line_tells_of_all_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr(slow_clients, "log", log)
    sweeper = Sweeper(asyncio.get_running_loop())
    late = [Client(f"192.0.2.{number}", HEAD) for number in range(8)]
    idle = Client("192.0.2.9", None)
    left = Client("192.0.2.10", HEAD)
    for client in (*late, idle, left):
        sweeper.add(client)
    sweeper.discard(left)
    for _ in range(HEAD.silence + 1):
        sweeper.sweep()
    assert [client.ended for client in late] == [["head"]] * len(late)
    assert (idle.ended, left.ended) == ([], [])
    first = [f"192.0.2.{number}" for number in range(5)]
    assert log.lines == [{"event": "slow_clients_cut", "head": 8, "clients": 8, "addresses": first}]


async def test_the_sweeper_sleeps_while_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "SWEEP_SECONDS", 0.001)
    ticks: list[float] = []

    class Loop:
        def call_later(self, delay: float, tick: Callable[[], None]) -> None:
            ticks.append(delay)
            asyncio.get_running_loop().call_later(delay, tick)

    sweeper = Sweeper(cast("asyncio.AbstractEventLoop", Loop()))
    client = Client("192.0.2.1", HEAD)
    for _ in range(2):
        sweeper.add(client)
        await client.end.wait()
        sweeper.discard(client)
        client.end.clear()
        await asyncio.sleep(0.02)
        counted = len(ticks)
        await asyncio.sleep(0.02)
        assert len(ticks) == counted > HEAD.silence


async def test_each_server_has_one_sweeper() -> None:
    loop, first, second = asyncio.get_running_loop(), ServerState(), ServerState()
    assert sweeper_of(first, loop) is sweeper_of(first, loop) is not sweeper_of(second, loop)


@pytest.mark.parametrize(
    ("at_work", "leaves"), [((False, False, False, False), 0), ((True, False, True, False), 1), ((True,) * 4, 3)]
)
async def test_a_crowd_makes_room_where_nobody_is_at_work(
    at_work: tuple[bool, ...], leaves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    monkeypatch.setattr(slow_clients, "log", log)
    monkeypatch.setattr(slow_clients, "most_connections", lambda: 3)
    sweeper = Sweeper(asyncio.get_running_loop())
    clients = [Client(f"192.0.2.{number}", None) for number in range(4)]
    for client, busy in zip(clients, at_work, strict=True):
        client.at_work = busy
        sweeper.add(client)
    assert [client.ended for client in clients] == [[]] * 4
    await asyncio.sleep(0)
    assert [number for number, client in enumerate(clients) if client.ended == ["crowd"]] == [leaves]
    sweeper.sweep()
    sweeper.sweep()
    told = {"event": "slow_clients_cut", "crowd": 1, "clients": 1, "addresses": [f"192.0.2.{leaves}"]}
    assert log.lines == [told]


def test_clients_take_a_part_of_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    assert slow_clients.most_connections() == 768
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, -1))
    assert slow_clients.most_connections() > 2**31
