"""The task routes over HTTP, for tasks of every kind."""

import asyncio
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, Task
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

SOON = 0.3


@pytest.fixture
async def task(resources: Resources, workspace: Workspace) -> Task:
    """An ingest that nobody works on."""
    new = NewTask("ingest", "ingest", workspace.project_id, workspace.owner, {"name": "x"}, dataset_id=new_id())
    async with resources.database.transaction() as session:
        return await resources.ledger.submit(session, new)


async def change(resources: Resources, task_id: UUID, assignments: str) -> None:
    """What a worker would have done."""
    async with resources.database.transaction() as session:
        await session.execute(f"UPDATE analysis_tasks SET {assignments} WHERE id = $1", task_id)  # noqa: S608 - ours


async def listed(client: AsyncClient, path: str = "/tasks", **query: str) -> list[str]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


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


async def test_every_filter_keeps_what_fits_and_nothing_else(
    client: AsyncClient, resources: Resources, task: Task, workspace: Workspace
) -> None:
    await change(resources, task.id, "status = 'failed', finished_at = now(), error_code = 'poison'")
    fitting = {
        "queue": "ingest",
        "status": "failed",
        "dataset_id": str(task.dataset_id),
        "created_by": str(workspace.owner),
        "error_code": "poison",
        "since": task.created_at.isoformat(),
        "until": "2999-01-01T00:00:00Z",
    }
    assert await listed(client, **fitting) == [str(task.id)]
    assert await listed(client, "/tasks/dead-letter", project_id=str(workspace.project_id)) == [str(task.id)]
    other = {
        "queue": "train",
        "status": "queued",
        "dataset_id": str(new_id()),
        "created_by": str(workspace.viewer),
        "error_code": "crashed",
        "since": "2999-01-01T00:00:00Z",
        "until": task.created_at.isoformat(),
        "schedule_id": str(new_id()),
    }
    for name, value in other.items():
        assert await listed(client, **{**fitting, name: value}) == [], name
    await change(resources, task.id, "error_code = 'crashed'")
    assert await listed(client, "/tasks/dead-letter") == []


@pytest.mark.parametrize(
    "query", ["since=2026-01-01T00:00:00", "until=0001-01-01T00:00:00Z", "queue=x", "error_code=A"]
)
async def test_a_filter_that_means_nothing_is_refused(client: AsyncClient, query: str) -> None:
    assert (await client.get(f"/tasks?{query}")).status_code == 422


async def test_links_fit_the_door(client: AsyncClient, task: Task) -> None:
    body = (await client.get(f"/tasks/{task.id}", headers={"X-Forwarded-Prefix": "/api/v1"})).json()
    assert body["links"]["self"] == f"/api/v1/tasks/{task.id}"


async def test_an_ingest_is_no_analysis(client: AsyncClient, resources: Resources, task: Task) -> None:
    assert (await client.get(f"/analysis/{task.id}")).status_code == 404
    answer = await client.get(f"/tasks/{task.id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_result")
    assert "`result`" not in answer.json()["detail"]
    async with resources.database.transaction() as session:
        sql = "INSERT INTO task_events (task_id, sequence, event, data) VALUES ($1, 2, 'result', '{}')"
        await session.execute(sql, task.id)
    assert "`result`" in (await client.get(f"/tasks/{task.id}/result")).json()["detail"]


class TestWaiting:
    async def test_it_is_answered_when_the_task_ends(self, clients: dict[str, AsyncClient], task: Task) -> None:
        tag = (await clients["viewer"].get(f"/tasks/{task.id}")).headers["etag"]
        known = {"If-None-Match": tag}
        assert (await clients["viewer"].get(f"/tasks/{task.id}?wait={SOON}", headers=known)).status_code == 304
        waiting = asyncio.create_task(clients["viewer"].get(f"/tasks/{task.id}?wait=30", headers=known))
        await asyncio.sleep(SOON)
        assert not waiting.done()
        await clients["editor"].post(f"/tasks/{task.id}/cancel")
        async with asyncio.timeout(5):
            answer = await waiting
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")

    async def test_nobody_waits_for_a_strangers_task(self, clients: dict[str, AsyncClient], task: Task) -> None:
        async with asyncio.timeout(5):
            assert (await clients["stranger"].get(f"/tasks/{task.id}?wait=60")).status_code == 404
        assert (await clients["viewer"].get(f"/tasks/{task.id}?wait=61")).status_code == 422


