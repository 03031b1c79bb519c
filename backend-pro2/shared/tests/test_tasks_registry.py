"""The rows of workers: who is there, what they run for whom, and how those that are gone disappear."""

import asyncio

import pytest

from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import TaskRun, TaskStatus, worker_registry
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.tasks.worker_name import worker_name
from shared.tasks.worker_registry import Entry, Worker
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, submit, until
from shared.version import VERSION

pytestmark = pytest.mark.integration


def entry(name: str) -> Entry:
    return Entry(name, new_id(), "test-service", {"test": 2}, "1.0")


async def put(resources: Resources, name: str, age: str = "0 s") -> None:
    async with resources.database.transaction() as session:
        await worker_registry.put(session, entry(name), is_draining=False)
        sql = "UPDATE task_workers SET seen_at = now() - $2::text::interval WHERE name = $1"
        await session.execute(sql, name, age)


async def known(resources: Resources, seconds: float = 10**6) -> list[Worker]:
    async with resources.database.transaction(read_only=True) as session:
        return await worker_registry.workers(session, seen_within_seconds=seconds)


async def test_a_worker_keeps_its_id_and_start_while_its_state_changes(resources: Resources) -> None:
    async with resources.database.transaction() as session:
        await worker_registry.put(session, entry("one"), is_draining=False)
    [first] = await known(resources)
    async with resources.database.transaction() as session:
        await worker_registry.put(session, entry("one"), is_draining=True)
    [second] = await known(resources)
    assert (first.queues, first.is_draining, second.is_draining) == ({"test": 2}, False, True)
    assert (second.id, second.started_at) == (first.id, first.started_at)
    assert second.seen_at > first.seen_at


async def test_only_those_heard_of_lately_are_listed(resources: Resources) -> None:
    await put(resources, "fresh")
    await put(resources, "silent", "40 s")
    assert [worker.name for worker in await known(resources, worker_registry.SILENT_SECONDS)] == ["fresh"]
    assert len(await known(resources)) == 2


async def test_a_worker_comes_leaves_and_clears_away_the_dead(resources: Resources, workspace: Workspace) -> None:
    own = worker_name("test-service")
    await put(resources, own.rpartition(":")[0] + ":1")
    await put(resources, "test-service@elsewhere:1:1")
    await put(resources, "test-service@elsewhere:2:2", "25 hours")
    going_on = asyncio.Event()

    async def wait(_: TaskRun) -> None:
        await going_on.wait()

    task = await submit(resources, workspace)
    runtime = WorkerRuntime(WorkerPlan("test-service", {QUEUE: 1}, {"compute": wait}), resources)
    working = asyncio.create_task(runtime.run())
    running = await until(resources, task, TaskStatus.RUNNING)
    await asyncio.sleep(0.2)
    there = {worker.name: worker for worker in await known(resources)}
    assert there.keys() == {own, "test-service@elsewhere:1:1"}
    assert (there[own].queues, there[own].version, there[own].is_draining) == ({QUEUE: 1}, VERSION, False)

    async with resources.database.transaction(read_only=True) as session:
        mine = await worker_registry.running(session, workspace.viewer)
        assert await worker_registry.running(session, workspace.stranger) == {}
    [shown] = mine[own]
    assert (shown.id, shown.kind, shown.queue, shown.started_at) == (task.id, "compute", QUEUE, running.started_at)

    runtime.drain()
    going_on.set()
    await asyncio.wait_for(working, 30)
    assert [worker.name for worker in await known(resources)] == ["test-service@elsewhere:1:1"]
    await until(resources, task, TaskStatus.SUCCEEDED)
