"""Every route of the AI service by everybody: who reads, who changes, and what an archived project refuses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

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
from .support import DatasetMaker
from .training_bench import ModelMaker

pytestmark = pytest.mark.integration

ANYBODY, READ, CHANGE = "anybody", "read", "change"
MEMBERS = ("viewer", "editor", "owner")
ORDER = {"project_id": "PROJECT", "dataset_id": "DATASET", "type": "describe", "params": {}}
ACTION = {"kind": "analysis", "dataset_id": "DATASET", "type": "describe", "params": {}}
SCHEDULE = {"project_id": "PROJECT", "name": "FRESH", "cron": "0 6 * * *", "action": ACTION}
JOB = {"project_id": "PROJECT", "dataset_id": "DATASET", "job": "partitioned-profile"}
TRAINING = {"project_id": "PROJECT", "dataset_id": "DATASET", "target": "x", "name": "FRESH"}
SHORT = {name: value for name, value in ORDER.items() if name != "type"}


@dataclass(frozen=True, slots=True)
class Operation:
    """A request of one operation. `ok` is what a member gets who may do it; `task` says which state it needs."""

    kind: str
    method: str
    path: str
    ok: int
    body: dict[str, Any] | None = None
    task: str = "queued"


OPERATIONS = {
    "analysis_types": Operation(ANYBODY, "GET", "/analysis/types", 200),
    "analysis_submit": Operation(CHANGE, "POST", "/analysis", 202, ORDER),
    "analysis_submit_type": Operation(CHANGE, "POST", "/analysis/describe", 202, SHORT),
    "analysis_certify": Operation(CHANGE, "POST", "/analysis/certify", 202, {"project_id": "PROJECT"}),
    "analysis_list": Operation(ANYBODY, "GET", "/analysis", 200),
    "analysis_hypotheses": Operation(ANYBODY, "GET", "/analysis/hypotheses", 200),
    "analysis_read": Operation(READ, "GET", "/analysis/TASK", 200),
    "analysis_delete": Operation(CHANGE, "DELETE", "/analysis/TASK", 204, task="failed"),
    "analysis_result": Operation(READ, "GET", "/analysis/TASK/result", 409),
    "analysis_artifact": Operation(READ, "GET", "/analysis/TASK/artifacts/x", 409),
    "analysis_chart": Operation(READ, "GET", "/analysis/TASK/charts/0", 409),
    "analysis_report": Operation(READ, "GET", "/analysis/TASK/report", 409),
    "analysis_cancel": Operation(CHANGE, "POST", "/analysis/TASK/cancel", 200),
    "analysis_retry": Operation(CHANGE, "POST", "/analysis/TASK/retry", 202, task="failed"),
    "analysis_replay": Operation(CHANGE, "POST", "/analysis/TASK/replay", 409),
    "analysis_events": Operation(READ, "GET", "/analysis/TASK/events", 200, task="failed"),
    "models_algorithms": Operation(ANYBODY, "GET", "/models/algorithms", 200),
    "models_train": Operation(CHANGE, "POST", "/models/train", 202, TRAINING),
    "models_list": Operation(ANYBODY, "GET", "/models", 200),
    "models_compare": Operation(READ, "GET", "/models/compare?ids=MODEL@1,MODEL@2", 200),
    "models_read": Operation(READ, "GET", "/models/MODEL", 200),
    "models_change": Operation(CHANGE, "PATCH", "/models/MODEL", 200, {"notes": "FRESH"}),
    "models_delete": Operation(CHANGE, "DELETE", "/models/MODEL?force=true", 204),
    "models_versions": Operation(READ, "GET", "/models/MODEL/versions", 200),
    "models_version": Operation(READ, "GET", "/models/MODEL/versions/1", 200),
    "models_version_delete": Operation(CHANGE, "DELETE", "/models/MODEL/versions/2", 204),
    "models_card": Operation(READ, "GET", "/models/MODEL/card", 200),
    "models_leaderboard": Operation(READ, "GET", "/models/MODEL/leaderboard", 200),
    "models_importance": Operation(READ, "GET", "/models/MODEL/importance", 200),
    "models_export": Operation(READ, "GET", "/models/MODEL/export", 200),
    "models_aliases": Operation(READ, "GET", "/models/MODEL/aliases", 200),
    "models_alias_put": Operation(CHANGE, "PUT", "/models/MODEL/aliases/next", 200, {"version": 2}),
    "models_alias_delete": Operation(CHANGE, "DELETE", "/models/MODEL/aliases/champion", 204),
    "models_alias_history": Operation(READ, "GET", "/models/MODEL/aliases/champion/history", 200),
    "models_predict": Operation(READ, "POST", "/models/MODEL/predict", 409, {"rows": [{}]}),
    "models_explain": Operation(READ, "POST", "/models/MODEL/explain", 409, {"rows": [{}]}),
    "models_what_if": Operation(READ, "POST", "/models/MODEL/what-if", 409, {"row": {}, "changes": [{}]}),
    "models_predict_batch": Operation(CHANGE, "POST", "/models/MODEL/predict/batch", 202, {"dataset_id": "DATASET"}),
    "models_evaluate": Operation(CHANGE, "POST", "/models/MODEL/evaluate", 202, {"dataset_id": "DATASET"}),
    "models_monitor": Operation(CHANGE, "POST", "/models/MODEL/monitor", 202, {"dataset_id": "DATASET"}),
    "models_evaluations": Operation(READ, "GET", "/models/MODEL/evaluations", 200),
    "schedules_list": Operation(ANYBODY, "GET", "/tasks/schedules", 200),
    "schedules_create": Operation(CHANGE, "POST", "/tasks/schedules", 201, SCHEDULE),
    "schedules_read": Operation(READ, "GET", "/tasks/schedules/SCHEDULE", 200),
    "schedules_change": Operation(CHANGE, "PATCH", "/tasks/schedules/SCHEDULE", 200, {"name": "FRESH"}),
    "schedules_delete": Operation(CHANGE, "DELETE", "/tasks/schedules/SCHEDULE", 204),
    "schedules_runs": Operation(READ, "GET", "/tasks/schedules/SCHEDULE/runs", 200),
    "schedules_run": Operation(CHANGE, "POST", "/tasks/schedules/SCHEDULE/run", 202),
    "tasks_list": Operation(ANYBODY, "GET", "/tasks", 200),
    "tasks_queues": Operation(ANYBODY, "GET", "/tasks/queues", 200),
    "tasks_cluster": Operation(ANYBODY, "GET", "/tasks/cluster", 503),
    "tasks_jobs": Operation(ANYBODY, "GET", "/tasks/jobs", 200),
    "tasks_submit": Operation(CHANGE, "POST", "/tasks", 202, JOB),
    "tasks_workers": Operation(ANYBODY, "GET", "/tasks/workers", 200),
    "tasks_stats": Operation(ANYBODY, "GET", "/tasks/stats", 200),
    "tasks_dead_letter": Operation(ANYBODY, "GET", "/tasks/dead-letter", 200),
    "tasks_read": Operation(READ, "GET", "/tasks/TASK", 200),
    "tasks_cancel": Operation(CHANGE, "POST", "/tasks/TASK/cancel", 200),
    "tasks_retry": Operation(CHANGE, "POST", "/tasks/TASK/retry", 202, task="failed"),
    "tasks_logs": Operation(READ, "GET", "/tasks/TASK/logs", 200),
    "tasks_attempts": Operation(READ, "GET", "/tasks/TASK/attempts", 200),
    "tasks_events": Operation(READ, "GET", "/tasks/TASK/events", 200, task="failed"),
    "tasks_result": Operation(READ, "GET", "/tasks/TASK/result", 409),
}
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
        }
        body = operation.body and filled(operation.body, places)
        path = operation.path.replace("TASK", str(new_id() if absent else task))
        if "SCHEDULE" in path:
            path = path.replace("SCHEDULE", str(new_id() if absent else await self.schedule()))
        if "MODEL" in path:
            path = path.replace("MODEL", str(new_id() if absent else await self.model()))
        return await self.clients[person].request(operation.method, path, json=body)

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
        key: filled(value, places) if isinstance(value, dict) else places.get(str(value), value)
        for key, value in body.items()
    }


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
        """An instance without a Ray cluster."""
        return settings.model_copy(update={"ray_enabled": False})

    @pytest.mark.parametrize("name", OPERATIONS)
    async def test_members_by_role(self, world: World, name: str) -> None:
        operation = OPERATIONS[name]
        for person in MEMBERS:
            answer = await world.call(person, operation, task=await world.task(operation.task))
            refused = operation.kind == CHANGE and person == "viewer"
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
        if operation.kind == CHANGE:
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
