"""DELETE /api/v1/projects/{id} over the real servers, emptied by a real worker of the data service."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.worker_process import WorkerProcess

from ..app.repositories import unit_of_work
from ..app.services.removals import RemovalService
from .people import Person
from .staff import administrator, code, id_of, run, said, value
from .test_projects import ABSENT, create, join

pytestmark = pytest.mark.integration

_VERSION = """
INSERT INTO dataset_versions (dataset_id, version, filename, raw_keys, raw_bytes, raw_sha256)
VALUES ($1, 1, 'f', ARRAY[$2], 1, '')
"""
_TASK = """
INSERT INTO analysis_tasks (id, kind, queue, project_id, created_by) VALUES ($1, 'analysis', 'ai', $2, $3)
"""


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, database: Database) -> Iterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path, "data-service.app.worker").start()
    yield process
    process.kill()


@pytest.fixture
def removals(resources: Resources) -> RemovalService:
    return RemovalService(unit_of_work(resources.database), resources.ledger)


async def fill(resources: Resources, project_id: str, person: Person) -> None:
    """A dataset with a file, a file of nothing, and a queued task."""
    database, dataset_id, project, key = resources.database, new_id(), UUID(project_id), f"{project_id}/d/1"
    await run(database, "INSERT INTO datasets (id, project_id, name) VALUES ($1, $2, 'd')", dataset_id, project)
    await run(database, _VERSION, dataset_id, key)
    await run(database, _TASK, new_id(), project, id_of(person))
    for name in (key, f"{project_id}/d/2"):
        await resources.object_store.put_bytes(name, b"x")


async def rows_of(database: Database, project_id: str) -> tuple[int, int]:
    datasets = await value(database, "SELECT count(*) FROM datasets WHERE project_id = $1", UUID(project_id))
    tasks = await value(database, "SELECT count(*) FROM analysis_tasks WHERE project_id = $1", UUID(project_id))
    return datasets, tasks


async def test_waited_for_until_all_is_gone(ada: Person, resources: Resources, worker: WorkerProcess) -> None:
    project_id, other = await create(ada), await create(ada)
    for each in (project_id, other):
        await fill(resources, each, ada)
    answer = await ada.call("DELETE", f"/projects/{project_id}?wait=30")
    body = answer.json()
    assert (answer.status_code, body["kind"], body["status"]) == (200, "project_removal", "succeeded"), body
    assert (body["project_id"], body["created_by"]) == (project_id, ada.user["id"])
    assert body["links"]["self"] == answer.headers["location"] == f"/api/v1/tasks/{body['id']}"
    assert [entry.key async for entry in resources.object_store.list("")] == [f"{other}/d/1", f"{other}/d/2"]
    assert await rows_of(resources.database, project_id) == (0, 1)
    assert await rows_of(resources.database, other) == (1, 1)
    row = await value(resources.database, "SELECT name || description FROM projects WHERE id = $1", UUID(project_id))
    assert row == "Removed"


async def test_at_once_nobody_sees_anything(ada: Person, bob: Person, resources: Resources) -> None:
    project_id = await create(ada)
    await join(ada, project_id, bob, "owner")
    await fill(resources, project_id, ada)
    answer = await ada.call("DELETE", f"/projects/{project_id}")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["status"]) == (202, "1", "queued")
    for person in (ada, bob):
        assert (await person.call("GET", "/projects")).json()["items"] == []
        for part in ("", "/members", "/invitations", "/quotas", "/usage"):
            assert code(await person.call("GET", f"/projects/{project_id}{part}")) == (404, "not_found")
        assert code(await person.call("DELETE", f"/projects/{project_id}")) == (404, "not_found")
    task_id = UUID(answer.json()["id"])
    assert [task.id for task in await resources.ledger.list(id_of(ada))] == [task_id]
    assert await resources.ledger.list(id_of(bob)) == []


async def test_of_two_who_remove_it_at_once_one_does(ada: Person, bob: Person, resources: Resources) -> None:
    project_id = await create(ada)
    await join(ada, project_id, bob, "owner")
    calls = [person.call("DELETE", f"/projects/{project_id}") for person in (ada, bob) * 4]
    assert Counter(answer.status_code for answer in await asyncio.gather(*calls)) == {202: 1, 404: 7}
    assert (await rows_of(resources.database, project_id))[1] == 1


async def test_only_owners(ada: Person, bob: Person, client: AsyncClient, database: Database) -> None:
    project_id, root = await create(ada), await administrator(client, database)
    foreign = await bob.call("DELETE", f"/projects/{project_id}")
    assert said(foreign) == said(await bob.call("DELETE", f"/projects/{ABSENT}"))
    assert code(foreign) == code(await root.call("DELETE", f"/projects/{project_id}")) == (404, "not_found")
    await join(ada, project_id, bob, "editor")
    assert code(await bob.call("DELETE", f"/projects/{project_id}")) == (403, "forbidden")
    assert (await ada.call("GET", f"/projects/{project_id}")).status_code == 200
    assert (await ada.call("POST", f"/projects/{project_id}/archive")).status_code == 200
    assert (await ada.call("DELETE", f"/projects/{project_id}")).status_code == 202


async def test_one_that_changes_something_is_waited_for(ada: Person, database: Database) -> None:
    project_id = await create(ada)
    async with database.transaction() as session:
        await session.execute("SELECT 1 FROM projects WHERE id = $1 FOR KEY SHARE", UUID(project_id))
        removing = asyncio.create_task(ada.call("DELETE", f"/projects/{project_id}"))
        await asyncio.sleep(0.3)
        assert not removing.done()
    assert (await removing).status_code == 202


class TestTidy:
    async def remove(self, ada: Person) -> tuple[str, str]:
        project_id = await create(ada)
        return project_id, (await ada.call("DELETE", f"/projects/{project_id}")).json()["id"]

    async def end(self, database: Database, task_id: str, status: TaskStatus, days: int) -> None:
        ago = f"now() - interval '{days} days'"
        sql = f"UPDATE analysis_tasks SET status = $2, finished_at = {ago} WHERE id = $1"  # noqa: S608 - a number
        await run(database, sql, UUID(task_id), status.value)
        await run(database, f"UPDATE projects SET deleted_at = {ago} WHERE deleted_at IS NOT NULL")  # noqa: S608 - the same

    @pytest.mark.parametrize(("days", "left"), [(6, 1), (8, 0)])
    async def test_a_week_after_its_end_nothing_is_left(
        self, ada: Person, database: Database, removals: RemovalService, days: int, left: int
    ) -> None:
        project_id, task_id = await self.remove(ada)
        await create(ada)
        await self.end(database, task_id, TaskStatus.SUCCEEDED, days)
        await removals.tidy()
        assert await value(database, "SELECT count(*) FROM projects WHERE id = $1", UUID(project_id)) == left
        assert await rows_of(database, project_id) == (0, left)
        assert len((await ada.call("GET", "/projects")).json()["items"]) == 1

    async def test_what_failed_is_tried_again_once(
        self, ada: Person, database: Database, removals: RemovalService, resources: Resources
    ) -> None:
        project_id, task_id = await self.remove(ada)
        await self.end(database, task_id, TaskStatus.FAILED, 8)
        await removals.tidy()
        await removals.tidy()
        tasks = await resources.ledger.list(id_of(ada), project_id=UUID(project_id))
        assert [task.status for task in tasks] == ["queued", "failed"]
        assert tasks[0].created_by == id_of(ada)
