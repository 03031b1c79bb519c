"""Tasks of the data service that failed and are done again, each run in the test's own process."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.resources import Resources
from shared.tasks import StaleAttempt, Task, TaskRun, TaskStatus
from shared.tasks.leases import Leases
from shared.tasks.runner import TaskRunner, aftermath_of
from shared.testing.locks import until_somebody_waits
from shared.testing.logins import log_in
from shared.testing.project import Workspace

from ..app.repositories import datasets, versions
from ..app.services import contents
from .conftest import upload
from .ready import HANDLERS

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]


class Retries:
    """An editor's datasets, and a worker that runs one task at a time; `settings` are its limits."""

    def __init__(self, resources: Resources, client: httpx.AsyncClient, headers: dict[str, str], who: UUID) -> None:
        self.resources = resources
        self.client = client
        self.headers = headers
        self.who = who
        self._settings = resources.settings

    async def run_next(self, **limits: Any) -> Task:
        """The task whose turn it is, after its run."""
        leases = self._leases()
        claimed = await leases.claim()
        assert claimed is not None
        self.resources.settings = self._settings.model_copy(update=limits)
        await TaskRunner(self.resources, leases, self.resources.ledger.wakes, HANDLERS).run(claimed)
        self.resources.settings = self._settings
        return await self.resources.ledger.read(claimed.id, self.who)

    async def settle(self) -> int:
        """What a worker does for tasks that have ended without it; their number."""
        return await self._leases().reconcile()

    def late_run(self, task: Task) -> TaskRun:
        """A run that still believes to hold the task as it was."""
        return TaskRun(task, self.resources, self._leases())

    def _leases(self) -> Leases:
        database, wakes, aftermath = self.resources.database, self.resources.ledger.wakes, aftermath_of(HANDLERS)
        return Leases(database, wakes, queue="ingest", worker="w", lease_seconds=15, aftermath=aftermath)

    async def fail_next(self) -> Task:
        """The same, when it has no time."""
        ended = await self.run_next(task_timeout_seconds=0.001)
        assert (ended.status, ended.error_code) == (TaskStatus.FAILED, "timeout"), ended.error_detail
        return ended

    async def retry(self, task: Task) -> Task:
        """The task after another run."""
        await self.resources.ledger.retry(task.id, self.who)
        again = await self.run_next()
        assert again.id == task.id
        return again

    async def dataset(self, place: str) -> tuple[Any, ...]:
        """Its status, its current version, and its error."""
        found = (await self.client.get(place, headers=self.headers)).json()
        return found["status"], found["current_version"], (found["error"] or {}).get("code")

    async def add(self, place: str, text: str = "a\n2\n") -> dict[str, Any]:
        """A file that is to replace the content."""
        files = {"file": ("more.csv", text.encode(), "text/csv")}
        answer = await self.client.post(
            f"{place}/versions", headers=self.headers, data={"mode": "replace"}, files=files
        )
        found: dict[str, Any] = answer.json()
        assert answer.status_code == 202, answer.text
        return found

    async def called_off(self, place: str) -> None:
        """A version whose task is cancelled while it waits; no worker has done yet what is due then."""
        await self.add(place)
        task = await task_of(self, place)
        assert (await self.resources.ledger.cancel(task.id, self.who)).status == TaskStatus.CANCELLED

    async def outcomes(self, task: Task) -> list[str]:
        """How each run of the task has ended."""
        sql = "SELECT array_agg(outcome ORDER BY claim) FROM task_attempts WHERE task_id = $1"
        async with self.resources.database.transaction(read_only=True) as session:
            return list(await session.fetch_value(sql, task.id))


@pytest.fixture
async def retries(resources: Resources, client: httpx.AsyncClient, workspace: Workspace) -> Retries:
    headers = await log_in(resources.settings, resources.database, workspace.editor)
    return Retries(resources, client, headers, workspace.editor)


@pytest.fixture
async def place(retries: Retries, workspace: Workspace) -> str:
    """A dataset whose first version could not be read in time."""
    made = await upload(retries.client, retries.headers, "a\n1\n", project_id=str(workspace.project_id))
    await retries.fail_next()
    return f"/manage/datasets/{made.json()['id']}"


async def task_of(retries: Retries, place: str) -> Task:
    found = (await retries.client.get(place, headers=retries.headers)).json()
    return await retries.resources.ledger.read(UUID(found["task_id"]), retries.who)


async def test_an_ingest_that_had_no_time_twice(retries: Retries, place: str) -> None:
    assert await retries.dataset(place) == ("failed", None, "timeout")
    task = await task_of(retries, place)
    await retries.resources.ledger.retry(task.id, retries.who)
    with pytest.raises(StaleAttempt):
        await contents.open_version(retries.late_run(task))
    await retries.fail_next()
    assert await retries.dataset(place) == ("failed", None, "timeout")
    again = await retries.retry(task)
    assert again.status == TaskStatus.SUCCEEDED, again.error_detail
    assert await retries.dataset(place) == ("ready", 1, None)
    assert await retries.outcomes(again) == ["failed", "failed", "succeeded"]


