"""The process itself: its loop, its disk, and whether it can serve."""

import asyncio
import time
from pathlib import Path

import pytest

from shared.errors import ServiceUnavailable
from shared.health import Health, Probe
from shared.metrics import process as module
from shared.metrics.process import ServiceFigures, add_disks, add_readiness, instance_name, watched_loop
from shared.metrics.readings import Readings
from shared.testing.counting import Moved
from shared.version import VERSION


async def values(readings: Readings) -> dict[tuple[str, ...], float]:
    families = await readings.collect()
    return {(family.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def test_a_loop_that_is_held_up_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.01)
    moved = Moved()
    async with watched_loop():
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - that is what is to be seen
        async with asyncio.timeout(30):
            while not moved("event_loop_lag_seconds_count"):  # noqa: ASYNC110 - an instrument tells nobody
                await asyncio.sleep(0.01)
    assert moved("event_loop_lag_seconds_sum") >= 0.2


async def test_disks_are_those_of_the_cache_even_before_it_is_there(tmp_path: Path) -> None:
    readings = Readings()
    add_disks(readings, tmp_path / "not" / "yet" / "cache")
    found = await values(readings)
    for place in ("scratch", "cache"):
        assert 0 < found["disk_free_bytes", place] <= found["disk_size_bytes", place]


@pytest.mark.parametrize(("is_away", "draining", "ready"), [(False, False, 1), (True, False, 0), (False, True, 0)])
async def test_it_is_ready_as_its_own_answer_says(is_away: bool, draining: bool, ready: int) -> None:
    async def check() -> None:
        if is_away:
            raise ServiceUnavailable("away")

    readings = Readings()
    add_readiness(readings, Health("s", VERSION, "p", [Probe("postgres", True, check)], draining).is_ready)
    assert await values(readings) == {("service_ready",): ready}


def test_a_process_tells_who_it_is_and_when_it_stops() -> None:
    draining = False
    figures = ServiceFigures("data-service", "pro1", lambda: draining)
    info, before = figures.collect()
    (sample,) = info.samples
    assert sample.labels == {
        "service": "data-service",
        "version": VERSION,
        "project": "pro1",
        "instance": instance_name(),
    }
    draining = True
    _, after = figures.collect()
    assert [family.samples[0].value for family in (before, after)] == [0, 1]
