"""What tasks do while PostgreSQL or Redis is away: wait, and lose nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.redis_client import RedisClient
from shared.resources import Resources
from shared.tasks import TaskEvent, TaskLedger, TaskStatus
from shared.tasks.doorbell import Doorbell
from shared.tasks.wakes import TaskWakes
from shared.testing.project import Workspace
from shared.testing.proxy import Proxy
from shared.testing.submission import submit, until
from shared.testing.worker_process import WorkerProcess

pytestmark = pytest.mark.integration


async def test_a_worker_outlives_its_database_and_fails_nothing(
    resources: Resources, workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    async with Proxy.before(settings.database_url.get_secret_value()) as (proxy, url):
        through = settings.model_copy(update={"database_url": SecretStr(url)})
        worker = WorkerProcess(through, tmp_path, TASK_LEASE_SECONDS="2")
        try:
            await asyncio.to_thread(worker.start)
            during = await submit(resources, workspace, "note", path=str(tmp_path / "during"), seconds=2)
            await until(resources, during, TaskStatus.RUNNING)
            proxy.cut()
            waiting = await submit(resources, workspace, "note", path=str(tmp_path / "waiting"))
            await asyncio.sleep(4)
            assert (await resources.ledger.read(during.id, workspace.owner)).status == "running"
            proxy.restore()
            for task in (during, waiting):
                await until(resources, task, TaskStatus.SUCCEEDED)
        finally:
            worker.kill()
    assert (tmp_path / "waiting").read_text().count("end") == 1


async def test_tasks_run_without_redis(
    resources: Resources, workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    async with Proxy.before(settings.redis_url.get_secret_value()) as (proxy, url):
        worker = WorkerProcess(settings.model_copy(update={"redis_url": SecretStr(url)}), tmp_path)
        try:
            await asyncio.to_thread(worker.start)
            await asyncio.to_thread(worker.wait_for, lambda: " ready." in worker.log, 30)
            proxy.cut()
            task = await submit(resources, workspace, "note", path=str(tmp_path / "notes"))
            await until(resources, task, TaskStatus.SUCCEEDED)
            # Once the broker is back, its messages are heard again.
            before = worker.count("Connected to redis")
            proxy.restore()
            await asyncio.to_thread(worker.wait_for, lambda: worker.count("Connected to redis") > before, 30)
        finally:
            worker.kill()


async def test_a_ring_without_broker_is_soon_given_up(settings: Settings) -> None:
    doorbell = Doorbell(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    started = time.monotonic()
    await doorbell.ring("test", uuid4())
    first = time.monotonic() - started
    for _ in range(20):
        await doorbell.ring("test", uuid4())
    doorbell.close()
    assert first < 15
    assert time.monotonic() - started - first < 10 * first


async def test_waiting_works_without_redis(resources: Resources, workspace: Workspace, settings: Settings) -> None:
    away = RedisClient(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    ledger = TaskLedger(resources.database, away, settings)
    task = await submit(resources, workspace)
    waiting = asyncio.create_task(ledger.wait(task.id, workspace.owner, 20))
    await asyncio.sleep(0.2)
    await resources.ledger.cancel(task.id, workspace.owner)
    assert (await asyncio.wait_for(waiting, 30)).status == "cancelled"
    await ledger.close()
    await away.close()


async def test_a_stream_waits_for_its_database(resources: Resources, workspace: Workspace, settings: Settings) -> None:
    task = await submit(resources, workspace)
    async with Proxy.before(settings.database_url.get_secret_value()) as (proxy, url):
        database = Database(settings.model_copy(update={"database_url": SecretStr(url)}))
        ledger = TaskLedger(database, resources.redis, settings)
        stream = ledger.events(task.id, workspace.owner, 0)
        assert (await anext(stream)).sequence == 1
        proxy.cut()
        rest = asyncio.create_task(_next(stream))
        await resources.ledger.cancel(task.id, workspace.owner)
        await asyncio.sleep(0.5)
        assert not rest.done()
        proxy.restore()
        assert (await asyncio.wait_for(rest, 30)).data["status"] == "cancelled"
        await stream.aclose()
        await ledger.close()
        await database.close()


async def test_wakes_resume_after_an_interruption(settings: Settings, resources: Resources) -> None:
    async with Proxy.before(settings.redis_url.get_secret_value()) as (proxy, url):
        redis = RedisClient(settings.model_copy(update={"redis_url": SecretStr(url)}))
        wakes, task_id, woken = TaskWakes(redis), uuid4(), asyncio.Event()
        with wakes.watching(task_id, woken.set):
            await wakes.ready()
            proxy.cut()
            await asyncio.sleep(0.2)
            proxy.restore()
            async with asyncio.timeout(30):
                while not woken.is_set():
                    await resources.redis.publish("tasks", str(task_id))
                    await resources.redis.publish("tasks", "rubbish")
                    await asyncio.sleep(0.1)
        await wakes.close()
        await redis.close()


async def _next(stream: AsyncIterator[TaskEvent]) -> TaskEvent:
    return await anext(stream)


async def test_a_worker_starts_and_stops_without_redis(
    resources: Resources, workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    task = await submit(resources, workspace, "note", path=str(tmp_path / "notes"))
    worker = WorkerProcess(away, tmp_path)
    try:
        await asyncio.to_thread(worker.start)
        await until(resources, task, TaskStatus.SUCCEEDED)
        started = time.monotonic()
        await asyncio.to_thread(worker.stop)
        assert time.monotonic() - started < 30
    finally:
        worker.kill()
