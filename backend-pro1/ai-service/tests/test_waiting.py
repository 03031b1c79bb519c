"""Analyses that wait: for a dataset that is still being read, for other tasks, and no longer than they may."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, Task, TaskFailed, TaskRun, TaskStatus
from shared.tasks.leases import Leases
from shared.tasks.runner import TaskRunner, aftermath_of
from shared.testing.project import Workspace

from .bench import Bench
from .support import DatasetMaker

pytestmark = pytest.mark.integration


class Coming:
    """A dataset whose first version is being read, by a task that ends when told so."""

    def __init__(self, resources: Resources, workspace: Workspace, client: AsyncClient, dataset_id: UUID) -> None:
        self.resources = resources
        self.workspace = workspace
        self.client = client
        self.dataset_id = dataset_id
        self.bench = Bench(resources, workspace)

    async def begin(self) -> Task:
        """Submit the task that reads it."""
        people = (self.workspace.project_id, self.workspace.owner)
        new = NewTask("ingest", "ingest", *people, dataset_id=self.dataset_id, version=1)
        async with self.resources.database.transaction() as session:
            task = await self.resources.ledger.submit(session, new)
            await session.execute("UPDATE dataset_versions SET task_id = $1", task.id)
        return task

    async def read(self, *, well: bool) -> None:
        """Run that task to its end."""

        async def ingest(run: TaskRun) -> None:
            if not well:
                raise TaskFailed("bad_file", "It is no table.")
            async with run.commit() as session:
                await session.execute("UPDATE dataset_versions SET status = 'ready'")
                await session.execute("UPDATE datasets SET status = 'ready', current_version = 1")

        handlers = {"ingest": ingest}
        wakes = self.resources.ledger.wakes
        aftermath = aftermath_of(handlers)
        leases = Leases(
            self.resources.database, wakes, queue="ingest", worker="w", lease_seconds=15, aftermath=aftermath
        )
        claimed = await leases.claim()
        assert claimed is not None
        await TaskRunner(self.resources, leases, wakes, handlers).run(claimed)

    async def order(self, status: int = 202, **members: Any) -> dict[str, Any]:
        """What an order of an analysis is answered with."""
        named = {"project_id": str(self.workspace.project_id), "dataset_id": str(self.dataset_id)}
        answer = await self.client.post("/analysis", json={**named, "type": "describe", "params": {}, **members})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def end_of(self, order: dict[str, Any]) -> tuple[str, str | None]:
        """How the analysis stands."""
        found = (await self.client.get(f"/analysis/{order['id']}")).json()
        return found["status"], (found["error"] or {}).get("code")


@pytest.fixture
async def coming(resources: Resources, workspace: Workspace, client: AsyncClient, make_dataset: DatasetMaker) -> Coming:
    return Coming(resources, workspace, client, await make_dataset({"a": [1.0, 2.0, 4.0]}, "ingesting"))


async def test_what_is_still_being_read(coming: Coming) -> None:
    await coming.begin()
    good, wrong = await coming.order(), await coming.order(version=1, params={"columns": ["b"]})
    assert [(one["version"], one["waiting_for"], one["status"]) for one in (good, wrong)] == [(1, 1, "queued")] * 2
    await coming.read(well=True)
    for _ in range(2):
        await coming.bench.run_next()
    assert await coming.end_of(good) == ("succeeded", None)
    assert await coming.end_of(wrong) == ("failed", "column_not_found")


async def test_what_cannot_be_read_until_it_is_tried_again(coming: Coming) -> None:
    ingest = await coming.begin()
    order = await coming.order()
    await coming.read(well=False)
    assert await coming.end_of(order) == ("failed", "dependency_failed")
    retry = f"/analysis/{order['id']}/retry"
    assert (await coming.client.post(retry)).json()["code"] in ("dependency_failed", "not_settled")
    await coming.resources.ledger.retry(ingest.id, coming.workspace.owner)
    await coming.bench.settle()
    again = await coming.client.post(retry)
    assert (again.status_code, again.json()["id"], again.json()["waiting_for"]) == (202, order["id"], 1)
    await coming.read(well=True)
    assert (await coming.bench.run_next()).status == TaskStatus.SUCCEEDED
    assert (await coming.client.get(f"/analysis/{order['id']}/result")).status_code == 200


async def test_a_version_to_come_beside_one_that_is_there(coming: Coming) -> None:
    await coming.begin()
    async with coming.resources.database.transaction() as session:
        await session.execute("UPDATE datasets SET status = 'ready', current_version = 2")
        await session.execute(
            "INSERT INTO dataset_versions (dataset_id, version, status, parquet_key, parquet_sha256, schema) "
            "SELECT dataset_id, 2, 'ready', parquet_key, parquet_sha256, schema FROM dataset_versions"
        )
    for members, expected in (({}, (2, 0)), ({"version": 1}, (1, 1)), ({"version": 2}, (2, 0))):
        order = await coming.order(**members)
        assert (order["version"], order["waiting_for"]) == expected


async def test_other_tasks_are_waited_for(coming: Coming) -> None:
    ingest = await coming.begin()
    first = await coming.order()
    named = [str(ingest.id), first["id"], first["id"]]
    assert (await coming.order(after=named))["waiting_for"] == 2
    assert (await coming.order(404, after=[str(new_id())]))["code"] == "not_found"
    many = [str(new_id()) for _ in range(21)]
    assert (await coming.order(422, after=many))["errors"][0]["loc"] == ["body", "after"]


async def test_deadlines(coming: Coming) -> None:
    await coming.begin()
    now = datetime.now(UTC)
    soon = now + timedelta(days=29)
    found = (await coming.order(deadline=soon.isoformat()))["deadline"]
    assert datetime.fromisoformat(found) == soon
    for wrong in (now, now + timedelta(days=31), datetime.min.replace(tzinfo=UTC), datetime(2100, 1, 1)):  # noqa: DTZ001 - without a zone
        refused = await coming.order(422, deadline=wrong.isoformat())
        assert refused["errors"][0]["loc"] == ["body", "deadline"]
