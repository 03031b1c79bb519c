"""Orders of analyses repeated with an Idempotency-Key, and entity tags of tasks, against real servers."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from shared.database import Database
from shared.idempotency.answers import REPLAYED
from shared.resources import Resources
from shared.tasks import Task, TaskLedger
from shared.testing.project import Workspace

from .bench import Bench
from .support import DatasetMaker, MakeWorker

pytestmark = pytest.mark.integration

KEYED = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


class Killed(BaseException):
    """Ends a request where no handler of errors looks."""


@pytest.fixture
async def order(workspace: Workspace, make_dataset: DatasetMaker) -> dict[str, Any]:
    """The body of an order."""
    dataset_id = await make_dataset({"a": [1.0, 2.0, 4.0], "b": [2.0, 4.0, 9.0]})
    return {"project_id": str(workspace.project_id), "dataset_id": str(dataset_id), "params": {}}


async def tasks(database: Database) -> int:
    async with database.transaction(read_only=True) as session:
        return int(await session.fetch_value("SELECT count(*) FROM analysis_tasks"))


def equal(first: Response, again: Response) -> bool:
    """Whether a repetition got the first answer."""
    named = ("location", "retry-after", "content-type")
    same = all(first.headers.get(name) == again.headers.get(name) for name in named)
    replayed = (first.headers.get(REPLAYED), again.headers.get(REPLAYED)) == (None, "true")
    return same and replayed and (first.status_code, first.content) == (again.status_code, again.content)


class TestSubmit:
    async def test_both_doors(self, client: AsyncClient, database: Database, order: dict[str, Any]) -> None:
        for number, (path, body) in enumerate(
            [("/analysis", {**order, "type": "describe"}), ("/analysis/describe", order)], 1
        ):
            keyed = {"Idempotency-Key": path}
            first, again = [await client.post(path, json=body, headers=keyed) for _ in range(2)]
            assert first.status_code == 202
            assert equal(first, again)
            other = await client.post(path, json={**body, "seed": 5}, headers=keyed)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
            assert await tasks(database) == number

    async def test_a_hundred_at_once_make_one_task(
        self, client: AsyncClient, database: Database, order: dict[str, Any]
    ) -> None:
        answers = await asyncio.gather(
            *(client.post("/analysis/describe", json=order, headers=KEYED) for _ in range(100))
        )
        assert {answer.status_code for answer in answers} <= {202, 409, 503}
        assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
        assert await tasks(database) == 1

    async def test_killed_before_its_answer(
        self, client: AsyncClient, database: Database, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def die(_: TaskLedger, __: Task) -> None:
            raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(TaskLedger, "ring", die)
            await client.post("/analysis/describe", json=order, headers=KEYED)
        answer = await client.post("/analysis/describe", json=order, headers=KEYED)
        assert (answer.status_code, answer.headers[REPLAYED]) == (202, "true")
        assert UUID(answer.json()["id"])
        assert await tasks(database) == 1

    async def test_waited_for(
        self, client: AsyncClient, database: Database, order: dict[str, Any], make_worker: MakeWorker
    ) -> None:
        make_worker()
        path = "/analysis/describe?wait=60"
        first, again = [await client.post(path, json=order, headers=KEYED) for _ in range(2)]
        assert (first.status_code, first.json()["status"]) == (200, "succeeded")
        assert equal(first, again)
        assert await tasks(database) == 1
        await self._unchanged(client, f"/analysis/{first.json()['id']}/result")
        await self._unchanged(client, f"/tasks/{first.json()['id']}/result")

    async def test_a_task_names_its_state(self, client: AsyncClient, order: dict[str, Any]) -> None:
        task_id = (await client.post("/analysis/describe", json=order)).json()["id"]
        tags = [await self._unchanged(client, f"/{place}/{task_id}") for place in ("analysis", "tasks")]
        await client.post(f"/tasks/{task_id}/cancel")
        for place, tag in zip(("analysis", "tasks"), tags, strict=True):
            changed = await client.get(f"/{place}/{task_id}", headers={"If-None-Match": tag})
            assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")

    @staticmethod
    async def _unchanged(client: AsyncClient, path: str) -> str:
        tag = (await client.get(path)).headers["etag"]
        answer = await client.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        return tag


async def test_retry(
    client: AsyncClient, database: Database, order: dict[str, Any], resources: Resources, workspace: Workspace
) -> None:
    task_id = (await client.post("/analysis/describe", json=order)).json()["id"]
    await client.post(f"/analysis/{task_id}/cancel")
    await Bench(resources, workspace).settle()
    first, again = [await client.post(f"/analysis/{task_id}/retry", headers=KEYED) for _ in range(2)]
    assert (first.status_code, first.json()["id"], equal(first, again)) == (202, task_id, True)
    assert await tasks(database) == 1


async def test_replay(
    client: AsyncClient, database: Database, order: dict[str, Any], resources: Resources, workspace: Workspace
) -> None:
    bench = Bench(resources, workspace)
    done = await bench.run(UUID(order["dataset_id"]), "describe", {"columns": None})
    path = f"/analysis/{done.id}/replay"
    first, again = [await client.post(path, headers=KEYED) for _ in range(2)]
    assert (first.status_code, first.json()["kind"], equal(first, again)) == (202, "replay", True)
    assert await tasks(database) == 2
    await bench.run_next()
    for place in (first.headers["location"], f"/tasks/{first.json()['id']}"):
        result = (await client.get(f"{place}/result")).json()
        assert (result["type"], result["summary"]["match"]) == ("replay", True)
    hashes = (await client.get(f"/analysis/{done.id}/result")).json()["manifest"]["hashes"]
    assert hashes.keys() == {"summary", "tables", "charts", "warnings"}
