"""The main job against real servers: upload, ingest by a real Celery worker, look, query, save, remove."""

import csv
import hashlib
import io
from collections.abc import Iterator

import httpx
import pytest

from shared.config import Settings
from shared.object_store import ObjectStore
from shared.testing.project import Workspace
from shared.testing.worker_process import WorkerProcess

from .conftest import upload

pytestmark = pytest.mark.integration
NUMBERS = "id,price\n" + "".join(f"{number},{number / 2}\n" for number in range(1, 101))


@pytest.fixture(scope="module")
def celery(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real worker, for all tests of the module."""
    process = WorkerProcess(server_settings, tmp_path_factory.mktemp("worker"), "data-service.app.worker").start()
    yield
    process.kill()


async def test_the_main_job(
    client: httpx.AsyncClient,
    celery: None,
    workspace: Workspace,
    editor: dict[str, str],
    object_store: ObjectStore,
) -> None:
    answer = await upload(client, editor, NUMBERS, "?wait=60", project_id=str(workspace.project_id))
    dataset = answer.json()
    assert answer.status_code == 200, answer.text
    assert answer.headers["location"] == f"/manage/datasets/{dataset['id']}"
    assert (dataset["status"], dataset["rows"], dataset["columns"], dataset["current_version"]) == ("ready", 100, 2, 1)
    assert (dataset["name"], dataset["bytes"]) == ("numbers", len(NUMBERS))
    place = f"/manage/datasets/{dataset['id']}"

    preview = (await client.get(f"{place}/preview?limit=2", headers=editor)).json()
    assert (preview["rows"], preview["truncated"]) == ([[1, 0.5], [2, 1.0]], True)
    profile = (await client.get(f"{place}/profile", headers=editor)).json()
    assert profile["columns"][0]["mean"] == 50.5
    schema = (await client.get(f"{place}/schema", headers=editor)).json()
    assert [column["type"] for column in schema["columns"]] == ["integer", "number"]

    query = {"project_id": str(workspace.project_id), "sql": 'SELECT sum(price) AS s FROM "numbers@1" WHERE id <= 4'}
    rows = (await client.post("/process/query", headers=editor, json=query)).json()
    assert rows["rows"] == [[5.0]]

    saved = await client.get(f"{place}/download?format=csv", headers=editor)
    assert list(csv.reader(io.StringIO(saved.text)))[1] == ["1", "0.5"]
    assert saved.headers["x-row-count"] == "100"
    assert saved.headers["x-content-sha256"] == hashlib.sha256(saved.content).hexdigest()
    assert saved.headers["content-disposition"].startswith('attachment; filename="numbers.csv"')
    parquet = await client.get(f"{place}/download?format=parquet", headers=editor)
    assert parquet.content[:4] == b"PAR1"

    version = (await client.get(f"{place}/versions/1", headers=editor)).json()
    assert version["sha256"] == hashlib.sha256(NUMBERS.encode()).hexdigest()
    assert version["report"]["rejected_rows"] == 0

    assert (await client.delete(f"{place}?purge=true", headers=editor)).status_code == 204
    assert (await client.get(place, headers=editor)).status_code == 404
    assert [entry async for entry in object_store.list("")] == []


async def test_a_file_that_is_no_table_fails_with_a_reason(
    client: httpx.AsyncClient, celery: None, workspace: Workspace, editor: dict[str, str]
) -> None:
    dataset = (await upload(client, editor, "a,b\n", "?wait=60", project_id=str(workspace.project_id))).json()
    assert (dataset["status"], dataset["error"]["code"]) == ("failed", "no_rows")
    preview = await client.get(f"/manage/datasets/{dataset['id']}/preview", headers=editor)
    assert (preview.status_code, preview.json()["code"]) == (409, "dataset_not_ready")
