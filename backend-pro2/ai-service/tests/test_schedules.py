"""Schedules over HTTP: made, changed, paused, run at once, removed, refused."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id
from shared.testing.project import Workspace

from ..app.services import schedules
from .support import DatasetMaker

pytestmark = pytest.mark.integration

PLACE = "/tasks/schedules"
PIPELINE = "INSERT INTO pipelines (id, project_id, name, version) VALUES ($1, $2, 'kept', 1)"
PIPELINE_VERSION = "INSERT INTO pipeline_versions (pipeline_id, version, steps) VALUES ($1, 1, '[]')"


@pytest.fixture
async def dataset_id(make_dataset: DatasetMaker) -> UUID:
    return await make_dataset({"x": [1.0, 2.0, 4.0]})


@pytest.fixture
def order(workspace: Workspace, dataset_id: UUID) -> dict[str, Any]:
    """A schedule of an analysis on working days."""
    action = {"kind": "analysis", "dataset_id": str(dataset_id), "type": "describe", "params": {"columns": ["x"]}}
    plan = {"name": "mornings", "cron": "0  6 * * MON-FRI", "timezone": "Europe/Berlin"}
    return {"project_id": str(workspace.project_id), **plan, "action": action}


async def test_a_life(clients: dict[str, AsyncClient], order: dict[str, Any]) -> None:
    client = clients["editor"]
    key = {"Idempotency-Key": str(new_id())}
    made = await client.post(PLACE, json=order, headers=key)
    assert made.status_code == 201, made.text
    assert (await client.post(PLACE, json=order, headers=key)).json() == made.json()
    body, place = made.json(), f"{PLACE}/{made.json()['id']}"
    assert made.headers["location"] == place
    assert (len(body["next_runs"]), body["next_runs"][0], body["cron"]) == (5, body["next_run_at"], "0 6 * * MON-FRI")
    assert (body["paused"], body["catch_up"], body["action"]["priority"]) == (False, "latest", 5)
    unchanged = await client.get(place, headers={"If-None-Match": made.headers["etag"]})
    assert unchanged.status_code == 304
    assert [each["id"] for each in (await client.get(PLACE)).json()["items"]] == [body["id"]]

    task = (await client.post(f"{place}/run")).json()
    assert (task["kind"], task["status"], task["params"]["type"]) == ("analysis", "queued", "describe")
    run = (await client.get(f"{place}/runs")).json()["items"][0]
    assert (run["outcome"], run["task_id"], run["task_status"], run["error"]) == (
        "submitted",
        task["id"],
        "queued",
        None,
    )
    assert (await client.get(place)).json()["next_run_at"] == body["next_run_at"]

    current = {"If-Match": made.headers["etag"]}
    paused = await client.patch(place, json={"paused": True}, headers=current)
    assert (paused.json()["paused"], paused.json()["next_run_at"], paused.json()["next_runs"]) == (True, None, [])
    stale = await client.patch(place, json={"name": "x"}, headers=current)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert (await client.delete(place, headers=current)).status_code == 412
    resumed = (await client.patch(place, json={"paused": False, "cron": "*/5 * * * *"})).json()
    assert resumed["next_run_at"] < body["next_run_at"]
    assert resumed["action"] == body["action"]

    assert (await client.delete(place)).status_code == 204
    assert (await client.get(place)).status_code == 404
    assert (await client.get(f"/tasks/{task['id']}")).json()["status"] == "queued"


async def test_a_run_does_not_make_a_change_stale(
    client: AsyncClient, order: dict[str, Any], database: Database
) -> None:
    made = await client.post(PLACE, json=order)
    place = f"{PLACE}/{made.json()['id']}"
    async with database.transaction() as session:
        await session.execute("UPDATE schedules SET next_run_at = now(), last_run_at = now()")
    seen = await client.get(place, headers={"If-None-Match": made.headers["etag"]})
    assert seen.status_code == 200
    assert seen.headers["etag"] != made.headers["etag"]
    renamed = await client.patch(place, json={"name": "evenings"}, headers={"If-Match": made.headers["etag"]})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "evenings")
    # What is due at this moment stays due.
    assert renamed.json()["next_run_at"] == seen.json()["next_run_at"]


async def test_a_pipeline_takes_its_project_from_the_action(
    client: AsyncClient, order: dict[str, Any], workspace: Workspace, dataset_id: UUID, database: Database
) -> None:
    pipeline_id = new_id()
    async with database.transaction() as session:
        await session.execute(PIPELINE, pipeline_id, workspace.project_id)
        await session.execute(PIPELINE_VERSION, pipeline_id)
    action: dict[str, Any] = {"kind": "pipeline", "dataset_id": str(dataset_id), "pipeline_id": str(pipeline_id)}
    action |= {"output": {"name": "made"}, "project_id": order.pop("project_id")}
    made = await client.post(PLACE, json={**order, "action": action})
    assert made.status_code == 201, made.text
    assert made.json()["project_id"] == str(workspace.project_id)
    assert "project_id" not in made.json()["action"]
    task = (await client.post(f"{PLACE}/{made.json()['id']}/run")).json()
    assert (task["kind"], task["params"]["output"]) == ("pipeline_trigger", {"name": "made"})
    for wrong in ({"pipeline_version": 2}, {"pipeline_id": str(new_id())}, {"output": {"dataset_id": str(new_id())}}):
        refused = await client.post(PLACE, json={**order, "name": "x", "action": {**action, **wrong}})
        assert refused.status_code == 404, refused.text


async def test_a_job(client: AsyncClient, order: dict[str, Any]) -> None:
    params = {"column": "x", "statistic": "median"}
    action = {"kind": "job", "job": "bootstrap", "dataset_id": order["action"]["dataset_id"], "params": params}
    wrong = await client.post(PLACE, json={**order, "action": {**action, "params": {**params, "column": "y"}}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "column_not_found")
    made = await client.post(PLACE, json={**order, "action": action})
    assert made.status_code == 201, made.text
    task = (await client.post(f"{PLACE}/{made.json()['id']}/run")).json()
    assert (task["kind"], task["params"]["job"]) == ("job", "bootstrap")


async def test_what_is_refused(client: AsyncClient, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    action = order["action"]
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (422, "invalid_cron", {"cron": "0 0 31 2 *"}),
        (422, "invalid_cron", {"cron": "@daily"}),
        (422, "invalid_timezone", {"timezone": "Europe/Berln"}),
        (422, "action_not_available", {"action": {**action, "kind": "dance"}}),
        (422, "unknown_type", {"action": {**action, "type": "regresion"}}),
        (422, "invalid_parameters", {"action": {**action, "params": {"x": 1}}}),
        (422, "column_not_found", {"action": {**action, "params": {"columns": ["y"]}}}),
        (422, "validation_failed", {"action": {**action, "params": {"columns": ["x" * 70_000]}}}),
        (422, "validation_failed", {"project_id": None}),
        (422, "validation_failed", {"catch_up": "some"}),
        (422, "validation_failed", {"action": {"kind": "pipeline"}}),
        (404, "not_found", {"action": {**action, "dataset_id": str(new_id())}}),
        (404, "not_found", {"action": {**action, "version": 7}}),
        (404, "not_found", {"project_id": str(new_id())}),
    ]
    for status, code, wrong in cases:
        answer = await client.post(PLACE, json={**order, **wrong})
        assert (answer.status_code, answer.json()["code"]) == (status, code), (wrong, answer.text)
    made = (await client.post(PLACE, json={**order, "paused": True})).json()
    assert (made["paused"], made["next_run_at"]) == (True, None)
    taken = await client.post(PLACE, json={**order, "name": "MORNINGS"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    moved = {"action": {**action, "project_id": str(new_id())}}
    assert (await client.patch(f"{PLACE}/{made['id']}", json=moved)).status_code == 422
    monkeypatch.setattr(schedules, "MAX_SCHEDULES", 1)
    more = await client.post(PLACE, json={**order, "name": "another"})
    assert (more.status_code, more.json()["code"]) == (409, "too_many_schedules")


async def test_two_who_make_the_last_one_come_in_turn(
    client: AsyncClient, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "MAX_SCHEDULES", 1)
    made = await asyncio.gather(*(client.post(PLACE, json={**order, "name": f"number {n}"}) for n in range(8)))
    assert sorted(answer.status_code for answer in made) == [201] + [409] * 7
