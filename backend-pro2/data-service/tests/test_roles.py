"""Every route of the data service by everybody: who reads, who changes, and what an archived project refuses."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.logins import log_in
from shared.testing.project import Workspace

from ..app.main import app
from .conftest import upload

pytestmark = pytest.mark.integration

CSV = "a,b\n1,2\n"
ANYBODY, READ, CHANGE, OWN = "anybody", "read", "change", "own"


@dataclass(frozen=True, slots=True)
class Operation:
    """A request of one operation. `ok` is what a member gets who may do it: 409 where the dataset is not ready yet."""

    kind: str
    method: str
    path: str
    ok: int
    body: dict[str, Any] | None = None


ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
RULE = {"rule": {"kind": "row_count", "min": 1}}
NOTES = {"columns": {"a": {"unit": "m"}}}
PARTS = {"project_id": "PROJECT", "filename": "a.csv", "bytes": 8}
QUERY = {"project_id": "PROJECT", "sql": "SELECT 1 AS one"}
STEPS = {"project_id": "PROJECT", "dataset_id": "DATASET", "steps": [{"op": "limit", "n": 1}]}
PIPELINE = {"name": "kept", "steps": [{"op": "limit", "n": 1}]}
RESULT = {"output": {"name": "made"}}
OPERATIONS = {
    "upload_formats": Operation(ANYBODY, "GET", "/upload/formats", 200),
    "upload_file": Operation(CHANGE, "UPLOAD", "", 202),
    "upload_inspect": Operation(ANYBODY, "FORM", "/upload/inspect", 200, {}),
    # Off unless an operator wants it, which nobody's role changes.
    "upload_url": Operation(
        ANYBODY, "POST", "/upload/url", 403, {"project_id": "PROJECT", "url": "http://a.example/b"}
    ),
    "upload_sessions_create": Operation(CHANGE, "POST", "/upload/sessions", 201, PARTS),
    "upload_presign": Operation(CHANGE, "POST", "/upload/presign", 201, PARTS),
    "upload_sessions_read": Operation(READ, "GET", "/upload/sessions/SESSION", 200),
    "upload_sessions_part_put": Operation(CHANGE, "PUT", "/upload/sessions/SESSION/parts/1", 422),
    "upload_sessions_abort": Operation(CHANGE, "DELETE", "/upload/sessions/SESSION", 204),
    "upload_sessions_complete": Operation(CHANGE, "POST", "/upload/sessions/SESSION/complete", 409, {}),
    "datasets_versions_create": Operation(
        CHANGE, "FORM", "/manage/datasets/DATASET/versions", 409, {"mode": "replace"}
    ),
    "datasets_list": Operation(READ, "GET", "/manage/datasets?project_id=PROJECT", 200),
    "datasets_get": Operation(READ, "GET", "/manage/datasets/DATASET", 200),
    "datasets_change": Operation(CHANGE, "PATCH", "/manage/datasets/DATASET", 200, {"name": "renamed"}),
    "datasets_delete": Operation(CHANGE, "DELETE", "/manage/datasets/DATASET", 204),
    "datasets_restore": Operation(CHANGE, "POST", "/manage/datasets/DATASET/restore", 200),
    "datasets_describe": Operation(CHANGE, "PATCH", "/manage/datasets/DATASET/schema", 409, NOTES),
    "datasets_rows": Operation(READ, "GET", "/manage/datasets/DATASET/rows", 409),
    "datasets_column_values": Operation(READ, "GET", "/manage/datasets/DATASET/columns/a/values", 409),
    "datasets_lineage": Operation(READ, "GET", "/manage/datasets/DATASET/lineage?version=1", 200),
    "datasets_retention": Operation(READ, "GET", "/manage/datasets/DATASET/retention", 200),
    "datasets_retention_set": Operation(CHANGE, "PUT", "/manage/datasets/DATASET/retention", 200, {"keep_days": 9}),
    "datasets_rollback": Operation(CHANGE, "POST", "/manage/datasets/DATASET/rollback", 409, {"version": 1}),
    "datasets_gc": Operation(OWN, "POST", "/manage/datasets/gc", 202, {"project_id": "PROJECT", "dry_run": True}),
    "datasets_schema": Operation(READ, "GET", "/manage/datasets/DATASET/schema", 409),
    "datasets_preview": Operation(READ, "GET", "/manage/datasets/DATASET/preview", 409),
    "datasets_profile": Operation(READ, "GET", "/manage/datasets/DATASET/profile", 409),
    "datasets_profile_report": Operation(READ, "GET", "/manage/datasets/DATASET/profile/report", 409),
    "datasets_download": Operation(READ, "GET", "/manage/datasets/DATASET/download", 409),
    "datasets_versions": Operation(READ, "GET", "/manage/datasets/DATASET/versions", 200),
    "datasets_version": Operation(READ, "GET", "/manage/datasets/DATASET/versions/1", 200),
    "datasets_diff": Operation(READ, "GET", "/manage/datasets/DATASET/versions/1/diff/1", 409),
    "datasets_diff_rows": Operation(READ, "GET", "/manage/datasets/DATASET/versions/1/diff/1/rows", 409),
    "quality_rules_list": Operation(READ, "GET", "/manage/datasets/DATASET/quality/rules", 200),
    "quality_rules_create": Operation(CHANGE, "POST", "/manage/datasets/DATASET/quality/rules", 201, RULE),
    "quality_rules_replace": Operation(CHANGE, "PUT", f"/manage/datasets/DATASET/quality/rules/{ABSENT}", 404, RULE),
    "quality_rules_delete": Operation(CHANGE, "DELETE", f"/manage/datasets/DATASET/quality/rules/{ABSENT}", 404),
    "quality_suggest": Operation(READ, "POST", "/manage/datasets/DATASET/quality/suggest", 409),
    "quality_run": Operation(CHANGE, "POST", "/manage/datasets/DATASET/quality/run", 409),
    "quality_runs_list": Operation(READ, "GET", "/manage/datasets/DATASET/quality/runs", 200),
    "quality_gate_get": Operation(READ, "GET", "/manage/datasets/DATASET/quality/gate", 200),
    "quality_gate_set": Operation(CHANGE, "PUT", "/manage/datasets/DATASET/quality/gate", 200, {"enabled": False}),
    "datasets_drift": Operation(READ, "POST", "/manage/datasets/DATASET/drift", 409, {"reference": 1}),
    "process_query": Operation(READ, "POST", "/process/query", 200, QUERY),
    "process_query_validate": Operation(READ, "POST", "/process/query/validate", 200, QUERY),
    "process_query_estimate": Operation(READ, "POST", "/process/query/estimate", 200, QUERY),
    "process_query_read": Operation(READ, "GET", "/process/query/TASK", 200),
    "process_query_results": Operation(READ, "GET", "/process/query/TASK/results", 409),
    "process_query_remove": Operation(CHANGE, "DELETE", "/process/query/TASK", 204),
    "process_operations": Operation(ANYBODY, "GET", "/process/operations", 200),
    "process_preview": Operation(READ, "POST", "/process/preview", 409, STEPS),
    "process_run": Operation(CHANGE, "POST", "/process/run", 409, {**STEPS, **RESULT}),
    "process_operation": Operation(
        CHANGE, "POST", "/process/limit", 409, {"project_id": "PROJECT", "dataset_id": "DATASET", "n": 1, **RESULT}
    ),
    "pipelines_list": Operation(READ, "GET", "/process/pipelines?project_id=PROJECT", 200),
    # One of this name is there already.
    "pipelines_create": Operation(CHANGE, "POST", "/process/pipelines", 409, {"project_id": "PROJECT", **PIPELINE}),
    "pipelines_get": Operation(READ, "GET", "/process/pipelines/PIPELINE", 200),
    "pipelines_replace": Operation(CHANGE, "PUT", "/process/pipelines/PIPELINE", 200, PIPELINE),
    "pipelines_delete": Operation(CHANGE, "DELETE", "/process/pipelines/PIPELINE", 204),
    "pipelines_versions": Operation(READ, "GET", "/process/pipelines/PIPELINE/versions", 200),
    "pipelines_run": Operation(
        CHANGE, "POST", "/process/pipelines/PIPELINE/run", 409, {"dataset_id": "DATASET", **RESULT}
    ),
    "pipelines_runs": Operation(READ, "GET", "/process/pipelines/PIPELINE/runs", 200),
}
MEMBERS = ("owner", "editor", "viewer")


def known_operations(app: FastAPI) -> set[str]:
    return {entry["operationId"] for path in app.openapi()["paths"].values() for entry in path.values()}


def test_no_route_is_forgotten() -> None:
    assert {name for name in known_operations(app) if not name.startswith("data_service_")} - set(OPERATIONS) == set()


class World:
    """The service, a workspace with one dataset, and a login of everybody."""

    def __init__(self, client: httpx.AsyncClient, workspace: Workspace, headers: dict[str, dict[str, str]]) -> None:
        self.client = client
        self.workspace = workspace
        self.headers = headers
        self.dataset_id = ""
        self.session_id = ""
        self.pipeline_id = ""
        self.task_id = ""

    async def call(self, person: str, operation: Operation, *, absent: bool = False) -> httpx.Response:
        """The operation by this person, on the workspace's project and dataset or on ones that do not exist."""
        project = str(new_id()) if absent else str(self.workspace.project_id)
        if operation.method == "UPLOAD":
            return await upload(self.client, self.headers[person], CSV, project_id=project)
        path = operation.path.replace("PROJECT", project).replace(
            "DATASET", str(new_id()) if absent else self.dataset_id
        )
        for name, known in (("SESSION", self.session_id), ("PIPELINE", self.pipeline_id), ("TASK", self.task_id)):
            path = path.replace(name, str(new_id()) if absent else known)
        body = operation.body and {
            key: project if value == "PROJECT" else self.dataset_id if value == "DATASET" else value
            for key, value in operation.body.items()
        }
        if operation.method == "FORM":
            files = {"file": ("numbers.csv", CSV.encode(), "text/csv")}
            return await self.client.post(path, headers=self.headers[person], data=body, files=files)
        return await self.client.request(operation.method, path, headers=self.headers[person], json=body)


