"""The removal of a project by real workers, also killed ones, and uploads that arrive meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL, NewTask, Queue, Task, TaskStatus
from shared.testing.project import Workspace
from shared.testing.submission import until
from shared.testing.worker_process import WorkerProcess

from .conftest import upload

pytestmark = pytest.mark.integration

CSV = "a,b\n1,2\n3,4\n"
# Short, since a killed worker's task waits for its end.
LEASE = "3"
_DATASET = "INSERT INTO datasets (id, project_id, name) VALUES ($1, $2, $3)"
_VERSIONS = """
INSERT INTO dataset_versions (dataset_id, version, status, filename, raw_keys, raw_bytes, raw_sha256)
SELECT $1, number, 'ready', 'f', ARRAY[key], 1, '' FROM unnest($2::text[]) WITH ORDINALITY AS stored (key, number)
"""
_UPLOAD = """
INSERT INTO uploads (id, project_id, kind, filename, bytes, part_size, fields, expires_at)
VALUES ($1, $2, 'session', 'f', 1, 1, '{}', now())
"""
_MODEL = "INSERT INTO models (id, project_id, name, problem, target) VALUES ($1, $2, 'm', 'regression', 'a')"
_LEFT = """
SELECT (SELECT count(*) FROM datasets WHERE project_id = $1) + (SELECT count(*) FROM uploads WHERE project_id = $1)
       + (SELECT count(*) FROM analysis_tasks WHERE project_id = $1)
       + (SELECT count(*) FROM models WHERE project_id = $1)
       + (SELECT count(*) FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id WHERE d.project_id = $1)
