"""The task that removes a project: who sees it, and what becomes of the project's other tasks."""

from uuid import UUID

import pytest

from shared.database import Database
from shared.errors import Conflict, NotFound
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL, NewTask, Task
from shared.tasks.removals import call_off, count_running, remove_others
from shared.testing.project import Workspace
from shared.testing.submission import submit

pytestmark = pytest.mark.integration

_STATUSES = """
SELECT array_agg(id::text || ' ' || status || ' ' || cancel_requested) FROM analysis_tasks WHERE project_id = $1
"""
_RUN = """
UPDATE analysis_tasks SET status = 'running', attempts = 1, worker = 'w', lease_until = now() + $2 * interval '1 second'
WHERE id = $1
"""


@pytest.fixture
async def removal(resources: Resources, workspace: Workspace) -> Task:
    """The owner has removed the project."""
    async with resources.database.transaction() as session:
        await session.execute("DELETE FROM project_members WHERE project_id = $1", workspace.project_id)
        await session.execute("UPDATE projects SET deleted_at = now() WHERE id = $1", workspace.project_id)
        order = NewTask(PROJECT_REMOVAL, "data", workspace.project_id, workspace.owner)
        return await resources.ledger.submit(session, order)


async def run(database: Database, task: Task, lease_seconds: float) -> None:
    async with database.transaction() as session:
        await session.execute(_RUN, task.id, lease_seconds)


async def statuses(database: Database, project_id: UUID) -> dict[UUID, tuple[str, bool]]:
    async with database.transaction() as session:
        rows = [row.split() for row in await session.fetch_value(_STATUSES, project_id)]
    return {UUID(task_id): (status, asked == "true") for task_id, status, asked in rows}


async def test_who_asked_for_it_follows_it(resources: Resources, workspace: Workspace, removal: Task) -> None:
    ledger = resources.ledger
    assert (await ledger.read(removal.id, workspace.owner)).id == removal.id
    assert [task.id for task in await ledger.list(workspace.owner)] == [removal.id]
    assert (await anext(ledger.events(removal.id, workspace.owner, 0))).data["status"] == "queued"


async def test_nobody_else_does(resources: Resources, workspace: Workspace, removal: Task) -> None:
    for user in (workspace.editor, workspace.viewer, workspace.stranger):
        with pytest.raises(NotFound):
            await resources.ledger.read(removal.id, user)
        assert await resources.ledger.list(user) == []
        assert [event async for event in resources.ledger.events(removal.id, user, 0)] == []


async def test_other_tasks_of_the_project_are_seen_by_nobody(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    task = await submit(resources, workspace)
    async with database.transaction() as session:
        await session.execute("DELETE FROM project_members WHERE project_id = $1", workspace.project_id)
    with pytest.raises(NotFound):
        await resources.ledger.read(task.id, workspace.owner)
    assert await resources.ledger.list(workspace.owner) == []


async def test_it_is_listed_among_the_others_in_order(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    tasks = [await submit(resources, workspace) for _ in range(2)]
    async with database.transaction() as session:
        order = NewTask(PROJECT_REMOVAL, "data", workspace.project_id, workspace.owner)
        tasks.append(await resources.ledger.submit(session, order))
    tasks.append(await submit(resources, workspace))
    expected = [task.id for task in tasks[::-1]]
    first = await resources.ledger.list(workspace.owner, limit=2)
    rest = await resources.ledger.list(workspace.owner, limit=2, before=first[-1].id)
    assert [task.id for task in (*first, *rest)] == expected
    kinds = await resources.ledger.list(workspace.owner, kind=PROJECT_REMOVAL)
    assert [task.id for task in kinds] == [tasks[2].id]


async def test_it_cannot_be_called_off(resources: Resources, workspace: Workspace, removal: Task) -> None:
    with pytest.raises(Conflict) as refused:
        await resources.ledger.cancel(removal.id, workspace.owner)
    assert refused.value.code == "not_cancellable"
    with pytest.raises(NotFound):
        await resources.ledger.cancel(removal.id, workspace.editor)
    assert (await resources.ledger.read(removal.id, workspace.owner)).status == "queued"


async def test_others_are_called_off_and_removed(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    queued, running, lapsed = [await submit(resources, workspace) for _ in range(3)]
    await run(database, running, 60)
    await run(database, lapsed, -1)
    async with database.transaction() as session:
        order = NewTask(PROJECT_REMOVAL, "data", workspace.project_id, workspace.owner)
        removal = await resources.ledger.submit(session, order)
        assert set(await call_off(session, workspace.project_id)) == {running.id, lapsed.id}
        assert await call_off(session, workspace.project_id) == []
        # A run without a lease is as good as ended.
        assert await count_running(session, workspace.project_id) == 1
    assert await statuses(database, workspace.project_id) == {
        queued.id: ("cancelled", True),
        running.id: ("running", True),
        lapsed.id: ("running", True),
        removal.id: ("queued", False),
    }
    async with database.transaction() as session:
        assert [await remove_others(session, workspace.project_id, removal.id, 2) for _ in range(3)] == [2, 1, 0]
    assert list(await statuses(database, workspace.project_id)) == [removal.id]
