"""How an upload in parts ends: as one dataset, called off, expired, or sent to the store directly."""

import asyncio
import hashlib
from collections import Counter
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.idempotency.answers import REPLAYED
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.project import Workspace
from shared.testing.worker_process import WorkerProcess

from ..app.services.upload_removals import remove_over
from .conftest import upload
from .cutting import count, keys
from .sending import CSV, HALF, PARTS, Sender, raw_of, sender, used_bytes

__all__ = ["sender"]


@pytest.mark.integration
class TestEnd:
    async def test_what_is_missing_is_named(self, sender: Sender) -> None:
        made = await sender.open()
        await sender.put(made["id"], 2, PARTS[1])
        answer = await sender.complete(made["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_incomplete")
        assert "1, 3." in answer.json()["detail"]

    async def test_completed_by_many_at_once_it_is_one_dataset(
        self, sender: Sender, database: Database, object_store: ObjectStore
    ) -> None:
        made = await sender.open()
        await sender.put_all(made["id"])
        answers = await asyncio.gather(*(sender.complete(made["id"]) for _ in range(20)))
        assert {answer.status_code for answer in answers} <= {202, 503}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
        assert (await count(database, "datasets"), await count(database, "analysis_tasks")) == (1, 1)
        again = await sender.complete(made["id"])
        assert again.json()["id"] in {answer.json().get("id") for answer in answers}
        late = await sender.put(made["id"], 1, PARTS[0])
        assert (late.status_code, late.json()["code"]) == (409, "upload_completed")
        aborted = await sender.client.delete(f"/upload/sessions/{made['id']}", headers=sender.headers)
        assert (aborted.status_code, aborted.json()["code"]) == (409, "upload_completed")
        assert len(await keys(object_store)) == 3

    async def test_a_hundred_with_one_key_make_one_upload_and_one_dataset(
        self, sender: Sender, database: Database
    ) -> None:
        async def begin() -> httpx.Response:
            body = {"project_id": sender.project_id, "filename": "n.csv", "bytes": len(CSV), "part_size": HALF}
            headers = sender.headers | {"Idempotency-Key": "open"}
            return await sender.client.post("/upload/sessions", headers=headers, json=body)

        opened = await asyncio.gather(*(begin() for _ in range(100)))
        assert {answer.status_code for answer in opened} <= {201, 409, 503}
        (upload_id,) = {answer.json()["id"] for answer in opened if answer.status_code == 201}
        assert await count(database, "uploads") == 1
        await sender.put_all(upload_id)
        done = await asyncio.gather(*(sender.complete(upload_id, **{"Idempotency-Key": "done"}) for _ in range(100)))
        assert {answer.status_code for answer in done} <= {202, 409, 503}
        assert len({answer.content for answer in done if answer.status_code == 202}) == 1
        assert (await sender.complete(upload_id, **{"Idempotency-Key": "done"})).headers[REPLAYED] == "true"
        assert (await count(database, "datasets"), await count(database, "analysis_tasks")) == (1, 1)

    async def test_called_off(self, sender: Sender, database: Database, object_store: ObjectStore) -> None:
        made = await sender.open()
        await sender.put_all(made["id"])
        place = f"/upload/sessions/{made['id']}"
        assert (await sender.client.delete(place, headers=sender.headers)).status_code == 204
        assert (await keys(object_store), await count(database, "uploads"), await used_bytes(database)) == ([], 0, 0)
        for answer in (
            await sender.client.get(place, headers=sender.headers),
            await sender.put(made["id"], 1, PARTS[0]),
            await sender.complete(made["id"]),
            await sender.client.delete(place, headers=sender.headers),
        ):
            assert answer.status_code == 404
        assert await keys(object_store) == []

    async def test_expired(
        self, sender: Sender, database: Database, object_store: ObjectStore, resources: Resources
    ) -> None:
        left, kept, done = [(await sender.open(name=name))["id"] for name in ("left", "kept", "done")]
        for upload_id in (left, kept, done):
            await sender.put_all(upload_id)
        await sender.complete(done)
        async with database.transaction() as session:
            await session.execute(
                "UPDATE uploads SET expires_at = now() - interval '1 s' WHERE id = ANY($1)", [UUID(left), UUID(done)]
            )
        assert (await sender.state(left))["status"] == "expired"
        for answer in (await sender.put(left, 1, PARTS[0]), await sender.complete(left)):
            assert (answer.status_code, answer.json()["code"]) == (409, "upload_expired")
        await remove_over(resources)
        assert (await sender.complete(left)).status_code == 404
        assert (await count(database, "uploads"), len(await keys(object_store))) == (1, 6)
        assert (await sender.state(kept))["missing"] == []

    async def test_of_fifty_at_once_as_many_as_there_is_room_for(
        self, sender: Sender, database: Database, workspace: Workspace
    ) -> None:
        sql = "INSERT INTO project_quotas (project_id, max_bytes) VALUES ($1, $2)"
        async with database.transaction() as session:
            await session.execute(sql, workspace.project_id, 20 * len(CSV) + 5)
        body = {"project_id": sender.project_id, "filename": "n.csv", "bytes": len(CSV)}

        async def begin() -> int:
            while True:
                answer = await sender.client.post("/upload/sessions", headers=sender.headers, json=body)
                if answer.status_code != 503:
                    return answer.status_code
                await asyncio.sleep(0.2)

        assert Counter(await asyncio.gather(*(begin() for _ in range(50)))) == {201: 20, 403: 30}
        assert await used_bytes(database) == 20 * len(CSV)
        refused = await upload(sender.client, sender.headers, "a,b\n1,2\n", project_id=sender.project_id)
        assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")

    async def test_larger_than_any_file_may_be(self, sender: Sender, resources: Resources) -> None:
        body = {
            "project_id": sender.project_id,
            "filename": "n.csv",
            "bytes": resources.settings.max_upload_bytes + 1,
        }
        for path in ("/upload/sessions", "/upload/presign"):
            answer = await sender.client.post(path, headers=sender.headers, json=body)
            assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.integration
async def test_the_announced_hash_is_held_against_the_whole(
    sender: Sender, database: Database, settings: Settings, tmp_path: Path
) -> None:
    found = hashlib.sha256(CSV).hexdigest()
    ids = [(await sender.open(name=name, sha256=sha))["id"] for name, sha in (("good", found), ("bad", "0" * 64))]
    for upload_id in ids:
        await sender.put_all(upload_id)
    worker = WorkerProcess(settings, tmp_path, "data-service.app.worker").start()
    try:
        good, bad = [(await sender.complete(upload_id, "?wait=60")) for upload_id in ids]
    finally:
        worker.kill()
    assert (good.status_code, good.json()["status"], good.json()["rows"]) == (200, "ready", 100)
    assert (bad.json()["status"], bad.json()["error"]["code"]) == ("failed", "checksum_mismatch")
    version = await sender.client.get(f"/manage/datasets/{good.json()['id']}/versions/1", headers=sender.headers)
    assert version.json()["sha256"] == found
    again = await sender.complete(ids[0])
    assert (again.status_code, again.json()["id"]) == (200, good.json()["id"])


@pytest.mark.integration
class TestPresigned:
    async def test_parts_go_to_the_store(self, sender: Sender, database: Database, object_store: ObjectStore) -> None:
        body = {"project_id": sender.project_id, "filename": "n.csv", "bytes": len(CSV), "part_size": HALF}
        made = (await sender.client.post("/upload/presign", headers=sender.headers, json=body)).json()
        assert [url["bytes"] for url in made["urls"]] == [len(part) for part in PARTS]
        assert (made["kind"], made["missing"]) == ("presigned", [1, 2, 3])
        through_us = await sender.put(made["id"], 1, PARTS[0])
        assert (through_us.status_code, through_us.json()["code"]) == (409, "upload_presigned")
        async with httpx.AsyncClient(timeout=30) as anybody:
            answers = [
                await anybody.request(place["method"], place["url"], headers=place["headers"], content=data)
                for place, data in zip(made["urls"], (PARTS[0], PARTS[1] + b"x", PARTS[2]), strict=True)
            ]
            assert [answer.status_code for answer in answers] == [200, 403, 200]
            assert (await sender.state(made["id"]))["missing"] == [2]
            early = await sender.complete(made["id"])
            assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
            await anybody.put(made["urls"][1]["url"], content=PARTS[1])
        done = await sender.complete(made["id"])
        assert done.status_code == 202
        assert await raw_of(database, object_store, done.json()["id"]) == CSV

    async def test_called_off(self, sender: Sender, object_store: ObjectStore, database: Database) -> None:
        body = {"project_id": sender.project_id, "filename": "n.csv", "bytes": len(CSV)}
        made = (await sender.client.post("/upload/presign", headers=sender.headers, json=body)).json()
        async with httpx.AsyncClient(timeout=30) as anybody:
            await anybody.put(made["urls"][0]["url"], content=CSV)
        assert len(await keys(object_store)) == 1
        await sender.client.delete(f"/upload/sessions/{made['id']}", headers=sender.headers)
        assert (await keys(object_store), await count(database, "uploads")) == ([], 0)
