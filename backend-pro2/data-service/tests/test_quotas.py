"""What a project's quotas do to uploads and ingests, over HTTP and with a real worker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from shared.database import Database
from shared.object_store import ObjectStore
from shared.testing.project import Workspace

from .conftest import upload

pytestmark = pytest.mark.integration

CSV = "a,b\n1,2\n3,4\n"


async def limit(database: Database, workspace: Workspace, **limits: int) -> None:
    async with database.transaction() as session:
        await session.execute("DELETE FROM project_quotas WHERE project_id = $1", workspace.project_id)
        await session.execute(
            "INSERT INTO project_quotas (project_id, max_bytes, max_rows, max_tasks) VALUES ($1, $2, $3, $4)",
            workspace.project_id,
            limits.get("max_bytes"),
            limits.get("max_rows"),
            limits.get("max_tasks"),
        )


async def stored_bytes(database: Database, project_id: UUID) -> int:
    sql = """
    SELECT coalesce(sum(v.raw_bytes + coalesce(v.parquet_bytes, 0)), 0)::bigint
    FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id WHERE d.project_id = $1
    """
    async with database.transaction() as session:
        found: int = await session.fetch_value(sql, project_id)
    return found


async def keys(store: ObjectStore) -> list[str]:
    return [entry.key async for entry in store.list("")]


async def test_to_the_byte(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    database: Database,
    workspace: Workspace,
    object_store: ObjectStore,
) -> None:
    await limit(database, workspace, max_bytes=2 * len(CSV))
    project = str(workspace.project_id)
    assert [(await upload(client, editor, CSV, project_id=project)).status_code for _ in range(2)] == [202, 202]
    for content in (CSV, "a"):
        refused = await upload(client, editor, content, project_id=project)
        assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    assert "may have 24 bytes stored and has 24" in refused.json()["detail"]
    assert len(await keys(object_store)) == 2


async def test_of_fifty_at_once_as_many_as_fit(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    database: Database,
    workspace: Workspace,
    object_store: ObjectStore,
) -> None:
    await limit(database, workspace, max_bytes=20 * len(CSV) + 5)

    async def send(number: int) -> int:
        while True:
            # The names differ, so that nothing but the quota is competed for.
            answer = await upload(client, editor, CSV, project_id=str(workspace.project_id), name=f"n{number}")
            if answer.status_code != 503:
                return answer.status_code
            await asyncio.sleep(0.2)

    statuses = Counter(await asyncio.gather(*(send(number) for number in range(50))))
    assert statuses == {202: 20, 403: 30}
    assert await stored_bytes(database, workspace.project_id) == 20 * len(CSV)
    assert len(await keys(object_store)) == 20


async def test_what_is_announced_too_large_is_not_even_read(
    client: httpx.AsyncClient, editor: dict[str, str], database: Database, workspace: Workspace
) -> None:
    await limit(database, workspace, max_bytes=1000)
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n'
        yield str(workspace.project_id).encode()
        yield b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\na,b\n'
        for _ in range(1000):
            sent += 1024 * 1024
            yield b"1,2\n" * 256 * 1024

    headers = {**editor, "Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(1000 * 1024 * 1024)}
    refused = await client.post("/upload/file", headers=headers, content=body())
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    # So much is let in before the answer, for clients that read only once they have written.
    assert sent <= 10 * 1024 * 1024


async def test_unannounced_bytes_are_refused_once_there_is_no_room(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    database: Database,
    workspace: Workspace,
    object_store: ObjectStore,
) -> None:
    await limit(database, workspace, max_bytes=100_000)
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n'
        yield str(workspace.project_id).encode()
        yield b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\na,b\n'
        for _ in range(1000):
            sent += 1024 * 1024
            yield b"1,2\n" * 256 * 1024

    headers = {**editor, "Content-Type": "multipart/form-data; boundary=x"}
    refused = await client.post("/upload/file", headers=headers, content=body())
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    assert sent <= 11 * 1024 * 1024
    assert await keys(object_store) == []


async def test_tasks_at_once(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    database: Database,
    workspace: Workspace,
    object_store: ObjectStore,
) -> None:
    await limit(database, workspace, max_tasks=1)
    project = str(workspace.project_id)
    assert (await upload(client, editor, CSV, project_id=project)).status_code == 202
    refused = await upload(client, editor, CSV, project_id=project)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tasks")
    assert int(refused.headers["retry-after"]) > 0
    assert len(await keys(object_store)) == 1


@pytest.mark.parametrize("limits", [{"max_rows": 1}, {"max_bytes": 2 * len(CSV)}])
async def test_an_ingest_without_room_fails_and_keeps_nothing_of_it(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    database: Database,
    workspace: Workspace,
    object_store: ObjectStore,
    worker: None,
    limits: dict[str, int],
) -> None:
    await limit(database, workspace, **limits)
    dataset = (await upload(client, editor, CSV, "?wait=60", project_id=str(workspace.project_id))).json()
    assert (dataset["status"], dataset["error"]["code"]) == ("failed", "quota_exceeded")
    assert await stored_bytes(database, workspace.project_id) == len(CSV)
    assert len(await keys(object_store)) == 1
