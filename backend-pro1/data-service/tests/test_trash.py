"""The trash: what is in it is absent everywhere, and comes back whole or goes for good."""

from uuid import UUID

import httpx
import pytest

from shared.ids import new_id
from shared.resources import Resources

from ..app.services.trash import purge_trash
from .conftest import upload
from .made import Maker

pytestmark = pytest.mark.integration

AGE = "UPDATE datasets SET deleted_at = now() - interval '31 days' WHERE id = $1"
EVERY_READ = ("", "/schema", "/preview", "/rows", "/profile", "/download", "/versions", "/versions/1", "/lineage")
PAGES = "?limit=200"


async def test_there_and_back(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
    dataset_id = await maker.dataset("sales")
    await maker.version(dataset_id, 1)
    before, place = await maker.keys(), f"/manage/datasets/{dataset_id}"
    assert (await client.delete(place, headers=editor)).status_code == 204

    assert [(await client.get(f"{place}{part}", headers=editor)).status_code for part in EVERY_READ] == [404] * 9
    assert (await client.get("/manage/datasets", headers=editor)).json()["items"] == []
    for method, path, body in (
        ("PATCH", place, {"name": "x"}),
        ("PATCH", f"{place}/schema", {"columns": {"a": {"unit": "m"}}}),
        ("PUT", f"{place}/retention", {}),
        ("POST", f"{place}/rollback", {"version": 1}),
        ("DELETE", place, None),
    ):
        assert (await client.request(method, path, headers=editor, json=body)).status_code == 404, path
    query = {"project_id": str(maker.workspace.project_id), "sql": "SELECT * FROM sales"}
    assert (await client.post("/process/query", headers=editor, json=query)).json()["code"] == "unknown_table"

    (shown,) = (await client.get("/manage/datasets?deleted=true", headers=editor)).json()["items"]
    assert (shown["id"], shown["purge_at"] > shown["deleted_at"]) == (str(dataset_id), True)
    restored = await client.post(f"{place}/restore", headers=editor)
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)
    assert (await client.get(f"{place}/rows", headers=editor)).json()["rows"] == [[1]]
    assert (await client.post(f"{place}/restore", headers=editor)).json() == restored.json()
    assert (await maker.keys(), restored.headers["etag"] != "") == (before, True)


async def test_its_name_is_free_until_it_comes_back(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker
) -> None:
    former = await maker.dataset("sales")
    await client.delete(f"/manage/datasets/{former}", headers=editor)
    await maker.dataset("Sales")
    refused = await client.post(f"/manage/datasets/{former}/restore", headers=editor)
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")


async def test_a_running_task_is_called_off(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
    made = (await upload(client, editor, "a,b\n1,2\n", project_id=str(maker.workspace.project_id))).json()
    await client.delete(f"/manage/datasets/{made['id']}", headers=editor)
    status = await maker.run("SELECT status FROM analysis_tasks WHERE dataset_id = $1", UUID(made["id"]))
    assert status == "cancelled"


async def test_purged_for_good_from_wherever_it_is(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker
) -> None:
    for discard in (False, True):
        dataset_id = await maker.dataset("sales")
        await maker.version(dataset_id, 1)
        if discard:
            await client.delete(f"/manage/datasets/{dataset_id}", headers=editor)
        gone = await client.delete(f"/manage/datasets/{dataset_id}?purge=true", headers=editor)
        assert (gone.status_code, await maker.keys()) == (204, set())
        assert (await client.post(f"/manage/datasets/{dataset_id}/restore", headers=editor)).status_code == 404
    assert await maker.run("SELECT count(*) FROM datasets") == 0


async def test_the_chore_purges_what_is_old(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker, resources: Resources
) -> None:
    kept, old, fresh = [await maker.dataset(name) for name in ("kept", "old", "fresh")]
    for dataset_id in (kept, old, fresh):
        await maker.version(dataset_id, 1)
    for dataset_id in (old, fresh):
        await client.delete(f"/manage/datasets/{dataset_id}", headers=editor)
    await maker.run(AGE, old)
    # Something else refers to one of its objects, so that stays.
    shared = await maker.run("SELECT parquet_key FROM dataset_versions WHERE dataset_id = $1", old)
    await maker.run("UPDATE dataset_versions SET raw_keys = raw_keys || ARRAY[$2] WHERE dataset_id = $1", kept, shared)
    await purge_trash(resources)
    assert {key.split("/")[1] for key in await maker.keys() if key != shared} == {str(kept), str(fresh)}
    assert shared in await maker.keys()
    assert await maker.run("SELECT array_agg(name ORDER BY name) FROM datasets") == ["fresh", "kept"]


async def test_if_match_and_strangers(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
    dataset_id = await maker.dataset("sales")
    stale = {**editor, "If-Match": '"another"'}
    for query in ("", "?purge=true"):
        answer = await client.delete(f"/manage/datasets/{dataset_id}{query}", headers=stale)
        assert answer.status_code == 412
    assert (await client.delete(f"/manage/datasets/{new_id()}?purge=true", headers=editor)).status_code == 404
