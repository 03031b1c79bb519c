"""The task that begins a schedule's pipeline: submitted once however often it runs, for one who still may."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from shared.errors import Forbidden
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, StaleAttempt, Task, TaskFailed, TaskRun
from shared.tasks.leases import Leases
from shared.testing.project import Workspace
from shared.testing.submission import changed

from ..app.repositories import pipelines
from ..app.repositories.pipelines import PipelineState
from ..app.services.process_tasks import Process
from ..app.services.scheduled_pipelines import trigger_pipeline
from .ready import ready_dataset, working

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]

SCHEDULE = """
INSERT INTO schedules (id, project_id, name, cron, action, created_by) VALUES ($1, $2, 'nightly', '0 0 * * *', '{}', $3)
"""


@pytest.fixture
async def trigger(resources: Resources, workspace: Workspace, tmp_path: Path) -> NewTask:
    """The order of a schedule that keeps two rows of a dataset under a name."""
    dataset_id = await ready_dataset(resources, workspace, tmp_path, "sales", "SELECT i AS a FROM range(10) r(i)")
    pipeline = PipelineState(new_id(), "two", "", 1, [{"op": "limit", "n": 2}], workspace.editor)
    schedule_id = new_id()
    async with resources.database.transaction() as session:
        await pipelines.insert(session, workspace.project_id, pipeline)
        await session.execute(SCHEDULE, schedule_id, workspace.project_id, workspace.editor)
    params = {"pipeline_id": str(pipeline.id), "dataset_id": str(dataset_id), "output": {"name": "Two rows"}}
    who = (workspace.project_id, workspace.editor)
    return NewTask("pipeline_trigger", "ingest", *who, params, dataset_id, schedule_id=schedule_id)


async def submitted(resources: Resources, new: NewTask) -> Task:
    async with resources.database.transaction() as session:
        return await resources.ledger.submit(session, new)


async def tasks_of(resources: Resources, workspace: Workspace, kind: str) -> list[Task]:
    return await resources.ledger.list(workspace.owner, kind=kind)


def leases(resources: Resources, worker: str) -> Leases:
    aftermath = {"pipeline_trigger": _nothing}
    options = {"queue": "ingest", "worker": worker, "lease_seconds": 60.0, "aftermath": aftermath}
    return Leases(resources.database, resources.ledger.wakes, **options)  # type: ignore[arg-type]


async def _nothing(*_: object) -> None: ...


async def test_each_run_adds_a_version(resources: Resources, workspace: Workspace, trigger: NewTask) -> None:
    # At once, so that the second waits until the first one's version is there.
    triggers = [await submitted(resources, trigger) for _ in range(2)]
    async with working(resources, {"pipeline_trigger": trigger_pipeline, "process": Process()}):
        ended = [await changed(resources, task, lambda now: now.is_finished) for task in triggers]
        found = await tasks_of(resources, workspace, "process")
        made = [await changed(resources, task, lambda now: now.is_finished) for task in reversed(found)]
    assert [(each.status, each.attempts) for each in ended] == [("succeeded", 1)] * 2
    assert [(each.status, each.version, each.created_by, each.schedule_id) for each in made] == [
        ("succeeded", version, workspace.editor, trigger.schedule_id) for version in (1, 2)
    ]
    assert made[0].dataset_id == made[1].dataset_id
    async with resources.database.transaction() as session:
        sql = "SELECT data ->> 'task_id' FROM task_events WHERE task_id = $1 AND event = 'result'"
        named = {await session.fetch_value(sql, task.id) for task in triggers}
    assert named == {str(each.id) for each in made}


async def test_two_runs_of_one_trigger_submit_once(
    resources: Resources, workspace: Workspace, trigger: NewTask
) -> None:
    task = await submitted(resources, trigger)
    runs = []
    for worker in ("first", "second"):
        held = leases(resources, worker)
        claimed = await held.claim()
        assert claimed is not None
        assert claimed.id == task.id
        runs.append(TaskRun(claimed, resources, held))
        await lapse(resources, task.id)
    outcomes = await asyncio.gather(*(trigger_pipeline(run) for run in runs), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StaleAttempt, type(None)]
    assert len(await tasks_of(resources, workspace, "process")) == 1


async def lapse(resources: Resources, task_id: UUID) -> None:
    async with resources.database.transaction() as session:
        sql = "UPDATE analysis_tasks SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1"
        await session.execute(sql, task_id)


async def test_it_asks_for_the_permissions_of_the_moment(
    resources: Resources, workspace: Workspace, trigger: NewTask
) -> None:
    await submitted(resources, trigger)
    held = leases(resources, "one")
    claimed = await held.claim()
    assert claimed is not None
    run = TaskRun(claimed, resources, held)
    async with resources.database.transaction() as session:
        await session.execute("UPDATE users SET is_active = false WHERE id = $1", workspace.editor)
    with pytest.raises(TaskFailed, match="inactive"):
        await trigger_pipeline(run)
    async with resources.database.transaction() as session:
        await session.execute("UPDATE users SET is_active = true WHERE id = $1", workspace.editor)
        sql = "UPDATE project_members SET role = 'viewer' WHERE user_id = $1"
        await session.execute(sql, workspace.editor)
    with pytest.raises(Forbidden):
        await trigger_pipeline(run)
    assert await tasks_of(resources, workspace, "process") == []
