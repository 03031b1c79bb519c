"""Steps over datasets against real servers: accepted, refused, run by a worker in the test's own loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.logins import log_in
from shared.testing.project import Workspace

from ..app.services.process_tasks import Process
from .ready import add_version, ready_dataset, working

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]

SALES = "SELECT i AS a, i % 3 AS k, i / 2 AS price FROM range(100) r(i)"
KINDS = "SELECT i AS k, 'kind ' || i AS kind FROM range(3) r(i)"
CHEAP = [{"op": "filter", "where": "price < 5"}, {"op": "derive", "name": "twice", "expression": "price * 2"}]
HANDLERS = {"process": Process()}
Send = Callable[..., Any]


@pytest.fixture
async def sales(resources: Resources, workspace: Workspace, tmp_path: Path) -> UUID:
    return await ready_dataset(resources, workspace, tmp_path, "sales", SALES)


@pytest.fixture
def send(client: httpx.AsyncClient, workspace: Workspace, editor: dict[str, str], sales: UUID) -> Send:
    async def sent(path: str, status: int = 202, **body: Any) -> dict[str, Any]:
        full = {"project_id": str(workspace.project_id), "dataset_id": str(sales), **body}
        answer = await client.post(f"/process/{path}", headers=editor, json=full)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return sent


async def rows(client: httpx.AsyncClient, editor: dict[str, str], task: dict[str, Any]) -> list[list[Any]]:
    place = f"/manage/datasets/{task['dataset_id']}/preview?limit=100&version={task['version']}"
    answer = (await client.get(place, headers=editor)).json()
    found: list[list[Any]] = answer["rows"]
    return found


async def test_operations(client: httpx.AsyncClient, editor: dict[str, str]) -> None:
    answer = (await client.get("/process/operations", headers=editor)).json()
    ops = {item["op"] for item in answer["items"]}
    assert {"select", "filter", "join", "pivot", "anonymise", "train_test_split"} <= ops
    assert all(item["schema"]["properties"]["op"]["const"] == item["op"] for item in answer["items"])
    assert all(item["example"]["op"] == item["op"] for item in answer["items"])
    assert "round" in {function["name"] for function in answer["functions"]}


async def test_a_new_dataset(
    client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, send: Send, sales: UUID
) -> None:
    async with working(resources, HANDLERS):
        task = await send("run?wait=30", 200, steps=CHEAP, output={"name": "cheap"})
    assert (task["kind"], task["status"], task["version"]) == ("process", "succeeded", 1), task
    assert await rows(client, editor, task) == [[i, i % 3, i / 2, float(i)] for i in range(10)]
    place = f"/manage/datasets/{task['dataset_id']}"
    dataset = (await client.get(place, headers=editor)).json()
    assert (dataset["name"], dataset["status"], dataset["rows"], dataset["columns"]) == ("cheap", "ready", 10, 4)
    version = (await client.get(f"{place}/versions/1", headers=editor)).json()
    assert version["operation"]["steps"] == CHEAP
    assert version["operation"]["inputs"] == [
        {"input": "main", "dataset_id": str(sales), "name": "sales", "version": 1}
    ]
    assert version["parents"] == [{"dataset_id": str(sales), "version": 1}]
    assert [step["op"] for step in version["report"]["steps"]] == ["filter", "derive"]


async def test_the_next_version_of_the_dataset_itself(
    client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, send: Send, sales: UUID
) -> None:
    output = {"dataset_id": str(sales)}
    async with working(resources, HANDLERS):
        task = await send("run?wait=30", 200, steps=[{"op": "limit", "n": 3}], output=output)
        again = await send("run?wait=30", 200, steps=[{"op": "limit", "n": 50}], output=output)
    assert [(done["status"], done["version"]) for done in (task, again)] == [("succeeded", 2), ("succeeded", 3)]
    assert len(await rows(client, editor, again)) == 3


async def test_the_rules_of_the_dataset_are_asked(
    client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, send: Send, sales: UUID
) -> None:
    place = f"/manage/datasets/{sales}"
    rule = {"rule": {"kind": "row_count", "min": 50}, "severity": "error"}
    assert (await client.post(f"{place}/quality/rules", headers=editor, json=rule)).status_code == 201
    output = {"dataset_id": str(sales)}
    async with working(resources, HANDLERS):
        for rows_left in (60, 5):
            await send("run?wait=30", 200, steps=[{"op": "limit", "n": rows_left}], output=output)
    versions = (await client.get(f"{place}/versions", headers=editor)).json()["items"]
    assert [version["quality"] for version in versions] == ["failed", "passed", None]


async def test_versions_are_those_of_the_submission(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    resources: Resources,
    workspace: Workspace,
    tmp_path: Path,
    send: Send,
    sales: UUID,
) -> None:
    kinds = await ready_dataset(resources, workspace, tmp_path, "kinds", KINDS)
    join = [{"op": "join", "dataset_id": str(kinds), "on": ["k"], "how": "inner"}, {"op": "limit", "n": 4}]
    task = await send("run", steps=join, output={"name": "joined"})
    await add_version(resources, workspace, tmp_path, sales, 2, "SELECT 7 AS other")
    await add_version(resources, workspace, tmp_path, kinds, 2, "SELECT 7 AS other")
    assert [each["version"] for each in task["params"]["inputs"]] == [1, 1]
    async with working(resources, HANDLERS):
        done = await resources.ledger.wait(UUID(task["id"]), workspace.editor, 30)
    assert done.status == "succeeded", done.error_detail
    assert await rows(client, editor, task) == [[i, i % 3, i / 2, f"kind {i % 3}"] for i in range(4)]
    version = (await client.get(f"/manage/datasets/{task['dataset_id']}/versions/1", headers=editor)).json()
    assert {parent["dataset_id"] for parent in version["parents"]} == {str(sales), str(kinds)}


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([{"op": "nothing"}], "invalid_step"),
        ([{"op": "filter"}], "invalid_step"),
        ([{"op": "filter", "where": "price <"}], "invalid_expression"),
        ([{"op": "filter", "where": "__import__('os')"}], "invalid_expression"),
        ([{"op": "filter", "where": "prise < 5"}], "invalid_expression"),
        ([{"op": "select", "columns": ["a"]}, {"op": "sort", "by": ["price"]}], "unknown_column"),
        ([], "validation_failed"),
        (["filter"], "validation_failed"),
    ],
)
async def test_what_cannot_be_done_is_refused_at_once(
    send: Send, database: Database, steps: list[Any], code: str
) -> None:
    for path, extra in (("run", {"output": {"name": "new"}}), ("preview", {})):
        answer = await send(path, 422, steps=steps, **extra)
        assert answer["code"] == code, (path, answer)
    async with database.transaction() as session:
        assert await session.fetch_value("SELECT count(*) FROM datasets") == 1


async def test_what_stands_in_the_way(
    client: httpx.AsyncClient,
    settings: Settings,
    database: Database,
    workspace: Workspace,
    editor: dict[str, str],
    send: Send,
    sales: UUID,
) -> None:
    step = {"steps": [{"op": "limit", "n": 1}]}
    assert (await send("run", 409, **step, output={"name": "SALES"}))["code"] == "name_taken"
    assert (await send("run", 422, **step, output={}))["code"] == "validation_failed"
    assert (await send("run", 404, **step, output={"dataset_id": str(new_id())}))["code"] == "not_found"
    assert (await send("run", 404, **step, version=9, output={"name": "x"}))["code"] == "not_found"
    union = [{"op": "union", "dataset_id": str(new_id())}]
    assert (await send("run", 404, steps=union, output={"name": "x"}))["code"] == "not_found"
    await send("run", **step, output={"dataset_id": str(sales)})
    busy = await send("run", 409, **step, output={"dataset_id": str(sales)})
    assert busy["code"] == "version_in_progress"
    async with database.transaction() as session:
        await session.execute("UPDATE dataset_versions SET blocked = true WHERE version = 1")
    assert (await send("run", 409, **step, output={"name": "x"}))["code"] == "version_blocked"
    async with database.transaction() as session:
        await session.execute("UPDATE datasets SET deleted_at = now()")
    assert (await send("run", 404, **step, output={"name": "x"}))["code"] == "not_found"
    viewer = await log_in(settings, database, workspace.viewer)
    body = {"project_id": str(workspace.project_id), "dataset_id": str(sales), **step, "output": {"name": "x"}}
    assert (await client.post("/process/run", headers=viewer, json=body)).status_code == 403


async def test_a_dataset_of_another_project_is_like_an_absent_one(
    resources: Resources, database: Database, workspace: Workspace, tmp_path: Path, send: Send
) -> None:
    elsewhere = new_id()
    async with database.transaction() as session:
        sql = "INSERT INTO projects (id, name, created_by) VALUES ($1, 'Other', $2)"
        await session.execute(sql, elsewhere, workspace.editor)
        sql = "INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, 'owner')"
        await session.execute(sql, elsewhere, workspace.editor)
    theirs = str(await ready_dataset(resources, workspace, tmp_path, "theirs", KINDS, project=elsewhere))
    step = {"steps": [{"op": "limit", "n": 1}]}
    for body in (
        {**step, "dataset_id": theirs, "output": {"name": "x"}},
        {**step, "output": {"dataset_id": theirs}},
        {"steps": [{"op": "union", "dataset_id": theirs}], "output": {"name": "x"}},
    ):
        assert (await send("run", 404, **body))["code"] == "not_found"


async def test_a_step_that_fails_on_the_data(
    client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, send: Send
) -> None:
    steps = [{"op": "derive", "name": "n", "expression": "cast(cast(k as string) || 'x' as integer)"}]
    async with working(resources, HANDLERS):
        task = await send("run?wait=30", 200, steps=steps, output={"name": "broken"})
    assert (task["status"], task["error"]["code"]) == ("failed", "conversion_failed"), task
    assert "Step 1" in task["error"]["detail"]
    dataset = (await client.get(f"/manage/datasets/{task['dataset_id']}", headers=editor)).json()
    assert (dataset["status"], dataset["error"]["code"]) == ("failed", "conversion_failed")


async def test_a_preview_is_remembered(send: Send, monkeypatch: pytest.MonkeyPatch, resources: Resources) -> None:
    first = await send("preview", 200, steps=CHEAP, limit=2)
    assert (first["rows"], first["truncated"]) == ([[0, 0, 0.0, 0.0], [1, 1, 0.5, 1.0]], True)
    assert [column["name"] for column in first["columns"]] == ["a", "k", "price", "twice"]
    monkeypatch.setattr(resources.compute, "run", None)
    again = await send("preview", 200, steps=CHEAP, limit=2)
    assert (again["cached"], again["rows"], again["steps"]) == (True, first["rows"], first["steps"])


async def test_one_step_by_its_name(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    resources: Resources,
    workspace: Workspace,
    tmp_path: Path,
    send: Send,
) -> None:
    kinds = await ready_dataset(resources, workspace, tmp_path, "kinds", KINDS)
    step = {"dataset_id": str(kinds), "on": ["k"], "how": "semi"}
    async with working(resources, HANDLERS):
        task = await send("filter?wait=30", 200, where="a < 2", output={"name": "two"})
        joined = await send("join?wait=30", 200, step=step, output={"name": "semi"})
    assert await rows(client, editor, task) == [[0, 0, 0.0], [1, 1, 0.5]]
    assert (joined["status"], len(await rows(client, editor, joined))) == ("succeeded", 100)
    unknown = await send("filtre", 422, where="a < 2", output={"name": "x"})
    assert (unknown["code"], "filter" in unknown["detail"]) == ("invalid_step", True)
