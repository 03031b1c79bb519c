"""While a backup is being made, what is deleted goes from the tables at once and from the store afterwards."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import httpx
import pytest

from shared.removed_objects import BACKUP_LOCK, BackupUnderWay
from shared.resources import Resources

from ..app.services.query_tasks import remove_expired
from ..app.services.retention import expire_versions
from ..app.services.sweeps import sweep
from ..app.services.trash import purge_trash
from ..app.services.upload_removals import remove_over
from .made import Maker

pytestmark = pytest.mark.integration

AGE = "UPDATE datasets SET deleted_at = now() - interval '31 days' WHERE id = $1"
RESULT = """
INSERT INTO query_results (task_id, project_id, key, bytes, sha256, row_count, schema, warnings, expires_at)
VALUES ($1, $2, 'of-a-query', 1, 's', 1, '[]', '[]', now())
"""
TASK = "INSERT INTO analysis_tasks (id, kind, queue, project_id) VALUES ($1, 'query', 'ingest', $2)"
UPLOAD = """
INSERT INTO uploads (id, project_id, kind, status, filename, bytes, part_size, fields, expires_at)
VALUES ($1, $2, 'session', 'aborted', 'a.csv', 1, 1, '{}', now())
"""
PART = "INSERT INTO upload_parts (upload_id, number, key, bytes) VALUES ($1, 1, 'of-an-upload', 1)"


@pytest.fixture
async def backup(resources: Resources) -> AsyncIterator[asyncpg.Connection]:
    """The connection of a backup that is being made."""
    connection = await asyncpg.connect(resources.settings.database_url.get_secret_value())
    await connection.execute("SELECT pg_advisory_lock($1)", BACKUP_LOCK)
    yield connection
    await connection.close()


async def test_a_purge_leaves_files_for_the_sweep(
    client: httpx.AsyncClient,
    editor: dict[str, str],
    maker: Maker,
    resources: Resources,
    backup: asyncpg.Connection,
) -> None:
    dataset_id = await maker.dataset("sales")
    await maker.version(dataset_id, 1)
    before = await maker.keys()
    assert (await client.delete(f"/manage/datasets/{dataset_id}?purge=true", headers=editor)).status_code == 204
    assert await maker.run("SELECT count(*) FROM datasets") == 0
    assert await maker.keys() == before != set()

    # Whatever its age: the store's clock may differ from ours by a moment.
    resources.settings = resources.settings.model_copy(update={"orphan_hours": -1.0})
    with pytest.raises(BackupUnderWay):
        await sweep(resources)
    assert await maker.keys() == before
    await backup.execute("SELECT pg_advisory_unlock($1)", BACKUP_LOCK)
    await sweep(resources)
    assert await maker.keys() == set()


async def _old_trash(maker: Maker) -> None:
    dataset_id = await maker.dataset("old")
    await maker.version(dataset_id, 1)
    await maker.run(AGE, dataset_id)


async def _old_version(maker: Maker) -> None:
    dataset_id = await maker.dataset("kept")
    for number in (1, 2):
        await maker.version(dataset_id, number)
    await maker.run("UPDATE datasets SET keep_versions = 1 WHERE id = $1", dataset_id)


async def _old_result(maker: Maker) -> None:
    task = await maker.dataset("names the task")
    await maker.store.put_bytes("of-a-query", b"1")
    await maker.run(TASK, task, maker.workspace.project_id)
    await maker.run(RESULT, task, maker.workspace.project_id)


async def _aborted_upload(maker: Maker) -> None:
    upload = await maker.dataset("names the upload")
    await maker.store.put_bytes("of-an-upload", b"1")
    await maker.run(UPLOAD, upload, maker.workspace.project_id)
    await maker.run(PART, upload)


@pytest.mark.parametrize(
    ("prepare", "chore"),
    [
        (_old_trash, purge_trash),
        (_old_version, expire_versions),
        (_old_result, remove_expired),
        (_aborted_upload, remove_over),
    ],
)
async def test_each_chore_comes_back_later(
    maker: Maker,
    resources: Resources,
    backup: asyncpg.Connection,
    prepare: Callable[[Maker], Awaitable[None]],
    chore: Callable[[Resources], Awaitable[None]],
) -> None:
    await prepare(maker)
    before = await maker.keys()
    with pytest.raises(BackupUnderWay):
        await chore(resources)
    assert await maker.keys() == before != set()
    await backup.execute("SELECT pg_advisory_unlock($1)", BACKUP_LOCK)
    resources.settings = resources.settings.model_copy(update={"orphan_hours": -1.0})
    await chore(resources)
    await sweep(resources)
    assert len(await maker.keys()) < len(before)
