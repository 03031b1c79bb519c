"""How many tasks of a project run at once, however many workers claim."""

import asyncio

import pytest

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL
from shared.testing.leasing import Workers, lapse
from shared.testing.project import Workspace
from shared.testing.submission import submit

pytestmark = pytest.mark.integration


async def test_a_saturated_project_waits_and_the_next_one_runs(
    resources: Resources, workspace: Workspace, database: Database
) -> None:
    other, make = Workspace(*(new_id() for _ in range(5))), Workers(resources)
    await other.write(database)
    important = [await submit(resources, workspace, priority=9) for _ in range(4)]
    humble = await submit(resources, other, priority=0)
    claimed = [await make.claimed(make(running_tasks=2)) for _ in range(3)]
    assert [task.id for task in claimed] == [important[0].id, important[1].id, humble.id]
    assert await make(running_tasks=2).claim() is None
    # A lost run counts already, so taking it over needs no room.
    await lapse(resources, claimed[0])
    again = await make.claimed(make("w2", running_tasks=2))
    assert (again.id, again.attempts) == (important[0].id, 2)
    # What an administrator set for the project goes before the instance's setting.
    async with database.transaction() as session:
        sql = "INSERT INTO project_quotas (project_id, max_running_tasks) VALUES ($1, 3)"
        await session.execute(sql, workspace.project_id)
    assert (await make.claimed(make(running_tasks=2))).id == important[2].id
    assert await make(running_tasks=2).claim() is None
    await make.succeed(claimed[1])
    assert (await make.claimed(make(running_tasks=2))).id == important[3].id


async def test_the_removal_of_a_project_neither_waits_nor_counts(resources: Resources, workspace: Workspace) -> None:
    async def claim() -> str | None:
        task = await Workers(resources)(running_tasks=1).claim()
        return task.kind if task else None

    await submit(resources, workspace, PROJECT_REMOVAL)
    for _ in range(2):
        await submit(resources, workspace)
    assert [await claim(), await claim(), await claim()] == [PROJECT_REMOVAL, "compute", None]
    await submit(resources, workspace, PROJECT_REMOVAL)
    assert [await claim(), await claim()] == [PROJECT_REMOVAL, None]


async def test_exactly_so_many_when_all_claim_at_the_same_moment(
    settings: Settings, resources: Resources, workspace: Workspace
) -> None:
    crowd = Database(settings.model_copy(update={"database_pool_max_size": 12}))
    resources.database, make = crowd, Workers(resources)
    try:
        for _ in range(30):
            await submit(resources, workspace)
        for limit in (3, 7, 8):
            claims = await asyncio.gather(*(make(f"w{n}", running_tasks=limit).claim() for n in range(12)))
            assert sum(task is not None for task in claims) + (0, 3, 7)[(3, 7, 8).index(limit)] == limit
    finally:
        await crowd.close()
