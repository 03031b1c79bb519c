"""Server-sent events of a task through a real application."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

from shared.identity import Caller, current_caller
from shared.ids import new_id
from shared.problems import add_problem_handlers
from shared.resources import Resources
from shared.tasks.streaming import EventStream, TaskEvents
from shared.testing.project import Workspace
from shared.testing.submission import submit

pytestmark = pytest.mark.integration


def application(resources: Resources, workspace: Workspace, *, stranger: bool = False) -> FastAPI:
    app = FastAPI()
    app.state.resources = resources
    add_problem_handlers(app)
    user = workspace.stranger if stranger else workspace.viewer
    app.dependency_overrides[current_caller] = lambda: Caller(user, "a@example.org", "user", new_id())

    @app.get("/tasks/{task_id}/events", response_class=EventStream)
    async def events(stream: TaskEvents) -> Response:
        return stream

    return app


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def parse(text: str) -> list[dict[str, Any]]:
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


async def test_events_come_with_ids_and_end_with_the_task(resources: Resources, workspace: Workspace) -> None:
    task = await submit(resources, workspace)
    async with client(application(resources, workspace)) as http:
        following = asyncio.create_task(http.get(f"/tasks/{task.id}/events"))
        await asyncio.sleep(0.2)
        await resources.ledger.cancel(task.id, workspace.owner)
        answer = await asyncio.wait_for(following, 30)
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = parse(answer.text)
        assert [(event["event"], event["id"]) for event in events] == [("state", "1"), ("state", "2")]
        assert json.loads(events[1]["data"])["status"] == "cancelled"
        for resumed in (
            await http.get(f"/tasks/{task.id}/events", headers={"Last-Event-ID": "1"}),
            await http.get(f"/tasks/{task.id}/events?after=1"),
        ):
            assert [event["id"] for event in parse(resumed.text)] == ["2"]


async def test_a_foreign_task_is_a_problem_before_any_stream(resources: Resources, workspace: Workspace) -> None:
    task = await submit(resources, workspace)
    async with client(application(resources, workspace, stranger=True)) as http:
        for task_id in (task.id, new_id()):
            answer = await http.get(f"/tasks/{task_id}/events")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
