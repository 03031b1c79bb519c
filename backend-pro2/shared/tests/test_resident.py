"""Warm children: what they keep, when they are replaced, who waits, and that none is left over."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.compute import ComputeBusy, ComputeFailed, ResidentPool
from shared.testing.processes import gone, is_alive, started

JOBS = "shared.testing.jobs:"


@pytest.fixture
async def pool() -> AsyncIterator[ResidentPool]:
    pool = ResidentPool(("shared.testing.jobs",))
    yield pool
    await pool.close()


class Loads:
    """What is loaded, counted."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> dict[str, Any]:
        self.count += 1
        return {"value": 1}


async def run(
    pool: ResidentPool, name: str, job: dict[str, Any] | None = None, load: Loads | None = None, **limits: Any
) -> dict[str, Any]:
    job = {"key": "a", **(job or {})}
    limits = {"timeout_seconds": 10, "memory_mb": 512, **limits}
    return await pool.run(JOBS + name, job, key=job["key"], load=load or Loads(), **limits)


class TestWarmth:
    async def test_one_child_answers_many_jobs_and_loads_once(self, pool: ResidentPool) -> None:
        load = Loads()
        answers = [await run(pool, "keep", load=load) for _ in range(5)]
        assert [answer["asked"] for answer in answers] == [1, 2, 3, 4, 5]
        assert len({answer["pid"] for answer in answers}) == 1
        assert load.count == 1

    async def test_each_key_is_loaded_and_what_was_dropped_is_loaded_again(self, pool: ResidentPool) -> None:
        load = Loads()
        for key in ("a", "b", "a", "b"):
            await run(pool, "keep", {"key": key}, load)
        assert load.count == 2
        await run(pool, "drop")
        assert (await run(pool, "keep", load=load))["asked"] == 1
        assert load.count == 3

    async def test_jobs_go_to_the_child_that_knows_their_key(self) -> None:
        pool = ResidentPool(("shared.testing.jobs",), size=2)
        slow = {"seconds": 1.0}
        first = await asyncio.gather(*(run(pool, "keep", {"key": key, **slow}) for key in "ab"))
        again = [await run(pool, "keep", {"key": key}) for key in "baab"]
        await pool.close()
        a, b = (answer["pid"] for answer in first)
        assert a != b
        assert [answer["pid"] for answer in again] == [b, a, a, b]


class TestReplacement:
    @pytest.mark.parametrize(
        ("name", "code", "limits"),
        [
            ("die", "crashed", {}),
            ("spin", "timeout", {"timeout_seconds": 0.3}),
            ("hog", "out_of_memory", {"memory_mb": 128}),
        ],
    )
    async def test_a_child_that_ends_is_replaced(
        self, pool: ResidentPool, name: str, code: str, limits: dict[str, Any]
    ) -> None:
        before = await run(pool, "keep")
        with pytest.raises(ComputeFailed) as failure:
            await run(pool, name, **limits)
        assert failure.value.code == code
        after = await run(pool, "keep")
        assert after["asked"] == 1
        assert after["pid"] != before["pid"]
        assert await gone(before["pid"])

    @pytest.mark.parametrize(("name", "code"), [("refuse", "bad_column"), ("stumble", "internal_error")])
    async def test_an_error_leaves_the_child_in_place(self, pool: ResidentPool, name: str, code: str) -> None:
        before = await run(pool, "keep")
        with pytest.raises(ComputeFailed) as failure:
            await run(pool, name)
        assert failure.value.code == code
        assert (await run(pool, "keep"))["pid"] == before["pid"]

    async def test_a_child_is_replaced_after_so_many_jobs(self) -> None:
        pool = ResidentPool(("shared.testing.jobs",), jobs=2)
        pids = [(await run(pool, "keep"))["pid"] for _ in range(4)]
        await pool.close()
        assert pids[0] == pids[1] != pids[2] == pids[3]

    async def test_a_child_that_has_grown_is_replaced(self, pool: ResidentPool) -> None:
        grown = await run(pool, "grow", {"megabytes": 80}, memory_mb=130)
        assert (await run(pool, "keep"))["pid"] != grown["pid"]
        assert await gone(grown["pid"])

    async def test_one_that_died_between_jobs_costs_nobody_an_answer(self, pool: ResidentPool) -> None:
        before = await run(pool, "keep")
        os.kill(before["pid"], signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert (await run(pool, "keep"))["asked"] == 1


class TestQueue:
    async def test_more_jobs_than_may_wait_are_refused(self) -> None:
        pool = ResidentPool(("shared.testing.jobs",), waiting=1)
        await run(pool, "keep")
        slow = {"seconds": 1.0}
        running, waiting = (asyncio.create_task(run(pool, "keep", slow)) for _ in range(2))
        await asyncio.sleep(0.1)
        with pytest.raises(ComputeBusy):
            await run(pool, "keep")
        assert [(await running)["asked"], (await waiting)["asked"]] == [2, 3]
        await pool.close()

    async def test_one_that_gives_up_frees_its_place(self, pool: ResidentPool) -> None:
        before = await run(pool, "keep")
        task = asyncio.create_task(run(pool, "keep", {"seconds": 60}))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await gone(before["pid"])
        assert (await run(pool, "keep"))["asked"] == 1


class TestEnds:
    async def test_closing_the_pool_leaves_nothing(self) -> None:
        pool = ResidentPool(("shared.testing.jobs",), size=2)
        idle = await run(pool, "keep")
        busy = asyncio.create_task(run(pool, "keep", {"seconds": 60}))
        await asyncio.sleep(0.2)
        await pool.close()
        with pytest.raises(ComputeFailed, match="crashed"):
            await busy
        assert await gone(idle["pid"])

    async def test_children_die_with_a_killed_parent(self) -> None:
        script = (
            "import asyncio\nfrom shared.compute import ResidentPool\n"
            "async def load(): return {'value': 1}\n"
            "async def main():\n"
            " pool = ResidentPool()\n"
            f" answer = await pool.run('{JOBS}keep', {{'key': 'a'}}, key='a', load=load,"
            " timeout_seconds=9, memory_mb=512)\n"
            " print(answer['pid'], flush=True)\n"
            " await asyncio.sleep(60)\n"
            "asyncio.run(main())"
        )
        parent = started(script)
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_alive(pid)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        assert await gone(pid)