"""


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, database: Database) -> Iterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path, "data-service.app.worker", TASK_LEASE_SECONDS=LEASE)
    yield process
    process.kill()


async def remove(resources: Resources, workspace: Workspace) -> Task:
    """What the gateway does in one transaction."""
    async with resources.database.transaction() as session:
        await session.execute("SELECT 1 FROM projects WHERE id = $1 FOR UPDATE", workspace.project_id)
        await session.execute("DELETE FROM project_members WHERE project_id = $1", workspace.project_id)
        await session.execute("UPDATE projects SET deleted_at = now() WHERE id = $1", workspace.project_id)
        order = NewTask(PROJECT_REMOVAL, Queue.MAINTENANCE, workspace.project_id, workspace.owner)
        return await resources.ledger.submit(session, order)


async def rows_left(database: Database, project_id: UUID) -> int:
    async with database.transaction() as session:
        left: int = await session.fetch_value(_LEFT, project_id)
    return left


async def keys(store: ObjectStore) -> list[str]:
    return [entry.key async for entry in store.list("")]


async def until_called_off(database: Database, task_id: UUID) -> None:
    asked = False
    async with asyncio.timeout(30):
        while not asked:
            async with database.transaction() as session:
                sql = "SELECT cancel_requested FROM analysis_tasks WHERE id = $1"
                asked = await session.fetch_value(sql, task_id)


async def until_fewer(store: ObjectStore, than: int) -> None:
    async with asyncio.timeout(30):
        while len(await keys(store)) >= than:
            pass


async def test_everything_goes_and_nothing_else(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    resources: Resources,
    workspace: Workspace,
    worker: WorkerProcess,
) -> None:
    worker.start()
    store, database = resources.object_store, resources.database
    made = await upload(client, editor, CSV, "?wait=60", project_id=str(workspace.project_id))
    assert made.json()["status"] == "ready"
    # Its project came after the file, so it lies under its uploader.
    elsewhere, artifact, other = (
        f"{owner}/{new_id()}/{new_id()}" for owner in (workspace.editor, workspace.project_id, new_id())
    )
    for key in (elsewhere, artifact, other):
        await store.put_bytes(key, b"x")
    dataset_id = new_id()
    async with database.transaction() as session:
        await session.execute(_DATASET, dataset_id, workspace.project_id, "second")
        # In the trash, and with a content that two versions share.
        await session.execute("UPDATE datasets SET deleted_at = now() WHERE id = $1", dataset_id)
        await session.execute(_VERSIONS, dataset_id, [elsewhere, elsewhere])
        await session.execute(_UPLOAD, new_id(), workspace.project_id)
        await session.execute(_MODEL, new_id(), workspace.project_id)
    task = await until(resources, await remove(resources, workspace), TaskStatus.SUCCEEDED)
    assert (await keys(store), await rows_left(database, workspace.project_id)) == ([other], 1)
    events = [event async for event in resources.ledger.events(task.id, workspace.owner, 0)]
    assert [event.data for event in events if event.event == "result"] == [{"objects": 4, "datasets": 2, "tasks": 1}]
    assert (await client.get("/manage/datasets", headers=editor)).json()["items"] == []


async def test_it_waits_for_what_runs(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    resources: Resources,
    workspace: Workspace,
    worker: WorkerProcess,
) -> None:
    database = resources.database
    uploaded = await upload(client, editor, CSV, project_id=str(workspace.project_id))
    running = UUID(uploaded.json()["task_id"])
    async with database.transaction() as session:
        await session.execute(
            "UPDATE analysis_tasks SET status = 'running', attempts = 1, worker = 'elsewhere', "
            "lease_until = now() + interval '1 minute' WHERE id = $1",
            running,
        )
    task = await remove(resources, workspace)
    worker.start()
    await until_called_off(database, running)
    await asyncio.sleep(0.8)
    async with database.transaction() as session:
        assert await session.fetch_value("SELECT count(*) FROM datasets WHERE project_id = $1", workspace.project_id)
        await session.execute(
            "UPDATE analysis_tasks SET status = 'cancelled', finished_at = now(), lease_until = NULL WHERE id = $1",
            running,
        )
    await until(resources, task, TaskStatus.SUCCEEDED)
    assert (await keys(resources.object_store), await rows_left(database, workspace.project_id)) == ([], 1)


async def test_a_killed_worker_is_followed_by_another(
    resources: Resources, workspace: Workspace, worker: WorkerProcess
) -> None:
    store, database, dataset_id = resources.object_store, resources.database, new_id()
    made = [f"{workspace.project_id}/{dataset_id}/{new_id()}" for _ in range(1600)]
    for start in range(0, len(made), 20):
        await asyncio.gather(*(store.put_bytes(key, b"x") for key in made[start : start + 20]))
    async with database.transaction() as session:
        await session.execute(_DATASET, dataset_id, workspace.project_id, "large")
        await session.execute(_VERSIONS, dataset_id, made[:1100])
    task = await remove(resources, workspace)
    worker.start()
    await until_fewer(store, len(made))
    worker.kill()
    assert (await resources.ledger.read(task.id, workspace.owner)).status == "running"
    assert await keys(store) != []
    worker.start()
    ended = await until(resources, task, TaskStatus.SUCCEEDED, 60)
    assert (ended.attempts, await keys(store), await rows_left(database, workspace.project_id)) == (2, [], 1)


async def test_without_the_store_it_waits(
    resources: Resources, workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    await resources.object_store.put_bytes(f"{workspace.project_id}/{new_id()}/{new_id()}", b"x")
    task = await remove(resources, workspace)
    away = WorkerProcess(
        settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:9"}), tmp_path, "data-service.app.worker"
    )
    away.start()
    try:
        away.wait_for(lambda: away.count("task_interrupted") > 0, 30)
    finally:
        away.kill()
    assert (await resources.ledger.read(task.id, workspace.owner)).status in ("queued", "running")
    here = WorkerProcess(settings, tmp_path, "data-service.app.worker").start()
    try:
        await until(resources, task, TaskStatus.SUCCEEDED, 30)
    finally:
        here.kill()
    assert await keys(resources.object_store) == []


async def test_an_upload_that_ends_after_the_removal_leaves_nothing(
    client: httpx.AsyncClient, editor: dict[str, str], resources: Resources, workspace: Workspace
) -> None:
    arrived, removed = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n'
        yield str(workspace.project_id).encode()
        yield b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\na,b\n'
        arrived.set()
        await removed.wait()
        yield b"1,2\n\r\n--x--\r\n"

    headers = {**editor, "Content-Type": "multipart/form-data; boundary=x"}
    uploading = asyncio.create_task(client.post("/upload/file", headers=headers, content=body()))
    await arrived.wait()
    await asyncio.sleep(0.2)
    await remove(resources, workspace)
    removed.set()
    assert (await uploading).status_code == 404
    assert (await keys(resources.object_store), await rows_left(resources.database, workspace.project_id)) == ([], 1)
