"""A dataset from version to version with a real worker: appended, upserted, replaced, and what changed each time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.logins import log_in
from shared.testing.patience import eventually
from shared.testing.project import Workspace
from shared.testing.submission import until
from shared.testing.worker_process import WorkerProcess

from .conftest import upload

pytestmark = pytest.mark.integration

FIRST = "id,code,price\n1,007,1.5\n2,b,2.5\n3,c,\n"
MANY = 300_000


class World:
    """The service, an editor of a project, a worker, and the dataset that they work on."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str], worker: WorkerProcess) -> None:
        self.client = client
        self.headers = headers
        self.worker = worker
        self.place = ""

    async def create(self, project_id: UUID, text: str) -> None:
        """Upload the first version."""
        made = await upload(self.client, self.headers, text, "?wait=60", project_id=str(project_id))
        assert made.json()["status"] == "ready", made.text
        self.place = f"/manage/datasets/{made.json()['id']}"

    async def add(self, text: str, mode: str, key: str = "", wait: int = 60) -> httpx.Response:
        """Upload the next."""
        files = {"file": ("more.csv", text.encode(), "text/csv")}
        data = {"mode": mode} | ({"key": key} if key else {})
        return await self.client.post(
            f"{self.place}/versions?wait={wait}", headers=self.headers, data=data, files=files
        )

    async def get(self, path: str) -> dict[str, Any]:
        """What a member sees."""
        answer = await self.client.get(f"{self.place}{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def rows(self, version: int) -> list[list[Any]]:
        """The first rows of a version."""
        found: list[list[Any]] = (await self.get(f"/preview?version={version}"))["rows"]
        return found


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, database: Database) -> Iterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path, "data-service.app.worker", TASK_LEASE_SECONDS="3").start()
    yield process
    process.kill()


@pytest.fixture
async def world(
    client: httpx.AsyncClient, editor: dict[str, str], worker: WorkerProcess, workspace: Workspace
) -> World:
    made = World(client, editor, worker)
    await made.create(workspace.project_id, FIRST)
    return made


def counts(diff: dict[str, Any]) -> tuple[int, ...]:
    return tuple(diff[f"rows_{kind}"] for kind in ("added", "removed", "changed", "unchanged"))


async def test_from_version_to_version(
    world: World, workspace: Workspace, settings: Settings, database: Database
) -> None:
    appended = await world.add("price,CODE,id\n4.5,008,4\n", "append")
    assert (appended.status_code, appended.json()["current_version"]) == (200, 2), appended.text
    assert await world.rows(2) == [[1, "007", 1.5], [2, "b", 2.5], [3, "c", None], [4, "008", 4.5]]
    upserted = await world.add("id,code,price\n9,z,9\n2,B,20.5\n", "upsert", "id")
    assert upserted.json()["current_version"] == 3, upserted.text
    assert await world.rows(3) == [[1, "007", 1.5], [2, "B", 20.5], [3, "c", None], [4, "008", 4.5], [9, "z", 9.0]]
    replaced = await world.add("id,other\n1,x\n", "replace")
    assert replaced.json()["current_version"] == 4, replaced.text

    versions = {entry["version"]: entry for entry in (await world.get("/versions"))["items"]}
    assert [versions[number]["operation"]["op"] for number in (1, 2, 3, 4)] == ["upload", "append", "upsert", "replace"]
    assert versions[3]["report"]["merge"] == {
        "mode": "upsert",
        "rows_before": 4,
        "rows_added": 1,
        "rows_updated": 1,
        "duplicates_in_file": 0,
    }

    assert counts(await world.get("/versions/1/diff/2")) == (1, 0, 0, 3)
    assert counts(await world.get("/versions/2/diff/3")) == (2, 1, 0, 3)
    assert counts(await world.get("/versions/2/diff/2?key=id")) == (0, 0, 0, 4)
    keyed = await world.get("/versions/2/diff/3?key=id")
    assert (keyed["from"], keyed["to"], counts(keyed)) == (2, 3, (1, 0, 1, 3))
    assert keyed["samples"]["changed"][0]["after"] == {"id": 2, "code": "B", "price": 20.5}
    (price,) = [entry for entry in keyed["statistics"] if entry["column"] == "price"]
    assert (price["from"]["max"], price["to"]["max"], price["difference"]["max"]) == (4.5, 20.5, 16.0)
    last = await world.get("/versions/3/diff/4?key=id")
    assert [column["name"] for column in last["columns_removed"]] == ["code", "price"]
    assert counts(last) == (0, 4, 1, 0)

    first = await world.get("/versions/2/diff/3/rows?key=id&limit=1")
    second = await world.get(f"/versions/2/diff/3/rows?key=id&limit=1&cursor={first['next_cursor']}")
    assert [page["items"][0]["kind"] for page in (first, second)] == ["changed", "added"]
    assert second["next_cursor"] is None
    assert await world.get("/versions/2/diff/3/rows?key=id&kind=removed") == {"items": [], "next_cursor": None}

    refusals = {"1/diff/9": (404, "not_found"), "1/diff/2?key=nope": (422, "unknown_column")}
    for path, expected in refusals.items():
        answer = await world.client.get(f"{world.place}/versions/{path}", headers=world.headers)
        assert (answer.status_code, answer.json()["code"]) == expected
    stranger = await log_in(settings, database, workspace.stranger)
    answer = await world.client.get(f"{world.place}/versions/1/diff/2", headers=stranger)
    assert answer.status_code == 404


async def test_what_does_not_fit_changes_nothing(world: World) -> None:
    for text, mode, key, code in (
        ("id,code\n4,d\n", "append", "", "schema_mismatch"),
        ("id,code,price\nx,d,1\n", "append", "", "schema_mismatch"),
        ("id,code,price\n4,d,1\n", "upsert", "no", "unknown_column"),
    ):
        answer = await world.add(text, mode, key)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert len((await world.get("/versions"))["items"]) == 1

    # Too far behind to be seen at once.
    lines = "".join(f"{number},a,1\n" for number in range(150_000))
    late = (await world.add(f"id,code,price\n{lines}5,a,oops\n", "append")).json()
    assert (late["current_version"], late["status"], late["error"]["code"]) == (1, "ready", "schema_mismatch")

    world.worker.kill()
    assert (await world.add("id,code,price\n4,d,1\n", "append", wait=0)).status_code == 202
    again = await world.add("id,code,price\n5,e,1\n", "append", wait=0)
    assert (again.status_code, again.json()["code"]) == (409, "version_in_progress")


async def test_a_worker_killed_in_a_merge_leaves_one_result(
    world: World, workspace: Workspace, resources: Resources, tmp_path: Path
) -> None:
    lines = "".join(f"{number},a,{number / 2}\n" for number in range(MANY))
    dataset = (await world.add(f"id,code,price\n{lines}", "upsert", "id", wait=0)).json()
    task = await resources.ledger.read(UUID(dataset["task_id"]), workspace.editor)
    # The rows of the file are being read, or have been.
    await eventually(lambda: any(tmp_path.glob("cache-scratch/*/file.parquet")), 30)
    world.worker.kill()
    assert (await resources.ledger.read(task.id, workspace.editor)).status == "running"
    world.worker.start()
    assert (await until(resources, task, TaskStatus.SUCCEEDED, 60)).attempts == 2
    versions = (await world.get("/versions"))["items"]
    assert [(entry["version"], entry["status"], entry["rows"]) for entry in versions] == [
        (2, "ready", MANY),
        (1, "ready", 3),
    ]
    assert versions[0]["report"]["merge"]["rows_updated"] == 3