async def test_while_another_version_is_being_made(retries: Retries, place: str) -> None:
    failed = await task_of(retries, place)
    await retries.add(place)
    await retries.resources.ledger.retry(failed.id, retries.who)
    ended = {}
    for _ in range(2):
        task = await retries.run_next()
        ended[task.id] = (task.status, task.error_code)
        if task.id == failed.id:
            assert await retries.dataset(place) == ("failed", None, None)
    assert ended[failed.id] == (TaskStatus.FAILED, "version_in_progress")
    assert await retries.dataset(place) == ("ready", 2, None)
    # What comes late would be in no later version: it is refused, not made in vain.
    late = await retries.retry(failed)
    assert (late.status, late.error_code) == (TaskStatus.FAILED, "version_superseded")
    assert await retries.dataset(place) == ("ready", 2, None)
    assert (await retries.client.get(f"{place}/versions/1", headers=retries.headers)).json()["status"] == "failed"


async def test_a_version_that_was_called_off_stands_in_nobodys_way(retries: Retries, place: str) -> None:
    failed = await task_of(retries, place)
    # An earlier one is tried again, another one is sent, and one is gone back to.
    await retries.called_off(place)
    assert (await retries.retry(failed)).status == TaskStatus.SUCCEEDED
    await retries.called_off(place)
    await retries.add(place)
    assert (await retries.run_next()).version == 4
    await retries.called_off(place)
    answer = await retries.client.post(f"{place}/rollback", headers=retries.headers, json={"version": 1})
    assert answer.status_code == 200, answer.text
    assert await retries.dataset(place) == ("ready", 6, None)
    assert await retries.settle() == 3
    assert await retries.dataset(place) == ("ready", 6, None)
    found = (await retries.client.get(f"{place}/versions", headers=retries.headers)).json()["items"]
    assert sorted(one["version"] for one in found if one["status"] == "failed") == [2, 3, 5]


async def test_what_is_due_for_a_version_that_was_called_off_waits_for_who_begins_another(
    retries: Retries, place: str
) -> None:
    await retries.called_off(place)
    dataset_id, other = UUID(Path(place).name), await task_of(retries, place)
    async with retries.resources.database.transaction() as session:
        await datasets.lock(session, dataset_id)
        settling = asyncio.create_task(retries.settle())
        await until_somebody_waits(retries.resources.database)
        await versions.give_up(session, dataset_id)
        await datasets.mark_started(session, dataset_id, other.id)
    assert await settling == 1
    # That one is under way, and has not failed.
    assert (await retries.dataset(place))[2] is None


async def test_where_there_is_nothing_left(retries: Retries, place: str) -> None:
    async for entry in retries.resources.object_store.list(""):
        await retries.resources.object_store.remove(entry.key)
    task = await task_of(retries, place)
    assert (await retries.retry(task)).error_code == "missing_object"
    assert await retries.dataset(place) == ("failed", None, "missing_object")
    for change, code in {
        "UPDATE dataset_versions SET status = 'expired'": "version_expired",
        "UPDATE dataset_versions SET status = 'failed'": "missing_object",
        "UPDATE datasets SET deleted_at = now()": "dataset_removed",
        "DELETE FROM datasets": "dataset_removed",
    }.items():
        async with retries.resources.database.transaction() as session:
            await session.execute(change)
        ended = await retries.retry(task)
        assert (ended.status, ended.error_code) == (TaskStatus.FAILED, code)


async def test_processing_and_a_query_that_had_no_time(retries: Retries, place: str, workspace: Workspace) -> None:
    await retries.retry(await task_of(retries, place))
    order = {
        "project_id": str(workspace.project_id),
        "dataset_id": Path(place).name,
        "steps": [{"op": "limit", "n": 1}],
        "output": {"name": "made"},
    }
    task_id = UUID((await retries.client.post("/process/run", headers=retries.headers, json=order)).json()["id"])
    failed = await retries.fail_next()
    assert failed.id == task_id
    again = await retries.retry(failed)
    assert (again.status, await retries.dataset(f"/manage/datasets/{again.dataset_id}")) == (
        TaskStatus.SUCCEEDED,
        ("ready", 1, None),
    )
    query = {"project_id": str(workspace.project_id), "sql": "SELECT * FROM numbers", "background": True}
    made = await retries.client.post("/process/query", headers=retries.headers, json=query)
    assert made.status_code == 202, made.text
    failed = await retries.run_next(query_task_timeout_seconds=0.001)
    assert (failed.kind, failed.error_code) == ("query", "timeout")
    assert (await retries.retry(failed)).status == TaskStatus.SUCCEEDED
