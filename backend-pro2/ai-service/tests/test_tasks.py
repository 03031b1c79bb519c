"""The task routes over HTTP, for tasks of every kind."""

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.resources import Resources
from shared.tasks import NewTask, Task
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration


@pytest.fixture
async def task(resources: Resources, workspace: Workspace) -> Task:
    """An ingest that nobody works on."""
    new = NewTask("ingest", "data", workspace.project_id, workspace.owner, {"name": "x"})
    async with resources.database.transaction() as session:
        return await resources.ledger.submit(session, new)


async def test_list_and_read(clients: dict[str, AsyncClient], task: Task, workspace: Workspace) -> None:
    page = (
        await clients["viewer"].get("/tasks", params={"kind": "ingest", "project_id": str(workspace.project_id)})
    ).json()
    assert [item["id"] for item in page["items"]] == [str(task.id)]
    assert page["next_cursor"] is None
    assert (await clients["stranger"].get("/tasks")).json()["items"] == []
    body = (await clients["viewer"].get(f"/tasks/{task.id}")).json()
    assert (body["kind"], body["status"], body["error"]) == ("ingest", "queued", None)
    assert body["links"]["events"] == f"/tasks/{task.id}/events"
    assert (await clients["nobody"].get(f"/tasks/{task.id}")).status_code == 401
    assert (await clients["stranger"].get(f"/tasks/{task.id}")).status_code == 404


async def test_links_fit_the_door(client: AsyncClient, task: Task) -> None:
    body = (await client.get(f"/tasks/{task.id}", headers={"X-Forwarded-Prefix": "/api/v1"})).json()
    assert body["links"]["self"] == f"/api/v1/tasks/{task.id}"


async def test_an_ingest_is_no_analysis(client: AsyncClient, task: Task) -> None:
    assert (await client.get(f"/analysis/{task.id}")).status_code == 404
    answer = await client.get(f"/tasks/{task.id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_result")


async def test_queues(clients: dict[str, AsyncClient], task: Task) -> None:
    expected = [{"queue": "data", "queued": 1, "running": 0}]
    assert (await clients["viewer"].get("/tasks/queues")).json()["items"] == expected
    assert (await clients["stranger"].get("/tasks/queues")).json()["items"] == []


async def test_cancel_and_follow(clients: dict[str, AsyncClient], task: Task) -> None:
    assert (await clients["viewer"].post(f"/tasks/{task.id}/cancel")).status_code == 403
    assert (await clients["editor"].post(f"/tasks/{task.id}/cancel")).json()["status"] == "cancelled"
    events = (await clients["viewer"].get(f"/tasks/{task.id}/events")).text
    assert events.count("event: state") == 2
    later = (await clients["viewer"].get(f"/tasks/{task.id}/events", headers={"Last-Event-ID": "1"})).text
    assert later.count("event: state") == 1


class TestWithoutRay:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """An instance that has no Ray cluster."""
        return settings.model_copy(update={"ray_enabled": False})

    async def test_the_cluster_is_said_to_be_off(self, client: AsyncClient) -> None:
        answer = await client.get("/tasks/cluster")
        assert (answer.status_code, answer.json()["code"]) == (503, "ray_disabled")