@pytest.fixture
async def world(client: httpx.AsyncClient, settings: Settings, database: Database, workspace: Workspace) -> World:
    people = (*MEMBERS, "stranger")
    headers = {name: await log_in(settings, database, getattr(workspace, name)) for name in people}
    made = World(client, workspace, headers)
    made.dataset_id = (await upload(client, headers["editor"], CSV, project_id=str(workspace.project_id))).json()["id"]
    order = {**PARTS, "project_id": str(workspace.project_id)}
    made.session_id = (await client.post("/upload/sessions", headers=headers["editor"], json=order)).json()["id"]
    own = {"project_id": str(workspace.project_id)}
    pipeline = await client.post("/process/pipelines", headers=headers["editor"], json={**own, **PIPELINE})
    query = {**own, "sql": "SELECT 1 AS one", "background": True}
    task = await client.post("/process/query", headers=headers["editor"], json=query)
    made.pipeline_id, made.task_id = pipeline.json()["id"], task.json()["id"]
    return made


CHANGES = [name for name, operation in OPERATIONS.items() if operation.kind in (CHANGE, OWN)]
MEMBERS_ONLY = {name: operation for name, operation in OPERATIONS.items() if operation.kind != ANYBODY}


async def test_members_read(world: World) -> None:
    for name in OPERATIONS.keys() - set(CHANGES):
        for person in MEMBERS:
            answer = await world.call(person, OPERATIONS[name])
            assert answer.status_code == OPERATIONS[name].ok, (name, person, answer.text)


