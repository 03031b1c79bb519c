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
from shared.testing.project import Workspace

from ..app.main import app
from .conftest import login, upload

pytestmark = pytest.mark.integration

CSV = "a,b\n1,2\n"
ANYBODY, READ, CHANGE = "anybody", "read", "change"


@dataclass(frozen=True, slots=True)
class Operation:
    """A request of one operation. `ok` is what a member gets who may do it: 409 where the dataset is not ready yet."""

    kind: str
    method: str
    path: str
    ok: int
    body: dict[str, Any] | None = None


QUERY = {"project_id": "PROJECT", "sql": "SELECT 1 AS one"}
OPERATIONS = {
    "upload_formats": Operation(ANYBODY, "GET", "/upload/formats", 200),
    "upload_file": Operation(CHANGE, "UPLOAD", "", 202),
    "datasets_list": Operation(READ, "GET", "/manage/datasets?project_id=PROJECT", 200),
    "datasets_get": Operation(READ, "GET", "/manage/datasets/DATASET", 200),
    "datasets_change": Operation(CHANGE, "PATCH", "/manage/datasets/DATASET", 200, {"name": "renamed"}),
    "datasets_delete": Operation(CHANGE, "DELETE", "/manage/datasets/DATASET", 204),
    "datasets_schema": Operation(READ, "GET", "/manage/datasets/DATASET/schema", 409),
    "datasets_preview": Operation(READ, "GET", "/manage/datasets/DATASET/preview", 409),
    "datasets_profile": Operation(READ, "GET", "/manage/datasets/DATASET/profile", 409),
    "datasets_download": Operation(READ, "GET", "/manage/datasets/DATASET/download", 409),
    "datasets_versions": Operation(READ, "GET", "/manage/datasets/DATASET/versions", 200),
    "datasets_version": Operation(READ, "GET", "/manage/datasets/DATASET/versions/1", 200),
    "process_query": Operation(READ, "POST", "/process/query", 200, QUERY),
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

    async def call(self, person: str, operation: Operation, *, absent: bool = False) -> httpx.Response:
        """The operation by this person, on the workspace's project and dataset or on ones that do not exist."""
        project = str(new_id()) if absent else str(self.workspace.project_id)
        if operation.method == "UPLOAD":
            return await upload(self.client, self.headers[person], CSV, project_id=project)
        path = operation.path.replace("PROJECT", project).replace(
            "DATASET", str(new_id()) if absent else self.dataset_id
        )
        body = operation.body and {
            key: project if value == "PROJECT" else value for key, value in operation.body.items()
        }
        return await self.client.request(operation.method, path, headers=self.headers[person], json=body)


@pytest.fixture
async def world(client: httpx.AsyncClient, settings: Settings, database: Database, workspace: Workspace) -> World:
    people = (*MEMBERS, "stranger")
    headers = {name: await login(settings, database, getattr(workspace, name)) for name in people}
    made = World(client, workspace, headers)
    made.dataset_id = (await upload(client, headers["editor"], CSV, project_id=str(workspace.project_id))).json()["id"]
    return made


@pytest.mark.parametrize("name", OPERATIONS)
async def test_members_by_role(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    for person in ("viewer", "editor") if operation.method == "DELETE" else MEMBERS[::-1]:
        answer = await world.call(person, operation)
        refused = operation.kind == CHANGE and person == "viewer"
        assert answer.status_code == (403 if refused else operation.ok), (person, answer.text)


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.kind != ANYBODY])
async def test_foreign_is_like_absent(world: World, name: str) -> None:
    foreign = await world.call("stranger", OPERATIONS[name])
    absent = await world.call("owner", OPERATIONS[name], absent=True)
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.json()["detail"] == absent.json()["detail"]


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_archived_project_is_read_only(world: World, name: str, database: Database) -> None:
    async with database.transaction() as session:
        await session.execute("UPDATE projects SET archived_at = now() WHERE id = $1", world.workspace.project_id)
    operation = OPERATIONS[name]
    answer = await world.call("owner", operation)
    if operation.kind == CHANGE:
        assert (answer.status_code, answer.json()["code"]) == (409, "project_archived")
    else:
        assert answer.status_code == operation.ok
    stranger = await world.call("stranger", operation)
    assert stranger.status_code == (operation.ok if operation.kind == ANYBODY else 404)


async def test_a_removed_project_is_like_an_absent_one(world: World, resources: Resources) -> None:
    async with resources.database.transaction() as session:
        await session.execute("DELETE FROM project_members WHERE project_id = $1", world.workspace.project_id)
        await session.execute("UPDATE projects SET deleted_at = now() WHERE id = $1", world.workspace.project_id)
    for operation in OPERATIONS.values():
        if operation.kind != ANYBODY:
            assert (await world.call("owner", operation)).status_code == 404
