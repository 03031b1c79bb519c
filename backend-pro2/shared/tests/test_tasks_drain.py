"""How a real worker stops: politely, in a hurry, and what it then leaves behind."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.config import Settings
from shared.resources import Resources
from shared.tasks import Task, TaskStatus, worker_registry
from shared.tasks.attempts import attempts_of
from shared.tasks.worker_registry import Worker
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.submission import submit, until
from shared.testing.worker_process import WorkerProcess

pytestmark = pytest.mark.integration


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[WorkerProcess]:
    made = WorkerProcess(settings, tmp_path, WORKER_DRAIN_SECONDS="60")
    yield made
    made.kill()


async def registered(resources: Resources) -> list[Worker]:
    async with resources.database.transaction(read_only=True) as session:
        return await worker_registry.workers(session)


async def child_of(resources: Resources, task: Task, workspace: Workspace) -> int:
    """The process that computes the task, which tells its number as progress."""
    async for event in resources.ledger.events(task.id, workspace.owner, 0):
        if event.event == "progress":
            return int(event.data["progress"]["done"])
    raise AssertionError("it ended without progress")


async def handed_back(resources: Resources, task: Task, workspace: Workspace) -> bool:
    now = await resources.ledger.read(task.id, workspace.owner)
    async with resources.database.transaction(read_only=True) as session:
        runs = [(run.outcome, run.counted) for run in await attempts_of(session, task.id, workspace.owner)]
    return (now.status, now.attempts, now.worker, runs) == ("queued", 0, None, [("handed_back", False)])


async def test_sigterm_lets_tasks_end_and_takes_no_more(
    resources: Resources, workspace: Workspace, worker: WorkerProcess, tmp_path: Path
) -> None:
    short = await submit(resources, workspace, "note", priority=9, path=str(tmp_path / "short"), seconds=2)
    long = await submit(resources, workspace, function="sleep", job={"seconds": 60})
    worker.start()
    await until(resources, short, TaskStatus.RUNNING)
    child = await child_of(resources, long, workspace)
    assert [(row.service, row.queues, row.is_draining) for row in await registered(resources)] == [
        ("test-service", {"test": 2}, False)
    ]
    worker.send(signal.SIGTERM)
    await eventually(lambda: worker.count("worker_draining") == 1)
    late = await submit(resources, workspace, "note", path=str(tmp_path / "late"))
    await resources.ledger.ring(late)
    await until(resources, short, TaskStatus.SUCCEEDED)
    assert [row.is_draining for row in await registered(resources)] == [True]
    assert (await resources.ledger.read(long.id, workspace.owner)).status == "running"
    assert (await resources.ledger.read(late.id, workspace.owner)).status == "queued"

    # Asked a second time it hands back what still runs.
    asked = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - asked < 30
    assert await handed_back(resources, long, workspace)
    await eventually(lambda: not Path(f"/proc/{child}").exists())
    assert await registered(resources) == []


async def test_sigquit_hands_back_at_once(resources: Resources, workspace: Workspace, worker: WorkerProcess) -> None:
    task = await submit(resources, workspace, function="spin")
    worker.start()
    await until(resources, task, TaskStatus.RUNNING)
    assert worker.process is not None
    worker.send(signal.SIGQUIT)
    asked = time.monotonic()
    worker.process.wait(30)
    assert time.monotonic() - asked < 30
    assert await handed_back(resources, task, workspace)
    assert await registered(resources) == []


async def test_what_outlasts_the_drain_is_handed_back(
    resources: Resources, workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    task = await submit(resources, workspace, "note", path=str(tmp_path / "notes"), seconds=60)
    worker = WorkerProcess(settings, tmp_path, WORKER_DRAIN_SECONDS="0.5").start()
    try:
        await eventually((tmp_path / "notes").exists)
        asked = time.monotonic()
        assert worker.stop() == 0
        assert 0.5 <= time.monotonic() - asked < 30
    finally:
        worker.kill()
    assert await handed_back(resources, task, workspace)
