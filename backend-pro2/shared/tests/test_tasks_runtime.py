"""The worker's loop in this process, on real servers: how each behaviour of a handler ends its task."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from shared.database import Session
from shared.errors import Invalid, ServiceUnavailable
from shared.resources import Resources
from shared.tasks import Handler, StaleAttempt, Task, TaskFailed, TaskHandler, TaskRun, TaskStatus, TryLater
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, changed, submit, until

pytestmark = pytest.mark.integration

Start = Callable[..., WorkerRuntime]


class Scripted:
    """A handler with an aftermath; does what it is told."""

    def __init__(self, action: Handler) -> None:
        self.runs: list[TaskRun] = []
        self.ended: list[tuple[str, str | None]] = []
        self._action = action

    async def run(self, run: TaskRun) -> None:
        self.runs.append(run)
        await self._action(run)

    async def failed(self, session: Session, task: Task) -> None:
        self.ended.append((task.status, task.error_code))


@pytest.fixture
async def start(resources: Resources) -> AsyncIterator[Start]:
    running: list[asyncio.Task[None]] = []

    def begin(handler: Handler | TaskHandler, slots: int = 2, **options: object) -> WorkerRuntime:
        settings = resources.settings.model_copy(update={"reconcile_seconds": 0.2, **options})
        resources.settings = settings
        runtime = WorkerRuntime(WorkerPlan("test-service", {QUEUE: slots}, {"compute": handler}), resources)
        running.append(asyncio.create_task(runtime.run()))
        return runtime

    yield begin
    for work in running:
        work.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_handler_that_returns_has_succeeded(resources: Resources, workspace: Workspace, start: Start) -> None:
    async def nothing(run: TaskRun) -> None:
        return

    task = await submit(resources, workspace)
    start(nothing)
    await until(resources, task, TaskStatus.SUCCEEDED)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TaskFailed("no_rows", "There are no rows."), "no_rows"),
        (Invalid("Not like that.", code="bad_file"), "bad_file"),
        (ServiceUnavailable("damaged", code="corrupt_object"), "corrupt_object"),
        (ZeroDivisionError("secret detail"), "internal_error"),
    ],
)
async def test_each_error_becomes_the_task_s(
    resources: Resources, workspace: Workspace, start: Start, error: Exception, code: str
) -> None:
    async def fail(run: TaskRun) -> None:
        raise error

    handler = Scripted(fail)
    task = await submit(resources, workspace)
    start(handler)
    failed = await until(resources, task, TaskStatus.FAILED)
    assert failed.error_code == code
    assert "secret" not in (failed.error_detail or "")
    assert handler.ended == [("failed", code)]
    assert len(handler.runs) == 1


@pytest.mark.parametrize(
    "error", [ServiceUnavailable("The store is away."), TryLater("The cluster is away.", delay_seconds=0.5)]
)
async def test_what_is_away_is_tried_again_uncounted(
    resources: Resources, workspace: Workspace, start: Start, error: Exception
) -> None:
    async def wait_for_it(run: TaskRun) -> None:
        if run.task.params.get("waits") and len(handler.runs) == 1:
            raise error

    handler = Scripted(wait_for_it)
    task = await submit(resources, workspace, waits=True)
    start(handler, slots=1)
    waiting = await changed(resources, task, lambda now: now.not_before is not None)
    assert (waiting.status, waiting.progress_message, waiting.attempts) == ("queued", str(error), 0)
    # Its slot is free meanwhile.
    other = await submit(resources, workspace)
    await until(resources, other, TaskStatus.SUCCEEDED)
    assert (await resources.ledger.read(task.id, workspace.owner)).status == "queued"
    done = await until(resources, task, TaskStatus.SUCCEEDED)
    assert (done.attempts, len(handler.runs), handler.ended) == (1, 3, [])
    events = [event async for event in resources.ledger.events(task.id, workspace.owner, 0)]
    assert [event.data for event in events if event.event == "log"] == [{"message": str(error)}]


async def test_rows_and_success_are_one_transaction(resources: Resources, workspace: Workspace, start: Start) -> None:
    async def write(run: TaskRun) -> None:
        async with run.commit() as session:
            await session.execute("UPDATE projects SET name = 'written' WHERE id = $1", workspace.project_id)
            if len(handler.runs) == 1:
                raise ServiceUnavailable("just before the commit")

    handler = Scripted(write)
    task = await submit(resources, workspace)
    start(handler)
    await until(resources, task, TaskStatus.SUCCEEDED)
    assert [run.committed for run in handler.runs] == [False, True]


async def test_an_error_after_the_commit_changes_nothing(
    resources: Resources, workspace: Workspace, start: Start
) -> None:
    async def commit_then_stumble(run: TaskRun) -> None:
        async with run.commit():
            pass
        raise ZeroDivisionError

    handler = Scripted(commit_then_stumble)
    task = await submit(resources, workspace)
    start(handler)
    await until(resources, task, TaskStatus.SUCCEEDED)
    assert handler.ended == []


async def test_progress_is_throttled_and_the_last_one_arrives(
    resources: Resources, workspace: Workspace, start: Start
) -> None:
    async def count(run: TaskRun) -> None:
        for done in range(1, 501):
            await run.progress(done, 500, f"row {done}")
        await run.log("counted")

    task = await submit(resources, workspace)
    start(count)
    done = await until(resources, task, TaskStatus.SUCCEEDED)
    assert (done.progress_done, done.progress_total, done.progress_message) == (500, 500, "Done")
    events = [event async for event in resources.ledger.events(task.id, workspace.owner, 0)]
    assert 1 <= sum(event.event == "progress" for event in events) < 20
    assert [event.data for event in events if event.event == "log"] == [{"message": "counted"}]


async def test_cancellation_reaches_a_handler_and_its_aftermath(
    resources: Resources, workspace: Workspace, start: Start
) -> None:
    handler = Scripted(lambda run: asyncio.sleep(60))
    task = await submit(resources, workspace)
    start(handler)
    await until(resources, task, TaskStatus.RUNNING)
    await resources.ledger.cancel(task.id, workspace.owner)
    await until(resources, task, TaskStatus.CANCELLED)
    assert handler.ended == [("cancelled", None)]


async def test_a_run_that_lost_its_task_is_stopped(resources: Resources, workspace: Workspace, start: Start) -> None:
    stopped = asyncio.Event()

    async def hold(run: TaskRun) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    task = await submit(resources, workspace)
    start(hold)
    await until(resources, task, TaskStatus.RUNNING)
    async with resources.database.transaction() as session:
        sql = "UPDATE analysis_tasks SET worker = 'another', lease_until = now() + '1 min' WHERE id = $1"
        await session.execute(sql, task.id)
    await asyncio.wait_for(stopped.wait(), 30)
    assert (await resources.ledger.read(task.id, workspace.owner)).worker == "another"


async def test_a_stale_run_cannot_commit(resources: Resources, workspace: Workspace, start: Start) -> None:
    refused = asyncio.Event()

    async def commit_late(run: TaskRun) -> None:
        async with resources.database.transaction() as session:
            await session.execute("UPDATE analysis_tasks SET claims = 2 WHERE id = $1", run.task.id)
        try:
            async with run.commit() as session:
                await session.execute("UPDATE projects SET name = 'late' WHERE id = $1", workspace.project_id)
        except StaleAttempt:
            refused.set()
            raise

    await submit(resources, workspace)
    start(commit_late)
    await asyncio.wait_for(refused.wait(), 30)
    async with resources.database.transaction() as session:
        assert await session.fetch_value("SELECT name FROM projects") == "Test"


async def test_an_aftermath_that_fails_does_not_stop_the_worker(
    resources: Resources, workspace: Workspace, start: Start
) -> None:
    class Broken(Scripted):
        async def failed(self, session: Session, task: Task) -> None:
            raise ZeroDivisionError

    async def by_params(run: TaskRun) -> None:
        if run.task.params.get("bad"):
            raise TaskFailed("bad", "Bad.")

    await submit(resources, workspace, bad=True)
    start(Broken(by_params))
    good = await submit(resources, workspace)
    await until(resources, good, TaskStatus.SUCCEEDED)


async def test_chores_run_when_due_and_their_errors_are_contained(resources: Resources) -> None:
    done: list[str] = []

    async def chore(given: Resources) -> None:
        done.append("chore")

    async def broken(given: Resources) -> None:
        done.append("broken")
        raise ZeroDivisionError

    periodic = {"broken": (0.0, broken), "hourly": (3600.0, chore)}
    runtime = WorkerRuntime(WorkerPlan("test-service", {QUEUE: 2}, {}, periodic=periodic), resources)
    await runtime.sweep()
    await runtime.sweep()
    assert done == ["broken", "chore", "broken"]
