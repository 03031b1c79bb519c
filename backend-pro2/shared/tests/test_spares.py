"""Children forked ahead: who is given a job, what becomes of those that die, and that none is left over."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.compute import ComputeFailed, ComputePool
from shared.testing.patience import eventually
from shared.testing.processes import gone

JOBS = "shared.testing.jobs:"


@pytest.fixture
async def pool() -> AsyncIterator[ComputePool]:
    pool = ComputePool(("shared.testing.jobs",), spares=2)
    await pool.open()
    await eventually(lambda: len(waiting(pool)) == 2, 30)
    yield pool
    await pool.close()


def waiting(pool: ComputePool) -> list[int]:
    return [child.pid for child in pool._spares._children if child.pid is not None]


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


async def run(pool: ComputePool, name: str, job: dict[str, Any] | None = None, **limits: Any) -> dict[str, Any]:
    return await pool.run(JOBS + name, job or {}, **{"timeout_seconds": 10, "memory_mb": 512, **limits})


async def test_a_job_goes_to_one_that_waits_and_another_one_follows(pool: ComputePool) -> None:
    before = waiting(pool)
    answers = [await run(pool, "keep", {"key": "a", "value": 1}) for _ in range(2)]
    assert [answer["pid"] for answer in answers] == before
    # Each has had one job: nothing that it kept is there for another one.
    assert [answer["asked"] for answer in answers] == [1, 1]
    await eventually(lambda: len(waiting(pool)) == 2, 30)
    assert set(waiting(pool)).isdisjoint(before)
    assert await gone(*before)


async def test_its_name_says_whether_it_works(pool: ComputePool) -> None:
    first, second = waiting(pool)
    slow = asyncio.create_task(run(pool, "keep", {"key": "a", "value": 1, "seconds": 60}, timeout_seconds=90))
    await eventually(lambda: name_of(first) == "compute-working", 30)
    assert name_of(second) == "compute-waiting"
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    assert await gone(first)


async def test_one_that_waits_for_long_rehearses_and_one_that_is_asked_at_once_does_not(pool: ComputePool) -> None:
    async def has_rehearsed() -> bool:
        await asyncio.sleep(0.5)
        answer = await run(pool, "rehearsed")
        return bool(answer["pids"] == [answer["pid"]])

    assert any([await has_rehearsed() for _ in range(10)])
    hurried = ComputePool(("shared.testing.jobs",))
    answers = [await run(hurried, "rehearsed") for _ in range(5)]
    await hurried.close()
    assert [] in [answer["pids"] for answer in answers]


@pytest.mark.parametrize(
    ("name", "code", "limits"),
    [
        ("die", "crashed", {}),
        ("spin", "timeout", {"timeout_seconds": 0.3}),
        ("hog", "out_of_memory", {"memory_mb": 128}),
    ],
)
async def test_limits_hold_for_it(pool: ComputePool, name: str, code: str, limits: dict[str, Any]) -> None:
    with pytest.raises(ComputeFailed) as failure:
        await run(pool, name, **limits)
    assert failure.value.code == code


async def test_its_time_is_watched_from_when_it_is_asked(pool: ComputePool) -> None:
    idle = {"key": "a", "value": 1, "seconds": 8}
    with pytest.raises(ComputeFailed, match="timeout"):
        await run(pool, "keep", idle, timeout_seconds=0.3)


async def test_those_that_died_meanwhile_cost_nobody_an_answer(pool: ComputePool) -> None:
    dead = waiting(pool)
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not any(child.is_waiting for child in pool._spares._children), 30)
    assert (await run(pool, "keep", {"key": "a", "value": 1}))["pid"] not in dead


async def test_they_die_with_the_server_and_a_new_one_takes_its_place(pool: ComputePool) -> None:
    dead = waiting(pool)
    assert pool._server is not None
    pool._server.kill()
    assert await gone(*dead)
    await eventually(lambda: not any(child.is_waiting for child in pool._spares._children), 30)
    assert await run(pool, "echo", {"n": 1}) == {"n": 1}
    await eventually(lambda: len(waiting(pool)) == 2, 30)


async def test_closing_ends_those_that_wait_and_those_that_come_up() -> None:
    pool = ComputePool(("shared.testing.jobs",), spares=3)
    await pool.open()
    await eventually(lambda: len(waiting(pool)) >= 1, 30)
    pids = waiting(pool)
    await pool.close()
    assert await gone(*pids)
    assert waiting(pool) == []