@pytest.mark.parametrize("name", CHANGES)
async def test_members_change_by_role(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    for person in ("viewer", "editor") if operation.method == "DELETE" else MEMBERS[::-1]:
        answer = await world.call(person, operation)
        refused = person in {CHANGE: ("viewer",), OWN: ("viewer", "editor")}[operation.kind]
        assert answer.status_code == (403 if refused else operation.ok), (person, answer.text)


async def test_foreign_is_like_absent(world: World) -> None:
    for name, operation in MEMBERS_ONLY.items():
        foreign = await world.call("stranger", operation)
        absent = await world.call("owner", operation, absent=True)
        assert (foreign.status_code, absent.status_code) == (404, 404), (name, foreign.text, absent.text)
        assert foreign.json()["detail"] == absent.json()["detail"], name


async def test_an_archived_project_is_read_only(world: World, database: Database) -> None:
    async with database.transaction() as session:
        await session.execute("UPDATE projects SET archived_at = now() WHERE id = $1", world.workspace.project_id)
    for name, operation in OPERATIONS.items():
        answer = await world.call("owner", operation)
        if name in CHANGES:
            assert (answer.status_code, answer.json()["code"]) == (409, "project_archived"), name
        else:
            assert answer.status_code == operation.ok, (name, answer.text)
        stranger = await world.call("stranger", operation)
        assert stranger.status_code == (operation.ok if operation.kind == ANYBODY else 404), name


async def test_a_removed_project_is_like_an_absent_one(world: World, resources: Resources) -> None:
    async with resources.database.transaction() as session:
        await session.execute("DELETE FROM project_members WHERE project_id = $1", world.workspace.project_id)
        await session.execute("UPDATE projects SET deleted_at = now() WHERE id = $1", world.workspace.project_id)
    for operation in OPERATIONS.values():
        if operation.kind != ANYBODY:
            assert (await world.call("owner", operation)).status_code == 404
