"""Instruments that fail, and figures that do not come: neither harms who works or who scrapes."""

import asyncio
import time

import pytest
from prometheus_client import Counter
from structlog.testing import capture_logs

from shared.metrics import harmless as module
from shared.metrics import kept as keeping
from shared.metrics.harmless import harmless
from shared.metrics.kept import Kept
from shared.testing.patience import eventually


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class TestHarmless:
    def test_it_counts(self) -> None:
        counter = Counter("counted_in_a_test_total", "A test's.", ("which",), registry=None)

        @harmless
        def count(which: str, number: int = 1) -> None:
            counter.labels(which).inc(number)

        count("a")
        count("a", number=2)
        assert counter.labels("a")._value.get() == 3

    def test_a_failure_is_logged_once_a_minute_and_reaches_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = Clock()
        monkeypatch.setattr(module, "time", clock)

        @harmless
        def count() -> None:
            raise OSError("no space left on device")

        with capture_logs() as lines:
            for _ in range(3):
                count()
            clock.now += module.WORD_SECONDS
            count()
        assert [line["event"] for line in lines] == ["instrument_failed"] * 2
        assert lines[0]["instrument"].endswith(".count")

    async def test_it_swallows_no_cancellation(self) -> None:
        @harmless
        def count() -> None:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            count()


class Source:
    """Figures that come when they are let."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> int:
        self.asked += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return self.asked


class TestKept:
    async def test_what_was_read_last_stays(self) -> None:
        source = Source()
        kept = Kept("test", source.read)
        assert (kept.figures, kept.is_current) == (None, False)
        await kept.refresh()
        assert (kept.figures, kept.is_current) == (1, True)
        read_at = kept.read_at
        assert 0 <= time.time() - read_at < 60
        source.error = ConnectionError()
        await kept.refresh()
        assert (kept.figures, kept.is_current, kept.read_at) == (1, False, read_at)
        source.error = None
        await kept.refresh()
        assert (kept.figures, kept.is_current) == (3, True)
        assert kept.read_at >= read_at

    async def test_nobody_waits_for_one_that_hangs_and_it_is_not_begun_twice(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping, "PATIENCE_SECONDS", 0.05)
        source = Source()
        kept = Kept("test", source.read)
        await kept.refresh()
        source.open.clear()
        await asyncio.wait_for(asyncio.gather(kept.refresh(), kept.refresh()), 30)
        await asyncio.wait_for(kept.refresh(), 30)
        assert (source.asked, kept.figures, kept.is_current) == (2, 1, False)
        source.open.set()
        await eventually(lambda: kept.is_current)
        assert kept.figures == 2

    async def test_who_goes_away_does_not_take_the_reading_along(self) -> None:
        source = Source()
        source.open.clear()
        kept = Kept("test", source.read)
        scrape = asyncio.create_task(kept.refresh())
        await eventually(lambda: source.asked == 1)
        scrape.cancel()
        await asyncio.gather(scrape, return_exceptions=True)
        source.open.set()
        await eventually(lambda: kept.figures == 1)

    async def test_one_that_never_ends_is_given_up_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keeping, "PATIENCE_SECONDS", 0.01)
        monkeypatch.setattr(keeping, "LONGEST_SECONDS", 0.05)
        source = Source()
        source.open.clear()
        kept = Kept("test", source.read)
        await kept.refresh()
        first = kept._reading
        assert first is not None
        await eventually(first.done)
        await kept.refresh()
        assert source.asked == 2
        await kept.close()

    async def test_closing_ends_what_is_under_way(self) -> None:
        source = Source()
        source.open.clear()
        kept = Kept("test", source.read)
        scrape = asyncio.create_task(kept.refresh())
        await eventually(lambda: source.asked == 1)
        await kept.close()
        await asyncio.wait_for(scrape, 30)
        assert kept.figures is None
        await kept.close()
