"""Versions that expire, versions that are gone back to, and the garbage that both leave."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.config import Settings
from shared.errors import Conflict
from shared.ids import new_id
from shared.quotas import read_bytes
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.logins import log_in
from shared.testing.submission import until

from ..app.repositories.stored import Stored
from ..app.schemas.garbage import GarbageRequest
from ..app.services.datasets import Datasets
from ..app.services.engine import Engine
from ..app.services.garbage import Garbage
from ..app.services.retention import expire_dataset, expire_versions
from .made import Maker

integration = pytest.mark.integration

STATES = "SELECT array_agg(status ORDER BY version) FROM dataset_versions WHERE dataset_id = $1"
AGE = "UPDATE dataset_versions SET ready_at = now() - interval '10 days' WHERE dataset_id = $1 AND version < $2"
KEEP = "UPDATE datasets SET keep_versions = $2, keep_days = $3 WHERE id = $1"
TASK = """
INSERT INTO analysis_tasks (id, kind, queue, status, project_id, dataset_id, version, params, max_attempts)
VALUES ($1, 'analysis', 'ai', 'running', $2, $3, 1, '{}', 3)
"""


def test_bytes_of_a_file_in_parts_count_once() -> None:
    assert Stored(1, ["a", "b"], 10, "c", 5).sizes == {"a": 10, "b": 0, "c": 5}
    assert Stored(1, [], 0, None, None).sizes == {}


async def four_versions(maker: Maker) -> UUID:
    dataset_id = await maker.dataset("sales")
    for number in (1, 2, 3, 4):
        await maker.version(dataset_id, number, f"SELECT {number} AS a")
    return dataset_id


@integration
@pytest.mark.parametrize(
    ("versions", "days", "expired"), [(2, None, 2), (1, None, 3), (None, 5, 2), (3, 5, 1), (1, 5, 2), (None, None, 0)]
)
async def test_what_expires(
    maker: Maker, resources: Resources, versions: int | None, days: int | None, expired: int
) -> None:
    dataset_id = await four_versions(maker)
    await maker.run(AGE, dataset_id, 3)
    await maker.run(KEEP, dataset_id, versions, days)
    trial = await expire_dataset(resources, dataset_id, dry_run=True)
    assert await maker.run(STATES, dataset_id) == ["ready"] * 4
    freed = await expire_dataset(resources, dataset_id)
    assert (freed, freed.items, freed.objects) == (trial, expired, 2 * expired)
    assert await maker.run(STATES, dataset_id) == ["expired"] * expired + ["ready"] * (4 - expired)
    assert len(await maker.keys()) == 2 * (4 - expired)


@integration
async def test_what_is_current_or_in_use_stays(maker: Maker, resources: Resources) -> None:
    dataset_id = await four_versions(maker)
    await maker.run("UPDATE datasets SET current_version = 2, keep_versions = 1 WHERE id = $1", dataset_id)
    await maker.run(TASK, new_id(), maker.workspace.project_id, dataset_id)
    await expire_versions(resources)
    assert await maker.run(STATES, dataset_id) == ["ready", "ready", "expired", "ready"]


@integration
async def test_an_expired_version_is_told_from_an_absent_one(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker
) -> None:
    dataset_id = await four_versions(maker)
    place = f"/manage/datasets/{dataset_id}"
    assert (await client.get(f"{place}/retention", headers=editor)).json() == {"keep_versions": None, "keep_days": None}
    put = await client.put(f"{place}/retention", headers=editor, json={"keep_versions": 3})
    assert put.json() == {"keep_versions": 3, "keep_days": None}
    for part in ("schema", "preview", "rows", "profile", "download", "columns/a/values"):
        answer = await client.get(f"{place}/{part}?version=1", headers=editor)
        assert (answer.status_code, answer.json()["code"]) == (409, "version_expired"), part
    shown = (await client.get(f"{place}/versions/1", headers=editor)).json()
    assert (shown["status"], shown["rows"], shown["sha256"]) == ("expired", 1, "r")
    node = (await client.get(f"{place}/lineage?version=1", headers=editor)).json()["nodes"][0]
    assert (node["name"], node["status"], node["removed"]) == ("sales", "expired", False)
    for body in ({"keep_versions": 0}, {"keep_days": 40_000}, {"days": 1}):
        assert (await client.put(f"{place}/retention", headers=editor, json=body)).status_code == 422


@integration
async def test_a_version_that_expires_while_it_is_read(maker: Maker, resources: Resources) -> None:
    dataset_id = await four_versions(maker)
    datasets = Datasets(resources, Engine(resources))
    found = await datasets.version(dataset_id, maker.workspace.viewer, 1)
    await maker.run(KEEP, dataset_id, 1, None)
    await expire_dataset(resources, dataset_id)
    with pytest.raises(Conflict) as caught:
        await datasets.compute(found, maker.workspace.viewer, "preview:preview", {"limit": 1})
    assert caught.value.code == "version_expired"


@integration
async def test_back_to_an_earlier_version(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker, resources: Resources
) -> None:
    dataset_id = await four_versions(maker)
    place, objects = f"/manage/datasets/{dataset_id}", await maker.keys()
    async with resources.database.transaction() as session:
        before = await read_bytes(session, resources.settings, maker.workspace.project_id)
    etag = (await client.get(place, headers=editor)).headers["etag"]
    headers = {**editor, "If-Match": etag, "Idempotency-Key": "once"}
    made = await client.post(f"{place}/rollback", headers=headers, json={"version": 1})
    again = await client.post(f"{place}/rollback", headers=headers, json={"version": 1})
    assert (made.status_code, made.json()["current_version"], again.json()) == (200, 5, made.json())
    assert (await client.get(place, headers=editor)).headers["etag"] == made.headers["etag"] != etag
    assert (await client.get(f"{place}/rows", headers=editor)).json()["rows"] == [[1]]
    shown = (await client.get(f"{place}/versions/5", headers=editor)).json()
    assert shown["operation"] == {"op": "rollback", "to": 1}
    assert shown["parents"] == [{"dataset_id": str(dataset_id), "version": 1}]
    async with resources.database.transaction() as session:
        assert await read_bytes(session, resources.settings, maker.workspace.project_id) == before
    # The content outlives the version that it came with.
    await client.put(f"{place}/retention", headers=editor, json={"keep_versions": 1})
    assert await maker.run(STATES, dataset_id) == ["expired"] * 4 + ["ready"]
    assert (len(objects), len(await maker.keys())) == (8, 1)
    assert (await client.get(f"{place}/rows", headers=editor)).json()["rows"] == [[1]]


@integration
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("status = 'failed'", "dataset_not_ready"),
        ("status = 'expired'", "version_expired"),
        ("blocked = true", "version_blocked"),
        ("status = 'ingesting'", "dataset_not_ready"),
    ],
)
async def test_where_there_is_no_way_back(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker, change: str, code: str
) -> None:
    dataset_id = await four_versions(maker)
    place = f"/manage/datasets/{dataset_id}/rollback"
    await maker.run(f"UPDATE dataset_versions SET {change} WHERE version = 2 AND dataset_id = $1", dataset_id)  # noqa: S608
    refused = await client.post(place, headers=editor, json={"version": 2})
    assert (refused.status_code, refused.json()["code"]) == (409, code)
    seen = await client.get(f"/manage/datasets/{dataset_id}/rows?version=2", headers=editor)
    assert seen.status_code == (200 if code == "version_blocked" else 409)
    other = await client.post(place, headers=editor, json={"version": 1})
    assert other.status_code == (409 if "ingesting" in change else 200)
    assert (await client.post(place, headers=editor, json={"version": 9})).json()["code"] == "unknown_version"


@pytest.fixture
def at_once(resources: Resources) -> None:
    """What nothing refers to is an orphan from its first moment on."""
    resources.settings = resources.settings.model_copy(update={"orphan_hours": 1e-9})


async def collected(resources: Resources, maker: Maker, *, trash: bool, dry_run: bool) -> dict[str, Any]:
    """What a collection of garbage did."""
    owner = maker.workspace.owner
    request = GarbageRequest(project_id=maker.workspace.project_id, include_trash=trash, dry_run=dry_run)
    task = await Garbage(resources).submit(owner, request, None)
    await until(resources, task, TaskStatus.SUCCEEDED)
    events = [event async for event in resources.ledger.events(task.id, owner, 0)]
    (result,) = [event.data for event in events if event.event == "result"]
    assert result.pop("dry_run") is dry_run
    return result


@integration
async def test_a_worker_collects_garbage(maker: Maker, resources: Resources, at_once: None, worker: None) -> None:
    await maker.run(KEEP, await four_versions(maker), 3, None)
    gone = await maker.dataset("gone")
    await maker.version(gone, 1)
    await maker.run("UPDATE datasets SET deleted_at = now() WHERE id = $1", gone)
    for key in (f"{maker.workspace.project_id}/orphan", f"{new_id()}/elsewhere"):
        await resources.object_store.put_bytes(key, b"12345")
    tried = await collected(resources, maker, trash=True, dry_run=True)
    without_trash = await collected(resources, maker, trash=False, dry_run=True)
    assert len(await maker.keys()) == 12
    done = await collected(resources, maker, trash=True, dry_run=False)
    assert (tried, len(await maker.keys())) == (done, 7)
    assert (done["datasets_purged"], done["versions_expired"], done["objects_removed"]) == (1, 1, 5)
    assert (without_trash["datasets_purged"], without_trash["objects_removed"]) == (0, 3)
    assert set((await collected(resources, maker, trash=True, dry_run=False)).values()) == {0}


@integration
async def test_a_version_that_is_ready_makes_older_ones_expire(
    client: httpx.AsyncClient, editor: dict[str, str], maker: Maker, worker: None
) -> None:
    dataset_id = await maker.dataset("sales")
    await maker.version(dataset_id, 1)
    await maker.run(KEEP, dataset_id, 1, None)
    answer = await client.post(
        f"/manage/datasets/{dataset_id}/versions?wait=30",
        headers=editor,
        data={"mode": "replace"},
        files={"file": ("a.csv", b"a\n5\n6\n", "text/csv")},
    )
    assert (answer.status_code, answer.json()["current_version"]) == (200, 2), answer.text
    for _ in range(600):
        if await maker.run(STATES, dataset_id) == ["expired", "ready"]:
            break
        await asyncio.sleep(0.1)
    assert await maker.run(STATES, dataset_id) == ["expired", "ready"]


@integration
async def test_only_owners_collect(client: httpx.AsyncClient, maker: Maker, settings: Settings) -> None:
    body = {"project_id": str(maker.workspace.project_id)}
    for person, status in (
        (maker.workspace.editor, 403),
        (maker.workspace.stranger, 404),
        (maker.workspace.owner, 202),
    ):
        headers = await log_in(settings, maker.database, person)
        answer = await client.post("/manage/datasets/gc", headers=headers, json=body)
        assert answer.status_code == status
    assert answer.headers["location"] == f"/tasks/{answer.json()['id']}"
