"""Computing children are counted as they come, as they go, and by what they died of."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.compute import ComputeFailed, ComputePool, ResidentPool
from shared.testing.counting import Moved
from shared.testing.patience import eventually

JOBS = "shared.testing.jobs:"
DEATHS = "compute_child_deaths_total"


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ComputePool]:
    pool = ComputePool(("shared.testing.jobs",))
    await pool.run(JOBS + "echo", {}, timeout_seconds=20, memory_mb=256)
    yield pool
    await pool.close()


async def run(pool: ComputePool, name: str, job: dict[str, Any] | None = None, **limits: Any) -> dict[str, Any]:
    return await pool.run(JOBS + name, job or {}, **{"timeout_seconds": 10, "memory_mb": 512, **limits})


async def test_an_answer_is_no_death(pool: ComputePool) -> None:
    moved = Moved()
    await run(pool, "echo")
    assert moved("compute_children_started_total") == 1
    assert moved("compute_children") == 0
    assert moved.of(DEATHS, "reason") == {}


@pytest.mark.parametrize(
    ("name", "deaths", "limits"),
    [
        ("refuse", {}, {}),
        ("stumble", {}, {}),
        ("die", {"crashed": 1}, {}),
        ("flood", {"answer_too_large": 1}, {"memory_mb": 1024}),
        ("grab", {"out_of_memory": 1}, {}),
        ("hog", {"out_of_memory": 1}, {"memory_mb": 128}),
        ("spin", {"timeout": 1}, {"timeout_seconds": 0.3}),
    ],
)
async def test_each_death_has_its_reason(
    pool: ComputePool, name: str, deaths: dict[str, float], limits: dict[str, Any]
) -> None:
    moved = Moved()
    with pytest.raises(ComputeFailed):
        await run(pool, name, **limits)
    assert moved.of(DEATHS, "reason") == deaths
    assert moved("compute_children") == 0


async def test_who_gives_up_kills_a_child(pool: ComputePool) -> None:
    moved = Moved()
    work = asyncio.create_task(run(pool, "sleep", {"seconds": 60}, timeout_seconds=90))
    await eventually(lambda: moved("compute_children") == 1)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert moved.of(DEATHS, "reason") == {"cancelled": 1}
    assert moved("compute_children") == 0


async def test_a_child_leaves_once(pool: ComputePool) -> None:
    moved, child = Moved(), await pool.fork()
    for _ in range(2):
        await child.leave()
    assert (moved("compute_children_started_total"), moved("compute_children")) == (1, 0)


async def test_spares_are_there_and_their_end_is_no_death() -> None:
    moved = Moved()
    pool = ComputePool(("shared.testing.jobs",), spares=2)
    await pool.open()
    await eventually(lambda: moved("compute_children") == 2)
    await pool.close()
    assert moved("compute_children") == 0
    assert moved("compute_children_started_total") == 2
    assert moved.of(DEATHS, "reason") == {}


async def test_residents_too() -> None:
    async def load() -> dict[str, Any]:
        return {"value": 1}

    moved = Moved()
    residents = ResidentPool(("shared.testing.jobs",))
    limits = {"key": "k", "load": load, "timeout_seconds": 20.0, "memory_mb": 256}
    await residents.run(JOBS + "keep", {"key": "k"}, **limits)  # type: ignore[arg-type]
    assert moved("compute_children") == 1
    with pytest.raises(ComputeFailed):
        await residents.run(JOBS + "die", {}, **limits)  # type: ignore[arg-type]
    assert (moved("compute_children"), moved.of(DEATHS, "reason")) == (0, {"crashed": 1})
    await residents.close()
