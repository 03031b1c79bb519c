"""Uploads and datasets against real servers, without a worker."""

from uuid import UUID

import httpx
import pytest

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.logins import log_in
from shared.testing.project import Workspace

from ..app.main import create_app
from ..app.services.sweeps import sweep
from .conftest import upload

pytestmark = pytest.mark.integration
CSV = "a,b\n1,2\n"


async def _stored(store: ObjectStore) -> list[str]:
    return [entry.key async for entry in store.list("")]


class TestUpload:
    async def test_anonymous(self, client: httpx.AsyncClient, workspace: Workspace) -> None:
        answer = await upload(client, {}, CSV, project_id=str(workspace.project_id))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")

    async def test_viewer(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        database: Database,
        workspace: Workspace,
        object_store: ObjectStore,
    ) -> None:
        viewer = await log_in(settings, database, workspace.viewer)
        answer = await upload(client, viewer, CSV, project_id=str(workspace.project_id))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert await _stored(object_store) == []

    async def test_foreign_and_absent_projects_look_alike(
        self,
        client: httpx.AsyncClient,
        settings: Settings,
        database: Database,
        workspace: Workspace,
        object_store: ObjectStore,
    ) -> None:
        stranger = await log_in(settings, database, workspace.stranger)
        answers = [
            (await upload(client, stranger, CSV, project_id=str(project))).json()
            for project in (workspace.project_id, new_id())
        ]
        assert {(answer["status"], answer["detail"]) for answer in answers} == {(404, answers[0]["detail"])}
        assert await _stored(object_store) == []

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            ("", 422, "empty_file"),
            ("\x00\x01", 415, "unsupported_media_type"),
            ("%PDF-1.4 x", 415, "unsupported_media_type"),
        ],
    )
    async def test_files_that_are_not_taken(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        object_store: ObjectStore,
        content: str,
        status: int,
        code: str,
    ) -> None:
        answer = await upload(client, editor, content, project_id=str(workspace.project_id))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert await _stored(object_store) == []

    @pytest.mark.parametrize(
        ("fields", "code"),
        [({}, "missing_field"), ({"project_id": "x"}, "validation_failed"), ({"colour": "red"}, "validation_failed")],
    )
    async def test_fields_that_are_not_taken(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        object_store: ObjectStore,
        fields: dict[str, str],
        code: str,
    ) -> None:
        known = {"project_id": str(workspace.project_id)} if "colour" in fields else {}
        answer = await upload(client, editor, CSV, **known, **fields)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert await _stored(object_store) == []

    async def test_a_field_that_comes_twice(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        workspace: Workspace,
        object_store: ObjectStore,
    ) -> None:
        head = '--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n'
        field = f"{head}{workspace.project_id}\r\n"
        file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n1,2\n\r\n'
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        for body in (field * 2 + file, field + file + field, file + field * 2):
            answer = await client.post("/upload/file", headers=editor | kind, content=f"{body}--x--\r\n".encode())
            assert (answer.status_code, answer.json()["code"]) == (422, "repeated_field")
        assert await _stored(object_store) == []

    async def test_too_large(
        self,
        resources: Resources,
        settings: Settings,
        database: Database,
        workspace: Workspace,
        object_store: ObjectStore,
    ) -> None:
        resources.settings = settings.model_copy(update={"max_upload_bytes": 100})
        transport = httpx.ASGITransport(create_app(resources.settings, resources))
        headers = await log_in(settings, database, workspace.editor)
        async with httpx.AsyncClient(transport=transport, base_url="http://data") as client:
            answer = await upload(client, headers, "a,b\n" + "1,2\n" * 100, project_id=str(workspace.project_id))
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
        assert await _stored(object_store) == []

    async def test_project_behind_the_file(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        settings: Settings,
        database: Database,
        workspace: Workspace,
        object_store: ObjectStore,
    ) -> None:
        body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="../up/late.csv"\r\n\r\na,b\n1,2\n\r\n'
            b'--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n%s\r\n--x--\r\n'
            % str(workspace.project_id).encode()
        )
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        accepted = await client.post("/upload/file", headers={**editor, **kind}, content=body)
        assert (accepted.status_code, accepted.json()["name"]) == (202, "late")
        assert accepted.headers["retry-after"] == "1"
        stranger = await log_in(settings, database, workspace.stranger)
        refused = await client.post("/upload/file", headers={**stranger, **kind}, content=body)
        assert refused.status_code == 404
        assert len(await _stored(object_store)) == 1

    async def test_names(self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace) -> None:
        project = str(workspace.project_id)
        made = [(await upload(client, editor, CSV, project_id=project)).json()["name"] for _ in range(3)]
        assert made == ["numbers", "numbers 2", "numbers 3"]
        taken = await upload(client, editor, CSV, project_id=project, name="NUMBERS")
        assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")


