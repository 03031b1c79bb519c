"""Computing children: answers, limits, cancellation, and what a child may know."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.compute import ComputeFailed, ComputePool, Progress, memory
from shared.compute.memory import _family, _portable_bytes, adds_more, held_bytes, holds_more
from shared.testing.patience import eventually
from shared.testing.processes import gone, is_alive, started

JOBS = "shared.testing.jobs:"


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ComputePool]:
    pool = ComputePool(("shared.testing.jobs",))
    await pool.run(JOBS + "echo", {}, timeout_seconds=20, memory_mb=256)
    yield pool
    await pool.close()


async def run(pool: ComputePool, name: str, job: dict[str, Any] | None = None, **limits: Any) -> dict[str, Any]:
    return await pool.run(JOBS + name, job or {}, **{"timeout_seconds": 10, "memory_mb": 512, **limits})


class Sleeper:
    """A sleeping child and its grandchild."""

    def __init__(self, pool: ComputePool) -> None:
        self.pids: tuple[int, int] = (0, 0)
        self._begun = asyncio.Event()
        job = {"seconds": 60}
        self.task = asyncio.create_task(
            pool.run(JOBS + "sleep", job, timeout_seconds=90, memory_mb=512, on_progress=self._note)
        )

    async def begun(self) -> None:
        await asyncio.wait_for(self._begun.wait(), 30)

    async def _note(self, progress: Progress) -> None:
        self.pids = (progress.done, progress.total)
        self._begun.set()


class TestAnswers:
    async def test_the_answer_is_what_the_function_returned(self, pool: ComputePool) -> None:
        job = {"text": "Grüße", "numbers": [1, 2.5, None, True], "deep": {"a": [{}]}}
        assert await run(pool, "echo", job) == job

    async def test_progress_arrives_in_order(self, pool: ComputePool) -> None:
        seen: list[Progress] = []

        async def note(progress: Progress) -> None:
            seen.append(progress)

        assert await run(pool, "count", {"steps": 3}, on_progress=note) == {"steps": 3}
        assert seen == [Progress(n, 3, f"step {n}") for n in (1, 2, 3)]

    async def test_jobs_run_side_by_side(self, pool: ComputePool) -> None:
        started = time.monotonic()
        await asyncio.gather(*(run(pool, "sleep", {"seconds": 2}) for _ in range(5)))
        assert time.monotonic() - started < 9

    async def test_a_big_answer_crosses_whole(self, pool: ComputePool) -> None:
        job = {"rows": ["x" * 1000] * 5000}
        assert await run(pool, "echo", job) == job


class TestFailures:
    @pytest.mark.parametrize(
        ("name", "code", "limits"),
        [
            ("refuse", "bad_column", {}),
            ("stumble", "internal_error", {}),
            ("overflow", "disk_full", {}),
            ("repeat", "disk_full", {}),
            ("die", "crashed", {}),
            ("flood", "answer_too_large", {"memory_mb": 1024}),
            ("grab", "out_of_memory", {}),
            ("hog", "out_of_memory", {"memory_mb": 128}),
            ("spin", "timeout", {"timeout_seconds": 0.3}),
        ],
    )
    async def test_each_way_to_fail_has_its_code(
        self, pool: ComputePool, name: str, code: str, limits: dict[str, Any]
    ) -> None:
        with pytest.raises(ComputeFailed) as failure:
            await run(pool, name, **limits)
        assert failure.value.code == code
        assert await run(pool, "echo", {"still": "alive"}) == {"still": "alive"}

    async def test_a_bug_does_not_tell_its_traceback(self, pool: ComputePool) -> None:
        with pytest.raises(ComputeFailed) as failure:
            await run(pool, "stumble")
        assert "division" not in failure.value.detail

    async def test_the_memory_of_grandchildren_counts(self) -> None:
        code = "import subprocess,sys,time; subprocess.Popen([sys.executable,'-c','import time;b=bytearray(90<<20);"
        parent = started(code + "time.sleep(30)']); time.sleep(30)")
        try:
            await eventually(lambda: held_bytes(parent.pid) > 90 * 1024 * 1024)
            assert _portable_bytes(parent.pid) > 90 * 1024 * 1024
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
            parent.communicate()
        assert held_bytes(parent.pid) == _portable_bytes(parent.pid) == 0
        assert not holds_more(parent.pid, 0)

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells what processes share")
    async def test_what_forks_share_counts_once(self) -> None:
        code = "import os,time; b=bytearray(90<<20); child=os.fork(); c=bytearray(20<<20 if child else 40<<20);"
        code += "time.sleep(30)"
        parent = started(code)
        megabyte = 1024 * 1024
        try:
            await eventually(lambda: held_bytes(parent.pid) > 235 * megabyte)
            (child,) = list(_family(parent.pid))[1:]
            # The last pages may not be written yet.
            await eventually(lambda: holds_more(parent.pid, 145 * megabyte) and adds_more(child, 35 * megabyte))
            assert not holds_more(parent.pid, 190 * megabyte)
            assert not adds_more(child, 60 * megabyte)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
            parent.communicate()

    def test_where_nobody_tells_what_is_shared_all_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "_TELLS", False)
        monkeypatch.setattr(memory, "_sum_of", lambda *_: 0)
        here = os.getpid()
        for more in (holds_more, adds_more):
            assert more(here, 1024 * 1024)
            assert not more(here, 2**40)

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells what processes share")
    def test_of_a_process_of_which_we_may_not_know_it_all_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = memory._sum_of
        monkeypatch.setattr(memory, "_sum_of", lambda file, names: None if "smaps" in file.name else told(file, names))
        assert adds_more(os.getpid(), 1024 * 1024)
        assert not adds_more(os.getpid(), 2**40)


class TestEnds:
    async def test_cancelling_kills_the_whole_group(self, pool: ComputePool) -> None:
        sleeper = Sleeper(pool)
        await sleeper.begun()
        started = time.monotonic()
        sleeper.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper.task
        assert await gone(*sleeper.pids)
        assert time.monotonic() - started < 15

    async def test_a_dead_server_is_replaced(self) -> None:
        pool = ComputePool()
        sleeper = Sleeper(pool)
        await sleeper.begun()
        assert pool._server is not None
        pool._server.kill()
        with pytest.raises(ComputeFailed, match="crashed"):
            await sleeper.task
        assert await gone(sleeper.pids[0])
        assert await run(pool, "echo", {"n": 1}) == {"n": 1}
        await pool.close()

    async def test_closing_the_pool_leaves_nothing(self) -> None:
        pool = ComputePool()
        sleeper = Sleeper(pool)
        await sleeper.begun()
        await pool.close()
        with pytest.raises(ComputeFailed, match="crashed"):
            await sleeper.task
        assert await gone(*sleeper.pids)

    async def test_children_die_with_a_killed_parent(self) -> None:
        script = (
            "import asyncio,sys\nfrom shared.compute import ComputePool\n"
            "async def note(p): print(p.done, p.total, flush=True)\n"
            f"asyncio.run(ComputePool().run('{JOBS}sleep', {{'seconds': 60}}, timeout_seconds=90, memory_mb=512,"
            " on_progress=note))"
        )
        parent = started(script)
        assert parent.stdout is not None
        pids = [int(pid) for pid in (await asyncio.to_thread(parent.stdout.readline)).split()]
        assert all(map(is_alive, pids))
        parent.kill()
        parent.wait()
        parent.stdout.close()
        assert await gone(*pids)


class TestSecrets:
    async def test_a_child_sees_no_secret_of_its_parent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET_KEY", "canary-of-the-parent")
        pool = ComputePool(threads=3)
        seen = await run(pool, "environment")
        await pool.close()
        assert "canary" not in str(seen)
        assert seen["visible"]["OMP_NUM_THREADS"] == "3"
        assert seen["visible"]["OPENBLAS_NUM_THREADS"] == "1", (
            "each child would make threads of its own with its first call"
        )
