"""The attempts of a task, giving it back for later, its deadline, and retrying it."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.database import Database
from shared.errors import Conflict, Forbidden, NotFound
from shared.ids import new_id
from shared.quotas import TooManyTasks
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL, Outcome, TaskError
from shared.tasks.leases import Beat
from shared.testing.leasing import Workers, lapse, submit_new
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration


async def change(database: Database, sql: str, *arguments: object) -> None:
    async with database.transaction() as session:
        await session.execute(sql, *arguments)


async def test_each_run_is_kept_with_its_end(resources: Resources, workspace: Workspace) -> None:
    make, away = Workers(resources), TaskError("unavailable", "The store is away.")
    task = await submit_new(resources, workspace)
    await make("a").release(await make.claimed(make("a")), counted=False, error=away)
    await make("b").release(await make.claimed(make("b")), counted=False, outcome=Outcome.HANDED_BACK)
    await lapse(resources, await make.claimed(make("c")))
    await make("d").retry_or_bury(await make.claimed(make("d")))
    await make("e").fail(await make.claimed(make("e")), TaskError("bad_file", "It is empty."))
    runs = await resources.ledger.attempts(task.id, workspace.viewer)
    assert [(run.claim, run.worker, run.outcome, run.counted, run.error_code) for run in runs] == [
        (1, "a", "interrupted", False, "unavailable"),
        (2, "b", "handed_back", False, None),
        (3, "c", "died", True, None),
        (4, "d", "died", True, "crashed"),
        (5, "e", "failed", True, "bad_file"),
    ]
    assert all(run.ended_at is not None and run.ended_at >= run.started_at for run in runs)
    ended = await resources.ledger.read(task.id, workspace.owner)
    assert (ended.attempts, ended.claims) == (3, 5)
    with pytest.raises(NotFound):
        await resources.ledger.attempts(task.id, workspace.stranger)


async def test_given_back_for_later(resources: Resources, workspace: Workspace, database: Database) -> None:
    make = Workers(resources)
    task = await submit_new(resources, workspace)
    await make().release(await make.claimed(), counted=False, delay_seconds=60)
    assert await make().claim() is None
    later = (await resources.ledger.read(task.id, workspace.owner)).not_before
    assert later is not None
    assert 50 < (later - datetime.now(UTC)).total_seconds() <= 61
    await change(database, "UPDATE analysis_tasks SET not_before = now() WHERE id = $1", task.id)
    assert (await make.claimed()).not_before is None


async def test_a_deadline_ends_what_waits_what_runs_and_what_was_lost(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    make, soon = Workers(resources), datetime.now(UTC) + timedelta(hours=1)
    lost, running, queued = [await submit_new(resources, workspace, deadline=soon) for _ in range(3)]
    dependent = await submit_new(resources, workspace, after=(queued.id,))
    held = [await make.claimed(), await make.claimed()]
    assert (await make().heartbeat(held[1]), await make().reconcile()) == (Beat.HELD, 0)
    await change(database, "UPDATE analysis_tasks SET deadline = now() WHERE deadline IS NOT NULL")
    await lapse(resources, held[0])
    assert await make().claim() is None
    assert await make().heartbeat(held[1]) is Beat.OVERDUE
    # The queued one, the lost one, and what waited for the queued one; the running one is its worker's.
    assert await make().reconcile() == 3
    ends = [await resources.ledger.read(task.id, workspace.owner) for task in (lost, running, queued, dependent)]
    assert [task.error_code for task in ends] == ["deadline_exceeded", None, "deadline_exceeded", "dependency_failed"]
    assert {task.id for task in make.aftermaths.tasks} == {lost.id, queued.id, dependent.id}


async def test_a_retry_keeps_the_history_and_grants_new_attempts(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    make = Workers(resources)
    root = await submit_new(resources, workspace, deadline=datetime.now(UTC) + timedelta(hours=1))
    child = await submit_new(resources, workspace, after=(root.id,))
    for _ in range(3):
        await make().retry_or_bury(await make.claimed())
    assert [task.id for task in await resources.ledger.list(workspace.owner, error_code="poison")] == [root.id]
    await change(database, "UPDATE analysis_tasks SET deadline = now() WHERE id = $1", root.id)
    for user, refusal in ((workspace.stranger, NotFound), (workspace.viewer, Forbidden)):
        with pytest.raises(refusal):
            await resources.ledger.retry(root.id, user)
    with pytest.raises(Conflict) as refused:
        await resources.ledger.retry(child.id, workspace.editor)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("not_settled", "2")
    await make().reconcile()
    with pytest.raises(Conflict) as refused:
        await resources.ledger.retry(child.id, workspace.editor)
    assert refused.value.code == "dependency_failed"
    again = await resources.ledger.retry(root.id, workspace.editor)
    assert (again.status, again.attempts, again.max_attempts) == ("queued", 3, 6)
    assert (again.error_code, again.finished_at, again.deadline, again.worker) == (None, None, None, None)
    assert (await resources.ledger.retry(child.id, workspace.editor)).waiting_for == 1
    with pytest.raises(Conflict) as refused:
        await resources.ledger.retry(root.id, workspace.editor)
    assert refused.value.code == "not_retryable"
    await make.succeed(await make.claimed())
    assert make.rung == [child.id]
    states = [event.data["status"] async for event in resources.ledger.events(root.id, workspace.owner, 0)]
    assert states == ["queued", *["running", "queued"] * 2, "running", "failed", "queued", "running", "succeeded"]
    runs = await resources.ledger.attempts(root.id, workspace.owner)
    assert [run.outcome for run in runs] == ["died", "died", "died", "succeeded"]


async def test_what_cannot_be_retried(resources: Resources, workspace: Workspace, database: Database) -> None:
    removal = await submit_new(resources, workspace, kind=PROJECT_REMOVAL)
    cancelled = await submit_new(resources, workspace)
    await resources.ledger.cancel(cancelled.id, workspace.owner)
    await Workers(resources)().reconcile()
    await change(database, "UPDATE analysis_tasks SET status = 'failed', finished_at = now() WHERE id = $1", removal.id)
    with pytest.raises(Conflict) as refused:
        await resources.ledger.retry(removal.id, workspace.owner)
    assert refused.value.code == "not_retryable"
    sql = "INSERT INTO project_quotas (project_id, max_tasks) VALUES ($1, 0)"
    await change(database, sql, workspace.project_id)
    with pytest.raises(TooManyTasks):
        await resources.ledger.retry(cancelled.id, workspace.owner)
    with pytest.raises(NotFound):
        await resources.ledger.retry(new_id(), workspace.owner)
