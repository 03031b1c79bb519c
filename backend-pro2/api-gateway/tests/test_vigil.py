"""A service that hangs is told from one that only takes long."""

import asyncio
from typing import cast

import pytest

from shared.testing.patience import eventually

from ..app.clients import vigil
from ..app.clients.connections import Connection
from ..app.clients.vigil import TRIES, Address, Vigil
from ..app.core.exceptions import UpstreamUnavailable
from .scripted_services import HELLO, PATIENT, pool_of, to, whole

HERE, THERE = ("10.0.0.1", 80), ("10.0.0.2", 80)


class Owing:
    """A connection whose service owes an answer for so long."""

    def __init__(self, address: Address, seconds: float) -> None:
        self.address, self.seconds = address, seconds
        self.failure: BaseException | None = None

    def silence(self) -> float:
        return self.seconds

    def fail(self, error: BaseException) -> None:
        self.failure = error


class Signs:
    """Gives a sign of life, or none, as the script of an address says; the last word stays."""

    def __init__(self, **scripts: str) -> None:
        self._scripts = {HERE: list(scripts.get("here", "+")), THERE: list(scripts.get("there", "+"))}
        self.asked: list[Address] = []

    async def __call__(self, address: Address) -> None:
        self.asked.append(address)
        script = self._scripts[address]
        if (script.pop(0) if len(script) > 1 else script[0]) == "-":
            raise ConnectionRefusedError


async def looked(watcher: Vigil, connections: list[Owing], times: int) -> None:
    for _ in range(times):
        watcher.look(cast("list[Connection]", [one for one in connections if one.failure is None]))
        await asyncio.sleep(0.01)


async def test_where_nobody_gives_a_sign_everybody_is_told() -> None:
    signs = Signs(here="-")
    owing = [Owing(HERE, 11.0), Owing(HERE, 60.0), Owing(HERE, 9.0), Owing(THERE, 60.0)]
    watcher = Vigil(signs)
    await looked(watcher, owing, TRIES)
    assert [one.failure for one in owing] == [None] * 4
    await looked(watcher, owing, 1)
    assert ["sign of life" in str(one.failure) for one in owing] == [True, True, False, False]
    assert set(signs.asked) == {HERE, THERE}


async def test_what_only_takes_long_is_waited_for() -> None:
    owing = [Owing(HERE, 60.0)]
    await looked(Vigil(Signs(here="--+")), owing, 40)
    assert owing[0].failure is None


async def test_signs_between_begin_the_count_anew() -> None:
    owing = [Owing(HERE, 60.0)]
    await looked(Vigil(Signs(here="--+--+--+")), owing, 20)
    assert owing[0].failure is None


async def test_nobody_is_asked_while_nobody_waits_for_long() -> None:
    signs = Signs(here="-")
    await looked(Vigil(signs), [Owing(HERE, 9.0)], 5)
    assert signs.asked == []


async def test_one_question_at_a_time_and_none_after_the_end() -> None:
    asked: list[Address] = []

    async def ask(address: Address) -> None:
        asked.append(address)
        await asyncio.Event().wait()

    watcher = Vigil(ask)
    await looked(watcher, [Owing(HERE, 60.0)], 5)
    assert asked == [HERE]
    watcher.close()
    await asyncio.sleep(0.01)
    await looked(watcher, [Owing(HERE, 60.0)], 1)
    assert asked == [HERE, HERE]
    watcher.close()


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vigil, "SIGN_SECONDS", 0.2)
    monkeypatch.setattr(vigil, "QUIET_SECONDS", 0.2)


@pytest.mark.integration
@pytest.mark.usefixtures("_hasty")
class TestPools:
    async def test_a_service_that_hangs_is_given_up(self) -> None:
        async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(1024):
                pass

        async with asyncio.timeout(60), pool_of(hangs, PATIENT, sign_of_life=b"GET /health HTTP/1.1\r\n\r\n") as pool:
            with pytest.raises(UpstreamUnavailable):
                await whole(to(pool))

    async def test_a_service_that_works_is_not(self) -> None:
        heads: list[bytes] = []

        async def works(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            if len(heads) == 1:
                await eventually(lambda: len(heads) > TRIES + 1)
            writer.write(HELLO)

        async with pool_of(works, PATIENT, sign_of_life=b"GET /health HTTP/1.1\r\n\r\n") as pool:
            assert await whole(to(pool)) == b"hello"
        assert set(heads[1:]) == {b"GET /health HTTP/1.1\r\n\r\n"}
