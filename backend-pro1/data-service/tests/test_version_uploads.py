"""New versions from files, up to the commit; what the task makes of them is tested elsewhere."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.database import Database
from shared.errors import Invalid
from shared.idempotency.answers import REPLAYED
from shared.object_store import ObjectStore
from shared.testing.project import Workspace

from ..app.schemas.uploads import VersionFields
from .conftest import upload
from .cutting import count, keys

CSV = "a,b\n1,2\n"
_READY = """
WITH made AS (UPDATE dataset_versions SET status = 'ready', schema = '[{"name": "a", "type": "integer"}]')
UPDATE datasets SET status = 'ready', current_version = 1
"""


class TestFields:
    @pytest.mark.parametrize("fields", [{"mode": "append"}, {"mode": "replace"}, {"mode": "upsert", "key": "id, day"}])
    def test_good(self, fields: dict[str, str]) -> None:
        assert VersionFields.parse(fields).key == (["id", "day"] if "key" in fields else [])

    @pytest.mark.parametrize(
        ("fields", "place"),
        [
            ({}, ["body", "mode"]),
            ({"mode": "merge"}, ["body", "mode"]),
            ({"mode": "upsert"}, ["body"]),
            ({"mode": "append", "key": "id"}, ["body"]),
            ({"mode": "append", "options": "{"}, ["body", "options"]),
            ({"mode": "append", "name": "x"}, ["body", "name"]),
        ],
    )
    def test_bad(self, fields: dict[str, str], place: list[str]) -> None:
        with pytest.raises(Invalid) as caught:
            VersionFields.parse(fields)
        assert (caught.value.code, caught.value.errors[0]["loc"]) == ("validation_failed", place)
        assert "Value error" not in caught.value.detail


class Target:
    """A dataset that is ready, as far as its rows say."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str], dataset_id: str) -> None:
        self.client = client
        self.headers = headers
        self.dataset_id = dataset_id
        self.place = f"/manage/datasets/{dataset_id}"

    async def send(self, content: str = CSV, if_match: str = "*", once: str = "", **fields: str) -> httpx.Response:
        files = {"file": ("more.csv", content.encode(), "text/csv")}
        path, headers = f"{self.place}/versions", {"If-Match": if_match, **({"Idempotency-Key": once} if once else {})}
        return await self.client.post(path, headers=self.headers | headers, data=fields, files=files)


@pytest.fixture
async def target(client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, database: Database) -> Target:
    made = await upload(client, editor, CSV, project_id=str(workspace.project_id))
    async with database.transaction() as session:
        await session.execute(_READY)
        await session.execute("DELETE FROM analysis_tasks")
    return Target(client, editor, made.json()["id"])


async def version(database: Database, dataset_id: str) -> dict[str, Any]:
    sql = """
    SELECT jsonb_build_object('version', v.version, 'status', v.status, 'operation', v.operation, 'parents',
                              (SELECT coalesce(jsonb_agg(p.parent_version), '[]') FROM version_parents p
                               WHERE p.dataset_id = v.dataset_id AND p.version = v.version))
    FROM dataset_versions v WHERE v.dataset_id = $1 ORDER BY v.version DESC LIMIT 1
    """
    async with database.transaction(read_only=True) as session:
        found: dict[str, Any] = await session.fetch_value(sql, UUID(dataset_id))
    return found


