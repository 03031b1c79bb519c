"""Several processes of a service, as they are really served: whoever of them is asked tells of all."""

import asyncio
import os
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from shared.metrics.siblings import FOLDER_VARIABLE
from shared.testing.patience import eventually
from shared.testing.served import serving

WORKERS = 3
REQUESTS = 60
HEALTH = re.compile(r'^http_requests_total\{method="GET",path="/health",status="200"\} (\S+)$', re.MULTILINE)
READY_SECONDS = 60


class Served:
    """The processes, asked on a new connection each time, which any of them may take."""

    def __init__(self, process: Process, port: int) -> None:
        self.parent = process
        self._base = f"http://127.0.0.1:{port}"

    def workers(self) -> set[int]:
        """Without Python's own helper of processes that share something."""
        return {child.pid for child in psutil.Process(self.parent.pid).children() if is_worker(child)}

    async def get(self, path: str) -> str:
        async with httpx.AsyncClient(base_url=self._base, timeout=30) as client:
            answer = await client.get(path)
        assert answer.status_code == 200
        return answer.text

    async def ask(self, requests: int) -> None:
        for _ in range(requests):
            await self.get("/health")

    async def counted(self) -> float:
        found = HEALTH.search(await self.get("/metrics"))
        return float(found[1]) if found else 0.0

    async def settles_at(self, number: int) -> None:
        """Whoever is asked, it is told; what others counted in the last second may still be missing."""
        agreed = 0
        async with asyncio.timeout(READY_SECONDS):
            while agreed < 3 * WORKERS:
                agreed = agreed + 1 if await self.counted() == number else 0
        assert agreed


def is_worker(child: psutil.Process) -> bool:
    try:
        return any("spawn_main" in word for word in child.cmdline())
    except psutil.Error:
        return False


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(HTTP_WORKERS=str(WORKERS)) as (process, port):
        served = Served(process, port)
        await eventually(lambda: len(served.workers()) == WORKERS)
        await served.get("/health")
        yield served
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), READY_SECONDS)


async def test_sums_are_true_and_outlive_a_killed_process(served: Served) -> None:
    await served.ask(REQUESTS - 1)
    await served.settles_at(REQUESTS)
    before = served.workers()
    victim = before.pop()
    os.kill(victim, signal.SIGKILL)
    while len(served.workers() - {victim}) < WORKERS:
        assert await served.counted() >= REQUESTS
    for _ in range(5 * WORKERS):
        assert await served.counted() >= REQUESTS
    assert before < served.workers()
    await served.ask(REQUESTS)
    await served.settles_at(2 * REQUESTS)


async def test_figures_of_processes_are_of_all_of_them(served: Served) -> None:
    memory = re.compile(r"^process_resident_memory_bytes (\S+)$", re.MULTILINE)
    infos = re.compile(r"^service_info\{", re.MULTILINE)

    async def told() -> bool:
        text = await served.get("/metrics")
        everything = sum(psutil.Process(pid).memory_info().rss for pid in served.workers())
        found = memory.search(text)
        return found is not None and 0.8 < float(found[1]) / everything < 1.2 and len(infos.findall(text)) == WORKERS

    async with asyncio.timeout(READY_SECONDS):
        while not await told():  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.2)


async def test_workers_end_with_a_killed_parent(served: Served) -> None:
    workers = served.workers()
    (folder,) = {Path(psutil.Process(pid).environ()[FOLDER_VARIABLE]) for pid in workers}
    served.parent.kill()
    await served.parent.wait()
    # Also those that are not even ready yet.
    await eventually(lambda: not any(psutil.pid_exists(pid) for pid in workers))
    await eventually(lambda: not folder.exists())
