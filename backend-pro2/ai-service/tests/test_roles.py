"""Every route of the AI service by everybody: who reads, who changes, and what an archived project refuses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask
from shared.testing.project import Workspace

from ..app.main import app
from ..app.repositories import results, schedules
from ..app.repositories.queues import queue_loads
from ..app.repositories.schedules import ScheduleState
from .ask_bench import AskBench
from .role_operations import ACTION, ANYBODY, CHANGE, OPERATIONS, OWN, Operation
from .support import DatasetMaker
from .training_bench import ModelMaker

pytestmark = pytest.mark.integration

MEMBERS = ("viewer", "editor", "owner")
OF_PROJECTS = [name for name, operation in OPERATIONS.items() if operation.kind != ANYBODY]


def known_operations(app: FastAPI) -> set[str]:
    return {entry["operationId"] for path in app.openapi()["paths"].values() for entry in path.values()}


def test_no_route_is_forgotten() -> None:
    assert {name for name in known_operations(app) if not name.startswith("ai_service_")} - set(OPERATIONS) == set()


@dataclass
class World:
    """Clients of everybody, and a workspace with one dataset."""

    clients: dict[str, AsyncClient]
    resources: Resources
    workspace: Workspace
    dataset_id: UUID

    async def task(self, status: str) -> UUID:
        """An analysis that stands so."""
        params = {"type": "describe", "params": {}, "seed": 0}
        order = NewTask("analysis", "ai", self.workspace.project_id, self.workspace.owner, params, self.dataset_id, 1)
        async with self.resources.database.transaction() as session:
            task = await self.resources.ledger.submit(session, order)
            if status == "failed":
                sql = "UPDATE analysis_tasks SET status = 'failed', finished_at = now() WHERE id = $1"
                await session.execute(sql, task.id)
        return task.id

    async def call(self, person: str, operation: Operation, *, task: UUID, absent: bool = False) -> Response:
        """The operation by this person, on this task, or on a project and a dataset that do not exist."""
        places = {
            "PROJECT": str(new_id() if absent else self.workspace.project_id),
            "DATASET": str(new_id() if absent else self.dataset_id),
            "FRESH": str(new_id()),
            "TASK": str(new_id() if absent else task),
        }
        body = operation.body and filled(operation.body, places)
        path = operation.path.replace("TASK", places["TASK"]).replace("PROJECT", places["PROJECT"])
        path = path.replace("PROJECT", places["PROJECT"])
        if made := next((made for made in AskBench.MADE if made in path), None):
            path = path.replace(made, str(new_id() if absent else await self.of_asks(person, made)))
        if "SCHEDULE" in path:
            path = path.replace("SCHEDULE", str(new_id() if absent else await self.schedule()))
        if "MODEL" in path:
            path = path.replace("MODEL", str(new_id() if absent else await self.model()))
        return await self.clients[person].request(operation.method, path, json=body)

    async def of_asks(self, person: str, what: str) -> UUID:
        """Something around questions; a conversation, or a question in one, is this person's own."""
        return await AskBench(self.resources, self.workspace).make(what, getattr(self.workspace, person))

    async def model(self) -> UUID:
        """A model of two versions, of which the first is the champion."""
        make, name = ModelMaker(self.resources, self.workspace, self.dataset_id), str(new_id())
        await make(name, promote="always")
        return await make(name)

    async def schedule(self) -> UUID:
        """A schedule of an analysis."""
        schedule_id, action = new_id(), filled(ACTION, {"DATASET": str(self.dataset_id)})
        due = datetime.now(UTC) + timedelta(hours=1)
        plan = (str(schedule_id), "0 6 * * *", "UTC", action, "latest", False, due)
        async with self.resources.database.transaction() as session:
            state = ScheduleState(self.workspace.owner, *plan)
            await schedules.insert(session, schedule_id, self.workspace.project_id, state)
        return schedule_id


