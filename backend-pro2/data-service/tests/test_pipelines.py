"""Pipelines against real servers: saved, versioned, run, removed."""

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

from ..app.services import pipelines
from ..app.services.process_tasks import Process
from .ready import ready_dataset, working

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("warm_compute")]

FEW, FEWER = [{"op": "limit", "n": 5}], [{"op": "limit", "n": 2}]


@pytest.fixture
async def sales(resources: Resources, workspace: Workspace, tmp_path: Path) -> UUID:
    return await ready_dataset(resources, workspace, tmp_path, "sales", "SELECT i AS a FROM range(10) r(i)")


@pytest.fixture
async def pipeline(client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace) -> dict[str, Any]:
    body = {"project_id": str(workspace.project_id), "name": "first rows", "steps": FEW}
    answer = await client.post("/process/pipelines", headers=editor, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/process/pipelines/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return {**found, "etag": answer.headers["etag"]}


async def test_a_life(client: httpx.AsyncClient, editor: dict[str, str], pipeline: dict[str, Any]) -> None:
    place, content = f"/process/pipelines/{pipeline['id']}", {"name": "First rows", "steps": FEWER}
    unchanged = await client.get(place, headers={**editor, "If-None-Match": pipeline["etag"]})
    assert unchanged.status_code == 304
    changed = await client.put(place, headers={**editor, "If-Match": pipeline["etag"]}, json=content)
    assert (changed.json()["version"], changed.json()["steps"]) == (2, FEWER)
    stale = await client.put(place, headers={**editor, "If-Match": pipeline["etag"]}, json=content)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    versions = (await client.get(f"{place}/versions?limit=1", headers=editor)).json()
    assert [(each["version"], each["steps"]) for each in versions["items"]] == [(2, FEWER)]
    rest = (await client.get(f"{place}/versions?cursor={versions['next_cursor']}", headers=editor)).json()
    assert ([each["version"] for each in rest["items"]], rest["next_cursor"]) == ([1], None)
    listed = (await client.get("/process/pipelines", headers=editor)).json()["items"]
    assert [(each["name"], each["version"]) for each in listed] == [("First rows", 2)]
    stale = await client.delete(place, headers={**editor, "If-Match": pipeline["etag"]})
    assert stale.status_code == 412
    current = {**editor, "If-Match": changed.headers["etag"]}
    assert (await client.delete(place, headers=current)).status_code == 204
    assert (await client.get(place, headers=editor)).status_code == 404


async def test_what_is_refused(
    client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, pipeline: dict[str, Any]
) -> None:
    body = {"project_id": str(workspace.project_id), "name": "FIRST rows", "steps": FEW}
    taken = await client.post("/process/pipelines", headers=editor, json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    wrong = {**body, "name": "x", "steps": [{"op": "limit"}]}
    answer = await client.post("/process/pipelines", headers=editor, json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_step")
    missing = {**body, "name": "x", "project_id": str(new_id())}
    assert (await client.post("/process/pipelines", headers=editor, json=missing)).status_code == 404


async def test_there_is_an_end_to_them(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    workspace: Workspace,
    pipeline: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipelines, "MAX_PIPELINES", 1)
    monkeypatch.setattr(pipelines, "MAX_VERSIONS", 1)
    body = {"project_id": str(workspace.project_id), "name": "another", "steps": FEW}
    more = await client.post("/process/pipelines", headers=editor, json=body)
    assert (more.status_code, more.json()["code"]) == (409, "too_many_pipelines")
    newer = {"name": "first rows", "steps": FEWER}
    again = await client.put(f"/process/pipelines/{pipeline['id']}", headers=editor, json=newer)
    assert (again.status_code, again.json()["code"]) == (409, "too_many_versions")


async def test_runs(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    resources: Resources,
    pipeline: dict[str, Any],
    sales: UUID,
) -> None:
    place = f"/process/pipelines/{pipeline['id']}"
    await client.put(place, headers=editor, json={"name": "first rows", "steps": FEWER})
    async with working(resources, {"process": Process()}):
        orders = ({"output": {"name": "two"}}, {"output": {"name": "five"}, "pipeline_version": 1})
        done = [
            (await client.post(f"{place}/run?wait=30", headers=editor, json={"dataset_id": str(sales), **order})).json()
            for order in orders
        ]
    assert [(task["status"], task["params"]["pipeline_version"]) for task in done] == [
        ("succeeded", 2),
        ("succeeded", 1),
    ]
    datasets = [(await client.get(f"/manage/datasets/{task['dataset_id']}", headers=editor)).json() for task in done]
    assert [dataset["rows"] for dataset in datasets] == [2, 5]
    version = await client.get(f"/manage/datasets/{done[1]['dataset_id']}/versions/1", headers=editor)
    operation = version.json()["operation"]
    assert (operation["pipeline_id"], operation["pipeline_version"]) == (pipeline["id"], 1)
    first = (await client.get(f"{place}/runs?limit=1", headers=editor)).json()
    rest = (await client.get(f"{place}/runs?limit=1&cursor={first['next_cursor']}", headers=editor)).json()
    assert [task["id"] for task in first["items"] + rest["items"]] == [done[1]["id"], done[0]["id"]]
    missing = {"dataset_id": str(sales), "output": {"name": "x"}, "pipeline_version": 9}
    answer = await client.post(f"{place}/run", headers=editor, json=missing)
    assert (answer.status_code, "newest is 2" in answer.json()["detail"]) == (404, True)


async def test_who_may(
    client: httpx.AsyncClient,
    settings: Settings,
    database: Database,
    workspace: Workspace,
    pipeline: dict[str, Any],
    sales: UUID,
) -> None:
    place = f"/process/pipelines/{pipeline['id']}"
    order = {"dataset_id": str(sales), "output": {"name": "x"}}
    changes = (("PUT", "", {"name": "x", "steps": FEW}), ("DELETE", "", None), ("POST", "/run", order))
    for person, status, reads in ((workspace.viewer, 403, 200), (workspace.stranger, 404, 404)):
        headers = await log_in(settings, database, person)
        for path in ("", "/versions", "/runs"):
            assert (await client.get(f"{place}{path}", headers=headers)).status_code == reads
        for method, path, body in changes:
            assert (await client.request(method, f"{place}{path}", headers=headers, json=body)).status_code == status


async def test_their_steps_take_little_room(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    workspace: Workspace,
    pipeline: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = [{"op": "derive", "name": f"x{number}", "expression": "1 + 1".ljust(8000)} for number in range(50)]
    body = {"project_id": str(workspace.project_id), "name": "long", "steps": long}
    answer = await client.post("/process/pipelines", headers=editor, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_step")
    monkeypatch.setattr(pipelines, "MAX_STORED_BYTES", 100)
    change = {"name": pipeline["name"], "steps": [*FEW, *FEW]}
    place = f"/process/pipelines/{pipeline['id']}"
    answer = await client.put(place, headers=editor, json=change)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_pipelines")
    assert (await client.get(place, headers=editor)).json()["version"] == 1
