"""Objects stay while a backup holds its lock, and go as soon as that has ended, however it ended."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.removed_objects import BACKUP_LOCK, BackupUnderWay, remove_objects, require_no_backup
from shared.resources import Resources

pytestmark = pytest.mark.integration


@pytest.fixture
async def backup(resources: Resources) -> AsyncIterator[asyncpg.Connection]:
    """The connection of a backup that is being made."""
    connection = await asyncpg.connect(resources.settings.database_url.get_secret_value())
    await connection.execute("SELECT pg_advisory_lock($1)", BACKUP_LOCK)
    yield connection
    connection.terminate()


async def test_they_stay_until_the_backup_has_died(resources: Resources, backup: asyncpg.Connection) -> None:
    store = resources.object_store
    await store.put_bytes("a/kept", b"1")
    with pytest.raises(BackupUnderWay):
        await remove_objects(resources.database, store, "a/kept")
    assert await store.stat("a/kept") == 1

    backup.terminate()
    async with asyncio.timeout(30):
        while await store.stat("a/kept") is not None:
            try:
                await remove_objects(resources.database, store, "a/kept")
            except BackupUnderWay:
                # The server has yet to notice.
                await asyncio.sleep(0.01)


async def test_removals_do_not_hinder_each_other(resources: Resources) -> None:
    await asyncio.gather(*(require_no_backup(resources.database) for _ in range(20)))


async def test_nothing_to_remove_asks_nobody(resources: Resources, backup: asyncpg.Connection) -> None:
    await remove_objects(resources.database, resources.object_store)
    assert not backup.is_closed()


async def test_a_backup_waits_for_nobody_who_has_asked(resources: Resources) -> None:
    await require_no_backup(resources.database)
    connection = await asyncpg.connect(resources.settings.database_url.get_secret_value())
    try:
        assert await connection.fetchval("SELECT pg_try_advisory_lock($1)", BACKUP_LOCK)
    finally:
        await connection.close()
