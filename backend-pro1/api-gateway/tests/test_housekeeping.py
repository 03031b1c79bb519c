"""Chores: each on its own, whatever becomes of the others."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from shared.errors import ServiceUnavailable

from ..app.services import housekeeping
from ..app.services.housekeeping import Housekeeping
from .fakes_log import LogLines


class Notes:
    """Chores that note their turns; `errors` says what they meet first."""

    def __init__(self, **errors: list[Exception]) -> None:
        self.turns: list[str] = []
        self.errors = errors

    def chore(self, name: str) -> Callable[[], Awaitable[None]]:
        async def do() -> None:
            self.turns.append(name)
            if self.errors.get(name):
                raise self.errors[name].pop(0)

        return do

    def keep(self, *names: str, every_seconds: float = 600) -> Housekeeping:
        return Housekeeping({name: self.chore(name) for name in names}, every_seconds)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> LogLines:
    lines = LogLines()
    monkeypatch.setattr(housekeeping, "log", lines)
    return lines


async def test_a_failure_stops_no_other(log: LogLines) -> None:
    notes = Notes(b=[RuntimeError("a mistake")])
    assert await notes.keep("a", "b", "c").do("abc") == []
    assert notes.turns == ["a", "b", "c"]
    assert log.lines == [("error", "chore_failed", {"chore": "b"})]


@pytest.mark.parametrize("error", [ServiceUnavailable("away"), asyncpg.LockNotAvailableError()])
async def test_what_passes_is_waited_out_quietly(log: LogLines, error: Exception) -> None:
    notes = Notes(a=[error])
    assert await notes.keep("a", "b").do("ab") == ["a"]
    assert notes.turns == ["a", "b"]
    assert [(level, event) for level, event, _ in log.lines] == [("info", "chore_waits")]


async def test_a_chore_that_hangs_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "CHORE_SECONDS", 0.05)
    notes = Notes()
    keeping = Housekeeping({"hangs": asyncio.Event().wait, "b": notes.chore("b")})  # type: ignore[dict-item]
    assert await keeping.do(["hangs", "b"]) == []
    assert notes.turns == ["b"]


async def test_soon_then_again_and_the_delayed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "SOON_SECONDS", 0.01)
    monkeypatch.setattr(housekeeping, "RETRY_SECONDS", 0.01)
    notes = Notes(a=[ServiceUnavailable("away"), ServiceUnavailable("away")])
    keeping = notes.keep("a", "b", every_seconds=0.01)
    keeping.start()
    await asyncio.sleep(0.5)
    await keeping.close()
    turns = len(notes.turns)
    assert notes.turns[:6] == ["a", "b", "a", "a", "a", "b"]
    await asyncio.sleep(0.05)
    assert len(notes.turns) == turns


async def test_closing_what_never_began() -> None:
    await Notes().keep("a").close()