async def test_cancel_follow_and_retry(clients: dict[str, AsyncClient], resources: Resources, task: Task) -> None:
    assert (await clients["viewer"].post(f"/tasks/{task.id}/cancel")).status_code == 403
    assert (await clients["editor"].post(f"/tasks/{task.id}/cancel")).json()["status"] == "cancelled"
    events = (await clients["viewer"].get(f"/tasks/{task.id}/events")).text
    assert events.count("event: state") == 2
    later = (await clients["viewer"].get(f"/tasks/{task.id}/events", headers={"Last-Event-ID": "1"})).text
    assert later.count("event: state") == 1
    # As a worker does once it has tidied up after a task that never ran.
    await change(resources, task.id, "lease_until = NULL")
    key = {"Idempotency-Key": str(new_id())}
    for replayed in (None, "true"):
        answer = await clients["editor"].post(f"/tasks/{task.id}/retry", headers=key)
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        assert answer.headers["location"] == f"/tasks/{task.id}"
        assert answer.headers.get("idempotency-replayed") == replayed
    assert (await clients["editor"].post(f"/tasks/{task.id}/retry")).json()["code"] == "not_retryable"
    # What came before stays, and a new stream goes on after the old end.
    following = asyncio.create_task(clients["viewer"].get(f"/tasks/{task.id}/events", headers={"Last-Event-ID": "2"}))
    await clients["editor"].post(f"/tasks/{task.id}/cancel")
    async with asyncio.timeout(5):
        again = (await following).text
    assert [line for line in again.splitlines() if line.startswith("id: ")] == ["id: 3", "id: 4"]


class TestHistory:
    async def test_the_log_comes_page_by_page(
        self, clients: dict[str, AsyncClient], resources: Resources, task: Task
    ) -> None:
        async with resources.database.transaction() as session:
            lines = (
                "INSERT INTO task_events (task_id, sequence, event, data, at) "
                "SELECT $1, n, 'log', jsonb_build_object('message', 'line ' || n), now() + n * interval '1 s' "
                "FROM generate_series(2, 6) n"
            )
            await session.execute(lines, task.id)
            runs = (
                "INSERT INTO task_attempts (task_id, claim, worker, started_at) "
                "SELECT $1, n, 'w', now() + (n * 2 + 0.5) * interval '1 s' FROM generate_series(1, 2) n"
            )
            await session.execute(runs, task.id)
        found: list[tuple[str, int | None]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            page = (await clients["viewer"].get(f"/tasks/{task.id}/logs", params=query)).json()
            found += [(item["message"], item["attempt"]) for item in page["items"]]
            cursor = page["next_cursor"]
        assert found == [("line 2", None), ("line 3", 1), ("line 4", 1), ("line 5", 2), ("line 6", 2)]

    async def test_attempts_name_workers_by_id_alone(
        self, clients: dict[str, AsyncClient], resources: Resources, task: Task
    ) -> None:
        worker_id = new_id()
        async with resources.database.transaction() as session:
            worker = (
                "INSERT INTO task_workers (name, id, service, queues, version) VALUES ('w@host:1', $1, 's', '{}', '1')"
            )
            await session.execute(worker, worker_id)
            attempts = """
                INSERT INTO task_attempts (task_id, claim, worker, ended_at, outcome, error_code, error_detail)
                VALUES ($1, 1, 'gone@host:2', now(), 'died', 'crashed', 'It died.'),
                       ($1, 2, 'w@host:1', NULL, NULL, NULL, NULL)
            """
            await session.execute(attempts, task.id)
        answer = await clients["viewer"].get(f"/tasks/{task.id}/attempts")
        first, second = answer.json()["items"]
        assert (first["number"], first["outcome"], first["worker_id"]) == (1, "died", None)
        assert first["error"] == {"code": "crashed", "detail": "It died."}
        assert (second["number"], second["outcome"], second["worker_id"]) == (2, None, str(worker_id))
        assert "host" not in answer.text


class TestWithoutRay:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """An instance that has no Ray cluster."""
        return settings.model_copy(update={"ray_enabled": False})

    async def test_the_cluster_is_said_to_be_off(self, client: AsyncClient) -> None:
        answer = await client.get("/tasks/cluster")
        assert (answer.status_code, answer.json()["code"]) == (503, "ray_disabled")
