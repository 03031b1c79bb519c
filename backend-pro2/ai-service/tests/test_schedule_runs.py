"""Schedules that are due: fired once by however many workers, for one who still may, and noted whatever comes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.database import Database, Session
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import Task
from shared.tasks.runtime import WorkerPlan, WorkerRuntime
from shared.testing.project import Workspace

from ..app.repositories import schedule_runs, schedules
from ..app.repositories.schedule_runs import NewRun, ScheduleRun
from ..app.repositories.schedules import Schedule, ScheduleState
from ..app.schemas.schedules import ScheduleChange
from ..app.services.schedule_actions import Actions
from ..app.services.schedule_runs import REFUSALS_BEFORE_PAUSE, ScheduleRuns, fire_due
from ..app.services.schedules import Schedules
from .support import DatasetMaker

pytestmark = pytest.mark.integration

YEARLY = "0 0 1 1 *"
Make = Callable[..., Awaitable[UUID]]


@pytest.fixture
async def make(resources: Resources, workspace: Workspace, make_dataset: DatasetMaker) -> Make:
    """Make a schedule that has been due every minute for `minutes`, the last time just now; or once, just now."""
    dataset_id = await make_dataset({"x": [1.0, 2.0, 4.0]})

    async def made(minutes: int = 0, catch_up: str = "latest", **other: Any) -> UUID:
        action = {"kind": "analysis", "dataset_id": str(dataset_id), "type": "describe", "params": {}, **other}
        due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes)
        cron = "* * * * *" if minutes else YEARLY
        state = ScheduleState(workspace.editor, str(new_id()), cron, "UTC", action, catch_up, False, due)
        schedule_id = new_id()
        async with resources.database.transaction() as session:
            await schedules.insert(session, schedule_id, workspace.project_id, state)
        return schedule_id

    return made


class Book:
    """What stands about a schedule."""

    def __init__(self, resources: Resources, workspace: Workspace) -> None:
        self.resources, self.workspace = resources, workspace

    async def runs(self, schedule_id: UUID) -> list[ScheduleRun]:
        return await Schedules(self.resources).runs(self.workspace.owner, schedule_id, before=None, limit=200)

    async def schedule(self, schedule_id: UUID) -> Schedule:
        return await Schedules(self.resources).read(self.workspace.owner, schedule_id)

    async def tasks(self, schedule_id: UUID) -> list[Task]:
        found = await self.resources.ledger.list(self.workspace.owner, limit=200)
        return [task for task in found if task.schedule_id == schedule_id]

    async def due_again(self, schedule_id: UUID, second: int) -> None:
        """Make it due once more, at a time of its own within the last minute."""
        async with self.resources.database.transaction() as session:
            due = datetime.now(UTC) - timedelta(seconds=30 - second)
            sql = "UPDATE schedules SET next_run_at = $2, cron = $3 WHERE id = $1"
            await session.execute(sql, schedule_id, due, YEARLY)


@pytest.fixture
def book(resources: Resources, workspace: Workspace) -> Book:
    return Book(resources, workspace)


async def test_two_workers_fire_each_time_once(resources: Resources, book: Book, make: Make) -> None:
    made = [await make(catch_up="all", minutes=2) for _ in range(4)]
    firers = [ScheduleRuns(resources) for _ in range(2)]
    await asyncio.gather(*(firer.fire(schedule_id) for schedule_id in made for firer in firers))
    await asyncio.gather(*(firer.look() for firer in firers))
    for schedule_id in made:
        runs, tasks = await book.runs(schedule_id), await book.tasks(schedule_id)
        assert [run.outcome for run in runs] == ["submitted"] * len(runs)
        assert len(runs) in (3, 4)
        assert {run.task_id for run in runs} == {task.id for task in tasks}
        assert len(tasks) == len(runs)
        after = await book.schedule(schedule_id)
        assert after.next_run_at is not None
        assert after.next_run_at > datetime.now(UTC) - timedelta(seconds=1)
        assert after.last_run_at == runs[0].due_at


async def test_a_worker_that_dies_before_the_commit_has_done_nothing(
    resources: Resources, book: Book, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await make()

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(schedule_runs, "advance", die)
        with pytest.raises(asyncio.CancelledError):
            await ScheduleRuns(resources).fire(schedule_id)
    assert (await book.runs(schedule_id), await book.tasks(schedule_id)) == ([], [])
    assert await ScheduleRuns(resources).fire(schedule_id) is not None
    assert (len(await book.runs(schedule_id)), len(await book.tasks(schedule_id))) == (1, 1)


async def test_a_time_that_is_noted_already_is_not_run_again(resources: Resources, book: Book, make: Make) -> None:
    schedule_id = await make(minutes=1, catch_up="all")
    await ScheduleRuns(resources).fire(schedule_id)
    before = await book.runs(schedule_id)
    async with resources.database.transaction() as session:
        await session.execute("UPDATE schedules SET next_run_at = $1, paused = false", before[-1].due_at)
    assert await ScheduleRuns(resources).fire(schedule_id) is not None
    after = [run for run in await book.runs(schedule_id) if run.due_at <= before[0].due_at]
    assert [run.task_id for run in after] == [run.task_id for run in before]


async def test_what_was_missed_and_what_still_runs(resources: Resources, book: Book, make: Make) -> None:
    late, none = await make(minutes=3), await make(minutes=3, catch_up="none")
    for schedule_id in (late, none):
        await ScheduleRuns(resources).fire(schedule_id)
        runs = await book.runs(schedule_id)
        assert [run.outcome for run in runs] == ["submitted", *["skipped"] * (len(runs) - 1)]
        assert {run.error_code for run in runs[1:]} == {"missed"}
    await book.due_again(late, 0)
    await ScheduleRuns(resources).fire(late)
    assert [run.error_code for run in await book.runs(late)].count("still_running") == 1
    assert len(await book.tasks(late)) == 1
    async with resources.database.transaction() as session:
        await session.execute("UPDATE analysis_tasks SET status = 'succeeded', finished_at = now()")
    await book.due_again(late, 1)
    await ScheduleRuns(resources).fire(late)
    assert len(await book.tasks(late)) == 2


async def test_for_one_who_may_no_longer(
    resources: Resources, book: Book, make: Make, workspace: Workspace, database: Database
) -> None:
    schedule_id = await make()
    async with database.transaction() as session:
        sql = "UPDATE project_members SET role = 'viewer' WHERE user_id = $1"
        await session.execute(sql, workspace.editor)
    await ScheduleRuns(resources).fire(schedule_id)
    after, run = await book.schedule(schedule_id), (await book.runs(schedule_id))[0]
    assert (after.paused, after.next_run_at, run.outcome, run.error_code) == (True, None, "refused", "forbidden")
    assert "viewer" in str(after.paused_reason)
    assert await book.tasks(schedule_id) == []
    change = ScheduleChange(paused=False)
    resumed = await Schedules(resources).change(workspace.owner, schedule_id, change, None)
    assert (resumed.paused, resumed.paused_reason, resumed.created_by) == (False, None, workspace.owner)
    assert resumed.next_run_at is not None
    assert resumed.next_run_at > datetime.now(UTC)


async def test_refusals(resources: Resources, book: Book, make: Make, workspace: Workspace, database: Database) -> None:
    full, gone = await make(), await make(dataset_id=str(new_id()))
    async with database.transaction() as session:
        sql = "INSERT INTO project_quotas (project_id, max_tasks) VALUES ($1, 0)"
        await session.execute(sql, workspace.project_id)
    for number in range(REFUSALS_BEFORE_PAUSE):
        for schedule_id in (full, gone):
            await book.due_again(schedule_id, number)
            assert (await book.schedule(schedule_id)).paused is False
            await ScheduleRuns(resources).fire(schedule_id)
    assert {run.error_code for run in await book.runs(full) if run.outcome == "refused"} == {"too_many_tasks"}
    assert (await book.schedule(full)).paused is False
    after = await book.schedule(gone)
    assert (after.paused, after.next_run_at) == (True, None)
    assert "not_found" in str(after.paused_reason)


async def test_one_that_breaks_is_paused_and_holds_nobody_up(
    resources: Resources, book: Book, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = await make(minutes=1, type="broken"), await make()
    submit = Actions.submit

    async def some(self: Actions, session: Session, origin: Any, stored: dict[str, Any]) -> Task:
        if stored["type"] == "broken":
            raise KeyError("type")
        return await submit(self, session, origin, stored)

    monkeypatch.setattr(Actions, "submit", some)
    await ScheduleRuns(resources).look()
    run, after = (await book.runs(broken))[0], await book.schedule(broken)
    assert (run.outcome, run.error_code, after.paused) == ("refused", "internal_error", True)
    assert len(await book.tasks(good)) == 1


async def test_history_is_bounded(
    resources: Resources, book: Book, make: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await make(catch_up="all", minutes=5)
    async with database.transaction() as session:
        old = NewRun(schedule_id, datetime.now(UTC) - timedelta(days=91), "skipped")
        await schedule_runs.add(session, old)
    await ScheduleRuns(resources).fire(schedule_id)
    runs = await book.runs(schedule_id)
    assert {run.outcome for run in runs} == {"submitted"}
    monkeypatch.setattr(schedule_runs, "KEPT_RUNS", 2)
    await book.due_again(schedule_id, 0)
    await ScheduleRuns(resources).fire(schedule_id)
    assert len(await book.runs(schedule_id)) == 2


async def test_a_worker_looks_by_itself(resources: Resources, book: Book, make: Make, database: Database) -> None:
    schedule_id = await make()
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    async with database.transaction() as session:
        await session.execute("UPDATE schedules SET next_run_at = $2 WHERE id = $1", schedule_id, due)
    plan = WorkerPlan("ai-service", {"analysis": 1}, {}, frequent={"schedules": (0.2, fire_due)})
    worker = asyncio.create_task(WorkerRuntime(plan, resources).run())
    found: list[ScheduleRun] = []
    try:
        async with asyncio.timeout(10):
            while not found:
                await asyncio.sleep(0.05)
                found = await book.runs(schedule_id)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert found[0].at is not None
    assert timedelta() <= found[0].at - due < timedelta(seconds=1)
