"""Figures that are asked for when somebody scrapes: not too often, not for too long, and none harms the others."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import Metric

from shared.metrics import readings as module
from shared.metrics.exposition import Exposition
from shared.metrics.families import Family
from shared.metrics.readings import Readings
from shared.testing.log_lines import lines_of

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
FIGURE = Family("gauge", "figure", "A figure.", ("place",))


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Source:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.fails = False

    async def read(self) -> Sequence[Metric]:
        self.reads += 1
        if self.fails:
            raise OSError("away")
        return [FIGURE.of({("here",): self.reads})]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


async def values(readings: Readings) -> list[float]:
    return [sample.value for family in await readings.collect() for sample in family.samples]


async def test_it_is_not_read_again_before_its_pause_is_over(clock: Clock) -> None:
    source, readings = Source(), Readings()
    readings.add("source", source.read, 15)
    assert (await values(readings), await values(readings)) == ([1], [1])
    clock.now += 15
    assert await values(readings) == [2]


async def test_many_who_ask_at_once_are_told_of_one_reading(clock: Clock) -> None:
    source, readings = Source(), Readings()
    readings.add("source", source.read, 15)
    assert await asyncio.gather(*(values(readings) for _ in range(5))) == [[1]] * 5


async def test_one_that_fails_gives_nothing_and_the_others_are_told(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, readings = Source(), Source(), Readings()
    bad.fails = True
    readings.add("bad", bad.read, 3600)
    readings.add("good", good.read, 3600)
    lines = lines_of(module, monkeypatch)
    assert (await values(readings), await values(readings)) == ([1], [1])
    assert [(line["event"], line["reading"]) for line in lines] == [("reading_failed", "bad")]
    bad.fails, clock.now = False, module.AGAIN_SECONDS
    assert await values(readings) == [2, 1]


async def test_one_that_hangs_is_given_up(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs() -> Sequence[Metric]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.01)
    good, readings = Source(), Readings()
    readings.add("hanging", hangs, 5)
    readings.add("good", good.read, 5)
    assert await values(readings) == [1]


async def test_all_of_it_stands_in_one_answer_in_the_format_asked_for() -> None:
    registry, readings = CollectorRegistry(), Readings()
    Counter("done", "Done.", registry=registry).inc()
    readings.add("source", Source().read, 5)
    exposition = Exposition(registry, readings)
    plain, plain_type = await exposition.render("")
    for line in (b"done_total 1.0\n", b'figure{place="here"} 1.0\n', b"db_pool_waiting "):
        assert line in plain
    assert b"_created" not in plain
    assert plain_type.startswith("text/plain; version=0.0.4")
    opened, open_type = await exposition.render(OPENMETRICS)
    assert opened.endswith(b"# EOF\n")
    assert open_type.startswith("application/openmetrics-text; version=1.0.0")
