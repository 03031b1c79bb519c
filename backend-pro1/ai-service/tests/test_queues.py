"""What carries the tasks, over HTTP: numbers for everybody, details for members alone."""

from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

NOTHING = {"queued": 0, "waiting": 0, "delayed": 0, "running": 0}
HOST = "ai-service@some-host:4711:99"


async def submit(resources: Resources, workspace: Workspace, assignments: str = "", kind: str = "analysis") -> UUID:
    """A task of the workspace that stands so."""
    new = NewTask(kind, "analysis", workspace.project_id, workspace.owner)
    async with resources.database.transaction() as session:
        task = await resources.ledger.submit(session, new)
        if assignments:
            await session.execute(f"UPDATE analysis_tasks SET {assignments} WHERE id = $1", task.id)  # noqa: S608 - ours
    return task.id


async def another_project(database: Database) -> Workspace:
    """People and a project who have nothing to do with the others."""
    other = Workspace(new_id(), new_id(), new_id(), new_id(), new_id())
    await other.write(database)
    return other


async def make_administrator(database: Database, user_id: UUID) -> None:
    async with database.transaction() as session:
        await session.execute("UPDATE users SET role = 'admin' WHERE id = $1", user_id)


async def test_each_queue_says_what_could_run_and_what_waits(
    clients: dict[str, AsyncClient], resources: Resources, workspace: Workspace
) -> None:
    await submit(resources, workspace, "created_at = now() - interval '40 s'")
    await submit(resources, workspace, "created_at = now() - interval '90 s', not_before = now() - interval '20 s'")
    await submit(resources, workspace, "not_before = now() + interval '1 hour'")
    await submit(resources, workspace, "waiting_for = 1")
    await submit(resources, workspace, "status = 'running'")
    await submit(resources, workspace, "status = 'succeeded', finished_at = now()")
    body = (await clients["viewer"].get("/tasks/queues")).json()
    (queue,) = body["items"]
    assert 40 <= queue.pop("oldest_age_seconds") < 60
    assert queue == {"queue": "analysis", "queued": 2, "waiting": 1, "delayed": 1, "running": 1}
    assert body["instance"] is None
    assert (await clients["stranger"].get("/tasks/queues")).json() == {"items": [], "instance": None}


async def test_administrators_see_everybodys_numbers(
    clients: dict[str, AsyncClient], resources: Resources, workspace: Workspace
) -> None:
    await submit(resources, workspace, "status = 'running'")
    await make_administrator(resources.database, workspace.stranger)
    body = (await clients["stranger"].get("/tasks/queues")).json()
    assert body["items"] == []
    running = {"queue": "analysis", **NOTHING, "running": 1, "oldest_age_seconds": None}
    assert body["instance"] == [running]


async def test_workers_show_the_callers_tasks_and_count_the_rest(
    clients: dict[str, AsyncClient], resources: Resources, workspace: Workspace
) -> None:
    other = await another_project(resources.database)
    held = f"status = 'running', started_at = now(), worker = '{HOST}'"
    mine = await submit(resources, workspace, held)
    await submit(resources, other, held)
    async with resources.database.transaction() as session:
        sql = (
            "INSERT INTO task_workers (name, id, service, queues, version, seen_at) "
            "VALUES ($1, $2, 'ai-service', $3, '1', now() - make_interval(secs => $4))"
        )
        for name, seconds in ((HOST, 1), ("silent", 300), ("forgotten", 7200)):
            await session.execute(sql, name, new_id(), {"analysis": 2}, seconds)
    answer = await clients["viewer"].get("/tasks/workers")
    by_state = {worker["state"]: worker for worker in answer.json()["items"]}
    assert by_state.keys() == {"alive", "silent"}
    assert ([task["id"] for task in by_state["alive"]["running"]], by_state["alive"]["others"]) == ([str(mine)], 1)
    assert (by_state["silent"]["running"], by_state["silent"]["others"]) == ([], 0)
    assert (by_state["alive"]["queues"], by_state["alive"]["service"]) == ({"analysis": 2}, "ai-service")
    assert not any(word in answer.text for word in ("some-host", "4711", str(other.project_id)))


async def test_stats_tell_how_many_and_how_long(
    clients: dict[str, AsyncClient], resources: Resources, workspace: Workspace
) -> None:
    for seconds in range(1, 21):
        times = (
            f"started_at = created_at + interval '{seconds} s', finished_at = created_at + interval '{3 * seconds} s'"
        )
        await submit(resources, workspace, f"status = 'succeeded', {times}")
    await submit(resources, workspace, "status = 'failed', finished_at = now()")
    await submit(resources, workspace, kind="replay")
    await submit(resources, workspace, "created_at = now() - interval '25 hours'")
    await submit(resources, await another_project(resources.database))
    body = (await clients["viewer"].get("/tasks/stats")).json()
    analyses, replays = body["items"]
    assert body["hours"] == 24
    assert analyses["wait_seconds"] == pytest.approx({"p50": 10.5, "p95": 19.05})
    assert analyses["run_seconds"] == pytest.approx({"p50": 21.0, "p95": 38.1})
    counts = {name: analyses[name] for name in ("kind", "queued", "running", "succeeded", "failed", "cancelled")}
    assert counts == {
        "kind": "analysis", "queued": 0, "running": 0, "succeeded": 20, "failed": 1, "cancelled": 0
    }  # fmt: skip
    assert (replays["kind"], replays["queued"], replays["wait_seconds"]) == ("replay", 1, None)
    longer = (await clients["viewer"].get("/tasks/stats?hours=48")).json()["items"]
    assert [kind["queued"] for kind in longer] == [1, 1]
    assert (await clients["viewer"].get(f"/tasks/stats?project_id={new_id()}")).json()["items"] == []
    assert (await clients["stranger"].get("/tasks/stats")).json()["items"] == []
