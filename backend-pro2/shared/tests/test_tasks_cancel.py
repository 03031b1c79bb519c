"""Calling a running task off: within two seconds, wherever it is, except while it writes its success."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared.content_cache import ContentCache
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.tasks import Handler, TaskRun, TaskStatus
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, changed, submit, until

pytestmark = pytest.mark.integration

# Long before the handlers would end by themselves.
SECONDS = 15.0

Start = Callable[[Handler], None]


@pytest.fixture
async def start(resources: Resources) -> AsyncIterator[Start]:
    working: list[asyncio.Task[None]] = []

    def begin(handler: Handler) -> None:
        runtime = WorkerRuntime(WorkerPlan("test-service", {QUEUE: 1}, {"compute": handler}), resources)
        working.append(asyncio.create_task(runtime.run()))

    yield begin
    for work in working:
        work.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def cancelled_after(resources: Resources, workspace: Workspace, start: Start, handler: Handler) -> float:
    """Seconds from the request until the task is cancelled; the handler is under way by then."""
    begun = asyncio.Event()

    async def tell_and_run(run: TaskRun) -> None:
        begun.set()
        await handler(run)

    task = await submit(resources, workspace)
    start(tell_and_run)
    await asyncio.wait_for(begun.wait(), 30)
    await asyncio.sleep(0.2)
    asked = time.monotonic()
    await resources.ledger.cancel(task.id, workspace.owner)
    await until(resources, task, TaskStatus.CANCELLED)
    return time.monotonic() - asked


async def test_inside_native_code_that_ignores_sigterm(
    resources: Resources, workspace: Workspace, start: Start
) -> None:
    async def grind(run: TaskRun) -> None:
        await run.compute("shared.testing.jobs:grind", {})

    task = await submit(resources, workspace)
    start(grind)
    pid = (await changed(resources, task, lambda now: now.progress_done > 0)).progress_done
    asked = time.monotonic()
    await resources.ledger.cancel(task.id, workspace.owner)
    await until(resources, task, TaskStatus.CANCELLED)
    assert time.monotonic() - asked < SECONDS
    assert not await asyncio.to_thread(Path(f"/proc/{pid}").exists)


async def test_while_the_handler_waits(resources: Resources, workspace: Workspace, start: Start) -> None:
    assert await cancelled_after(resources, workspace, start, lambda _: asyncio.sleep(60)) < SECONDS


async def test_while_a_file_does_not_arrive(
    resources: Resources, workspace: Workspace, start: Start, tmp_path: Path
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    store = ObjectStore(resources.settings.model_copy(update={"s3_endpoint_url": f"http://127.0.0.1:{port}"}))
    cache = ContentCache(tmp_path, 10**9, store)

    async def fetch(_: TaskRun) -> None:
        await cache.fetch("some/key", "0" * 64)

    assert await cancelled_after(resources, workspace, start, fetch) < SECONDS
    await cache.close()
    await store.close()
    silent.close()


async def test_when_nobody_announces_it(resources: Resources, workspace: Workspace, start: Start) -> None:
    async def wait(_: TaskRun) -> None:
        await asyncio.sleep(60)

    task = await submit(resources, workspace)
    start(wait)
    await until(resources, task, TaskStatus.RUNNING)
    async with resources.database.transaction() as session:
        await session.execute("UPDATE analysis_tasks SET cancel_requested = true WHERE id = $1", task.id)
    await until(resources, task, TaskStatus.CANCELLED, SECONDS)


async def test_a_success_that_is_being_written_stays_one(
    resources: Resources, workspace: Workspace, start: Start
) -> None:
    writing, asked = asyncio.Event(), asyncio.Event()

    async def write(run: TaskRun) -> None:
        async with run.commit({"written": True}):
            writing.set()
            await asked.wait()

    task = await submit(resources, workspace)
    start(write)
    await asyncio.wait_for(writing.wait(), 30)
    # It waits for the row, which the run has locked.
    cancelling = asyncio.create_task(resources.ledger.cancel(task.id, workspace.owner))
    await asyncio.sleep(0.3)
    asked.set()
    await until(resources, task, TaskStatus.SUCCEEDED)
    with pytest.raises(Exception, match="ended already"):
        await cancelling