class TestInspect:
    async def test_a_file_is_described_and_not_kept(
        self, client: httpx.AsyncClient, editor: dict[str, str], object_store: ObjectStore
    ) -> None:
        files = {"file": ("numbers.csv", b"a;b\n1;2,5\n", "text/csv")}
        answer = await client.post("/upload/inspect", headers=editor, files=files)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["format"], found["delimiter"], found["rows"]) == ("csv", ";", [[1, 2.5]])
        assert [(column["name"], column["type"]) for column in found["columns"]] == [("a", "integer"), ("b", "number")]
        assert await _stored(object_store) == []

    async def test_anonymous(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/upload/inspect", files={"file": ("numbers.csv", b"a\n1\n", "text/csv")})
        assert answer.status_code == 401


class TestDatasets:
    @pytest.fixture
    async def place(self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace) -> str:
        fields = {"project_id": str(workspace.project_id), "tags": "sales, 2024", "description": "Of the year"}
        answer = await upload(client, editor, CSV, **fields)
        assert answer.json()["tags"] == ["sales", "2024"]
        return f"/manage/datasets/{answer.json()['id']}"

    async def test_get_by_etag(self, client: httpx.AsyncClient, editor: dict[str, str], place: str) -> None:
        first = await client.get(place, headers=editor)
        again = await client.get(place, headers={**editor, "If-None-Match": first.headers["etag"]})
        assert (first.json()["status"], again.status_code) == ("ingesting", 304)

    async def test_not_ready(
        self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, place: str
    ) -> None:
        for path in ("preview", "profile", "schema", "download"):
            answer = await client.get(f"{place}/{path}", headers=editor)
            assert (answer.status_code, answer.json()["code"]) == (409, "dataset_not_ready")
        query = {"project_id": str(workspace.project_id), "sql": "SELECT * FROM numbers"}
        answer = await client.post("/process/query", headers=editor, json=query)
        assert (answer.status_code, answer.json()["code"]) == (409, "dataset_not_ready")

    async def test_unknown_table(
        self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, place: str
    ) -> None:
        query = {"project_id": str(workspace.project_id), "sql": "SELECT * FROM numbrs"}
        answer = (await client.post("/process/query", headers=editor, json=query)).json()
        assert (answer["code"], "Did you mean 'numbers'?" in answer["detail"]) == ("unknown_table", True)

    async def test_list(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        settings: Settings,
        database: Database,
        workspace: Workspace,
        place: str,
    ) -> None:
        for query, count in (("", 1), ("?q=NUMB", 1), ("?q=year", 1), ("?q=zzz", 0), ("?tag=sales", 1), ("?tag=x", 0)):
            assert len((await client.get(f"/manage/datasets{query}", headers=editor)).json()["items"]) == count
        stranger = await log_in(settings, database, workspace.stranger)
        assert (await client.get("/manage/datasets", headers=stranger)).json() == {"items": [], "next_cursor": None}
        foreign = await client.get(f"/manage/datasets?project_id={workspace.project_id}", headers=stranger)
        assert foreign.status_code == 404

    async def test_pages(
        self, client: httpx.AsyncClient, editor: dict[str, str], workspace: Workspace, place: str
    ) -> None:
        await upload(client, editor, CSV, project_id=str(workspace.project_id))
        first = (await client.get("/manage/datasets?limit=1", headers=editor)).json()
        second = (await client.get(f"/manage/datasets?limit=1&cursor={first['next_cursor']}", headers=editor)).json()
        names = [first["items"][0]["name"], second["items"][0]["name"]]
        assert (names, second["next_cursor"]) == (["numbers 2", "numbers"], None)

    async def test_strangers_see_nothing(
        self, client: httpx.AsyncClient, settings: Settings, database: Database, workspace: Workspace, place: str
    ) -> None:
        stranger = await log_in(settings, database, workspace.stranger)
        for path in ("", "/schema", "/preview", "/profile", "/download", "/versions", "/versions/1"):
            assert (await client.get(place + path, headers=stranger)).status_code == 404
        assert (await client.delete(place, headers=stranger)).status_code == 404
        assert (await client.patch(place, headers=stranger, json={"name": "x"})).status_code == 404

    async def test_change(self, client: httpx.AsyncClient, editor: dict[str, str], place: str) -> None:
        tag = (await client.get(place, headers=editor)).headers["etag"]
        changed = await client.patch(place, headers={**editor, "If-Match": tag}, json={"name": "Renamed"})
        stale = await client.patch(place, headers={**editor, "If-Match": tag}, json={"name": "Again"})
        assert (changed.json()["name"], changed.json()["description"]) == ("Renamed", "Of the year")
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")

    async def test_viewer_may_not_change(
        self, client: httpx.AsyncClient, settings: Settings, database: Database, workspace: Workspace, place: str
    ) -> None:
        viewer = await log_in(settings, database, workspace.viewer)
        assert (await client.get(place, headers=viewer)).status_code == 200
        assert (await client.delete(place, headers=viewer)).status_code == 403

    async def test_delete_calls_the_ingest_off(
        self,
        client: httpx.AsyncClient,
        editor: dict[str, str],
        database: Database,
        place: str,
        object_store: ObjectStore,
    ) -> None:
        task_id = UUID((await client.get(place, headers=editor)).json()["task_id"])
        assert (await client.delete(place, headers=editor)).status_code == 204
        async with database.transaction() as session:
            status = await session.fetch_value("SELECT status FROM analysis_tasks WHERE id = $1", task_id)
        # Its file stays for as long as it can be brought back.
        assert (status, len(await _stored(object_store))) == ("cancelled", 1)


async def test_the_sweep_removes_orphans_and_nothing_else(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    workspace: Workspace,
    resources: Resources,
    object_store: ObjectStore,
) -> None:
    await upload(client, editor, CSV, project_id=str(workspace.project_id))
    kept = await _stored(object_store)
    orphan = f"{new_id()}/{new_id()}/{new_id()}"
    await object_store.put_bytes(orphan, b"left behind")
    await sweep(resources)
    assert orphan in await _stored(object_store)
    resources.settings = resources.settings.model_copy(update={"orphan_hours": -1})
    await sweep(resources)
    assert await _stored(object_store) == kept