def filled(body: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
    """The body with ids where names of them stand, also within its objects."""
    return {
        key: filled(value, places) if isinstance(value, dict) else _named(value, places) for key, value in body.items()
    }


def _named(value: Any, places: dict[str, str]) -> Any:
    return [_named(one, places) for one in value] if isinstance(value, list) else places.get(str(value), value)


async def test_results_and_queues_ask_for_membership_themselves(world: World, database: Database) -> None:
    task_id = await world.task("queued")
    workspace = world.workspace
    async with database.transaction() as session:
        await results.insert(session, results.Result(task_id, "describe", {}, [], [], [], [], {}))
        for user_id, found in ((workspace.viewer, True), (workspace.stranger, False)):
            assert (await results.visible(session, task_id, user_id) is not None) is found
            assert (await queue_loads(session, user_id) != []) is found


@pytest.fixture
async def world(
    clients: dict[str, AsyncClient], resources: Resources, workspace: Workspace, make_dataset: DatasetMaker
) -> World:
    return World(clients, resources, workspace, await make_dataset({"x": [1.0, 2.0, 4.0]}))


class TestEveryRoute:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """An instance without a Ray cluster and an LLM."""
        return settings.model_copy(update={"ray_enabled": False, "openai_api_key": SecretStr("")})

    @pytest.mark.parametrize("name", OPERATIONS)
    async def test_members_by_role(self, world: World, name: str) -> None:
        operation = OPERATIONS[name]
        for person in MEMBERS:
            answer = await world.call(person, operation, task=await world.task(operation.task))
            refused = (operation.kind, person) in ((CHANGE, "viewer"), (OWN, "viewer"), (OWN, "editor"))
            assert answer.status_code == (403 if refused else operation.ok), (person, answer.text)

    @pytest.mark.parametrize(
        "name",
        ["analysis_delete", "analysis_cancel", "analysis_retry", "analysis_replay", "tasks_cancel", "tasks_retry"],
    )
    @pytest.mark.parametrize("status", ["queued", "failed"])
    async def test_a_viewer_is_refused_whatever_the_state(self, world: World, name: str, status: str) -> None:
        answer = await world.call("viewer", OPERATIONS[name], task=await world.task(status))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

    @pytest.mark.parametrize("name", OF_PROJECTS)
    async def test_foreign_is_like_absent(self, world: World, name: str) -> None:
        operation = OPERATIONS[name]
        task = await world.task(operation.task)
        foreign = await world.call("stranger", operation, task=task)
        absent = await world.call("owner", operation, task=task, absent=True)
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert foreign.json()["detail"] == absent.json()["detail"]

    @pytest.mark.parametrize("name", OPERATIONS)
    async def test_an_archived_project_is_read_only(self, world: World, name: str, database: Database) -> None:
        operation = OPERATIONS[name]
        task = await world.task(operation.task)
        async with database.transaction() as session:
            await session.execute("UPDATE projects SET archived_at = now() WHERE id = $1", world.workspace.project_id)
        answer = await world.call("owner", operation, task=task)
        if operation.kind in (CHANGE, OWN):
            assert (answer.status_code, answer.json()["code"]) == (409, "project_archived")
        else:
            assert answer.status_code == operation.ok

    @pytest.mark.parametrize(
        "name",
        ["analysis_submit", "analysis_submit_type", "analysis_retry", "models_train", "schedules_run", "tasks_retry"],
    )
    async def test_quota_of_tasks(self, world: World, name: str, database: Database) -> None:
        operation = OPERATIONS[name]
        task = await world.task(operation.task)
        async with database.transaction() as session:
            sql = "INSERT INTO project_quotas (project_id, max_tasks) VALUES ($1, 0)"
            await session.execute(sql, world.workspace.project_id)
        refused = await world.call("editor", operation, task=task)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tasks")
        assert int(refused.headers["retry-after"]) > 0


async def test_lists_hold_nothing_of_strangers(world: World) -> None:
    await world.task("queued")
    await world.schedule()
    await world.model()
    for path in ("/analysis", "/models", "/tasks", "/tasks/queues", "/tasks/schedules"):
        assert (await world.clients["viewer"].get(path)).json()["items"] != []
        assert (await world.clients["stranger"].get(path)).json()["items"] == []