@pytest.mark.integration
class TestVersions:
    async def test_replace(self, target: Target, database: Database) -> None:
        answer = await target.send(mode="replace", options='{"delimiter": ","}')
        assert (answer.status_code, answer.json()["status"], answer.json()["current_version"]) == (202, "ready", 1)
        assert answer.headers["location"] == target.place
        assert answer.json()["task_id"]
        operation = {"op": "replace", "filename": "more.csv", "options": {"delimiter": ","}}
        assert await version(database, target.dataset_id) == {
            "version": 2,
            "status": "ingesting",
            "operation": operation,
            "parents": [],
        }

    async def test_upsert(self, target: Target, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[Any] = []

        async def fits(*given: Any) -> None:
            asked.extend(given[3:])

        monkeypatch.setattr("data-service.app.services.version_uploads.require_fit", fits)
        assert (await target.send(mode="upsert", key="a")).status_code == 202
        assert (asked[0].bytes, asked[1:]) == (8, [{}, [{"name": "a", "type": "integer"}], "upsert", ["a"]])
        found = await version(database, target.dataset_id)
        assert (found["parents"], found["operation"]["key"]) == ([1], ["a"])

    async def test_columns_that_do_not_fit(
        self, target: Target, database: Database, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def misfits(*_: Any) -> None:
            raise Invalid("The file has no column 'a'.", code="schema_mismatch")

        monkeypatch.setattr("data-service.app.services.version_uploads.require_fit", misfits)
        refused = await target.send(mode="append")
        assert (refused.status_code, refused.json()["code"]) == (422, "schema_mismatch")
        assert (await count(database, "dataset_versions"), len(await keys(object_store))) == (1, 1)

    async def test_one_at_a_time(self, target: Target, database: Database, object_store: ObjectStore) -> None:
        answers = await asyncio.gather(*(target.send(mode="replace") for _ in range(5)))
        codes = sorted(str(answer.json().get("code")) for answer in answers)
        assert codes == ["None", *["version_in_progress"] * 4]
        assert (await count(database, "dataset_versions"), len(await keys(object_store))) == (2, 2)

    async def test_only_the_state_that_was_seen(self, target: Target, object_store: ObjectStore) -> None:
        tag = (await target.client.get(target.place, headers=target.headers)).headers["etag"]
        await target.client.patch(target.place, headers=target.headers, json={"description": "Changed"})
        stale = await target.send(if_match=tag, mode="replace")
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
        assert len(await keys(object_store)) == 1
        tag = (await target.client.get(target.place, headers=target.headers)).headers["etag"]
        assert (await target.send(if_match=tag, mode="replace")).status_code == 202

    async def test_repeated_with_a_key(self, target: Target, database: Database, object_store: ObjectStore) -> None:
        first, again = [await target.send(once="a-key", mode="replace") for _ in range(2)]
        assert (again.status_code, again.content, again.headers[REPLAYED]) == (202, first.content, "true")
        other = await target.send("a,b\n3,4\n", once="a-key", mode="replace")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        assert (await count(database, "dataset_versions"), len(await keys(object_store))) == (2, 2)

    @pytest.mark.parametrize("fields", [{}, {"mode": "merge"}, {"mode": "upsert"}, {"mode": "replace", "name": "x"}])
    async def test_fields_that_are_not_taken(
        self, target: Target, object_store: ObjectStore, fields: dict[str, str]
    ) -> None:
        refused = await target.send(**fields)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
        assert len(await keys(object_store)) == 1

    async def test_nothing_to_add_to(
        self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, database: Database
    ) -> None:
        made = (await upload(client, editor, CSV, project_id=str(workspace.project_id))).json()
        async with database.transaction() as session:
            await session.execute("UPDATE dataset_versions SET status = 'failed'")
        target = Target(client, editor, made["id"])
        refused = await target.send(mode="append")
        assert (refused.status_code, refused.json()["code"]) == (409, "dataset_not_ready")
        assert (await target.send(mode="replace")).status_code == 202

    async def test_parts_that_become_a_version(self, target: Target, database: Database) -> None:
        order = {"dataset_id": target.dataset_id, "mode": "replace", "filename": "more.csv", "bytes": len(CSV)}
        made = (await target.client.post("/upload/sessions", headers=target.headers, json=order)).json()
        place = f"/upload/sessions/{made['id']}"
        await target.client.put(f"{place}/parts/1", headers=target.headers, content=CSV.encode())
        done = await target.client.post(f"{place}/complete", headers=target.headers, json={})
        assert (done.status_code, done.json()["id"]) == (202, target.dataset_id)
        found = await version(database, target.dataset_id)
        assert (found["version"], found["operation"]["op"]) == (2, "replace")
        again = await target.client.post(f"{place}/complete", headers=target.headers, json={})
        assert (again.status_code, again.json()["task_id"]) == (202, done.json()["task_id"])
        assert await count(database, "dataset_versions") == 2
