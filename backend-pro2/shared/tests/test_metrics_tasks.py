"""Each way in which a task or its run ends moves its instrument, once; none of them can fail a task."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from shared.metrics import tasks as metrics
from shared.resources import Resources
from shared.tasks import Handler, Outcome, Task, TaskError, TaskFailed, TaskRun, TaskStatus, TryLater
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.testing.counting import Moved
from shared.testing.leasing import Workers, lapse, submit_new
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.submission import QUEUE, submit, until

pytestmark = pytest.mark.integration

ENDED = "tasks_ended_total"
Start = Callable[..., WorkerRuntime]


@pytest.fixture
def make(resources: Resources) -> Workers:
    return Workers(resources)


@pytest.fixture
async def start(resources: Resources) -> AsyncIterator[Start]:
    running: list[asyncio.Task[None]] = []

    def begin(handler: Handler, **options: object) -> WorkerRuntime:
        resources.settings = resources.settings.model_copy(update={"reconcile_seconds": 0.2, **options})
        runtime = WorkerRuntime(WorkerPlan("test-service", {QUEUE: 2}, {"compute": handler}), resources)
        running.append(asyncio.create_task(runtime.run()))
        return runtime

    yield begin
    for work in running:
        work.cancel()
    await asyncio.gather(*running, return_exceptions=True)


class TestLeases:
    async def test_a_success(self, resources: Resources, workspace: Workspace, make: Workers) -> None:
        await submit(resources, workspace)
        task, moved = await make.claimed(), Moved()
        async with TaskRun(task, resources, make()).commit():
            assert moved.of(ENDED, "outcome") == {}
        assert moved.of(ENDED, "outcome") == {"succeeded": 1}
        assert moved(ENDED, kind="compute", outcome="succeeded") == 1

    async def test_what_is_rolled_back_is_not_counted(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        task, moved = await make.claimed(), Moved()
        with pytest.raises(ZeroDivisionError):
            async with TaskRun(task, resources, make()).commit():
                raise ZeroDivisionError
        assert moved.of(ENDED, "outcome") == {}

    async def test_a_failure(self, resources: Resources, workspace: Workspace, make: Workers) -> None:
        await submit(resources, workspace)
        task, moved = await make.claimed(), Moved()
        # Also where what the kind does then fails, and is done later.
        make.aftermaths.is_broken = True
        await make().fail(task, TaskError("no_rows", "There are none."))
        make.aftermaths.is_broken = False
        await make().reconcile()
        assert moved.of(ENDED, "outcome") == {"failed": 1}

    async def test_cancelled_while_it_runs(self, resources: Resources, workspace: Workspace, make: Workers) -> None:
        await submit(resources, workspace)
        task, moved = await make.claimed(), Moved()
        make.aftermaths.is_broken = True
        await make().cancel(task)
        make.aftermaths.is_broken = False
        assert await make().reconcile() == 1
        assert moved.of(ENDED, "outcome") == {"cancelled": 1}

    async def test_cancelled_in_the_queue(self, resources: Resources, workspace: Workspace, make: Workers) -> None:
        task, moved = await submit(resources, workspace), Moved()
        await resources.ledger.cancel(task.id, workspace.owner)
        for _ in range(2):
            await make().reconcile()
        assert moved.of(ENDED, "outcome") == {"cancelled": 1}

    async def test_deaths_are_retried_until_the_task_is_dead(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        moved = Moved()
        for _ in range(3):
            await make().retry_or_bury(await make.claimed())
        assert moved.of(ENDED, "outcome") == {"retried": 2, "dead": 1}

    async def test_lost_runs_and_a_task_that_nobody_takes_up_again(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        moved = Moved()
        for _ in range(3):
            await lapse(resources, await make.claimed())
        await make().reconcile()
        assert moved.of(ENDED, "outcome") == {"lost": 2, "dead": 1}

    async def test_handed_back_is_counted_only_if_it_was(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        await submit(resources, workspace)
        task, moved = await make.claimed(), Moved()
        for _ in range(2):
            await make().release(task, counted=False, outcome=Outcome.HANDED_BACK)
        assert moved.of(ENDED, "outcome") == {"handed_back": 1}

    async def test_waits_are_those_of_first_runs_by_the_database_s_clock(
        self, resources: Resources, workspace: Workspace, make: Workers
    ) -> None:
        task = await submit_new(resources, workspace)
        async with resources.database.transaction() as session:
            await session.execute(
                "UPDATE analysis_tasks SET created_at = created_at - interval '40 s' WHERE id = $1", task.id
            )
        moved = Moved()
        await make().release(await make.claimed(), counted=False)
        await make.claimed()
        assert moved("task_wait_seconds_count", queue=QUEUE) == 1
        assert 40 <= moved("task_wait_seconds_sum", queue=QUEUE) < 100


class TestWorker:
    async def test_what_runs_and_how_long_it_took(
        self, resources: Resources, workspace: Workspace, start: Start
    ) -> None:
        may_end = asyncio.Event()

        async def wait(run: TaskRun) -> None:
            await may_end.wait()

        moved = Moved()
        start(wait)
        task = await submit(resources, workspace)
        await eventually(lambda: moved("tasks_running", queue=QUEUE) == 1)
        assert metrics.WORKER_SLOTS.labels(QUEUE)._value.get() == 2
        may_end.set()
        await until(resources, task, TaskStatus.SUCCEEDED)
        await eventually(lambda: moved("tasks_running", queue=QUEUE) == 0)
        assert moved("task_run_seconds_count", kind="compute") == 1
        assert moved("task_run_seconds_sum", kind="compute") > 0
        assert moved("worker_heartbeat_timestamp_seconds") > 0

    async def test_what_it_may_count_is_there_from_its_start(self, start: Start) -> None:
        async def nothing(run: TaskRun) -> None:
            return

        start(nothing)
        await eventually(lambda: metrics.WORKER_HEARTBEAT._value.get() > 0)
        names = {tuple(labels) for labels in metrics.TASKS_ENDED._metrics}
        assert {("compute", ending.value) for ending in metrics.Ending} <= names

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [(TaskFailed("no_rows", "None."), "failed"), (TryLater("Away.", delay_seconds=60), "retried")],
    )
    async def test_errors_of_handlers(
        self, resources: Resources, workspace: Workspace, start: Start, error: Exception, outcome: str
    ) -> None:
        async def fail(run: TaskRun) -> None:
            raise error

        moved = Moved()
        await submit(resources, workspace)
        start(fail)
        await eventually(lambda: moved("task_run_seconds_count", kind="compute") == 1)
        assert moved.of(ENDED, "outcome") == {outcome: 1}

    async def test_a_worker_that_stops_hands_back(
        self, resources: Resources, workspace: Workspace, start: Start
    ) -> None:
        async def wait(run: TaskRun) -> None:
            await asyncio.Event().wait()

        moved = Moved()
        await submit(resources, workspace)
        worker = start(wait)
        await eventually(lambda: moved("tasks_running", queue=QUEUE) == 1)
        worker.hurry()
        await eventually(lambda: moved("tasks_running", queue=QUEUE) == 0)
        assert moved.of(ENDED, "outcome") == {"handed_back": 1}

    async def test_failing_instruments_fail_no_task(
        self, resources: Resources, workspace: Workspace, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise OSError("no space left on device")

        for instrument in (metrics.TASKS_ENDED, metrics.TASK_RUN, metrics.TASK_WAIT, metrics.TASKS_RUNNING):
            monkeypatch.setattr(instrument, "labels", broken)
        monkeypatch.setattr(metrics.WORKER_HEARTBEAT, "set", broken)
        runs: list[Task] = []

        async def note(run: TaskRun) -> None:
            runs.append(run.task)

        start(note)
        tasks = [await submit(resources, workspace) for _ in range(3)]
        for task in tasks:
            await until(resources, task, TaskStatus.SUCCEEDED)
        assert len(runs) == 3
