"""An editor who uploads in parts, and what the server has of it."""

import base64
import hashlib
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.database import Database
from shared.object_store import ObjectStore
from shared.testing.project import Workspace

CSV = b"a,b\n" + b"1,2\n" * 100
HALF = 200
PARTS = [CSV[:HALF], CSV[HALF : 2 * HALF], CSV[2 * HALF :]]


def digest(data: bytes) -> dict[str, str]:
    return {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


class Sender:
    """An editor who uploads in parts of `HALF` bytes, which only a test may ask for."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str], project_id: UUID) -> None:
        self.client = client
        self.headers = headers
        self.project_id = str(project_id)

    async def open(self, **order: Any) -> dict[str, Any]:
        body = {"project_id": self.project_id, "filename": "numbers.csv", "bytes": len(CSV), "part_size": HALF, **order}
        answer = await self.client.post("/upload/sessions", headers=self.headers, json=body)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/upload/sessions/{answer.json()['id']}"
        made: dict[str, Any] = answer.json()
        return made

    async def put(self, upload_id: str, number: int, data: bytes, **headers: str) -> httpx.Response:
        path = f"/upload/sessions/{upload_id}/parts/{number}"
        return await self.client.put(path, headers=self.headers | headers, content=data)

    async def put_all(self, upload_id: str) -> None:
        for number, part in enumerate(PARTS, start=1):
            assert (await self.put(upload_id, number, part)).status_code == 200

    async def state(self, upload_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"/upload/sessions/{upload_id}", headers=self.headers)).json()
        return found

    async def complete(self, upload_id: str, query: str = "", **headers: str) -> httpx.Response:
        path = f"/upload/sessions/{upload_id}/complete{query}"
        return await self.client.post(path, headers=self.headers | headers, json={})


@pytest.fixture
def sender(
    client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Sender:
    monkeypatch.setattr("data-service.app.services.upload_sessions.LEAST_PART_BYTES", HALF)
    return Sender(client, editor, workspace.project_id)


async def raw_of(database: Database, store: ObjectStore, dataset_id: str) -> bytes:
    sql = "SELECT raw_keys FROM dataset_versions WHERE dataset_id = $1 ORDER BY version DESC LIMIT 1"
    async with database.transaction(read_only=True) as session:
        found = await session.fetch_value(sql, UUID(dataset_id))
    return b"".join([chunk for key in found for chunk in [b"".join([piece async for piece in store.get_stream(key)])]])


async def used_bytes(database: Database) -> int:
    async with database.transaction(read_only=True) as session:
        return int(await session.fetch_value("SELECT coalesce(sum(bytes), 0) FROM project_storage"))
