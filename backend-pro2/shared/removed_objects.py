"""Objects that rows no longer name go; while a backup is made they stay, because its snapshot may still name them.

A backup locks first, takes its snapshot of the database then, and copies the objects that this names. Whoever removes
objects asks after the commit by which their rows have gone: if there is no backup then, any snapshot to come is without
those rows, so what was asked once needs no lock while it is done. The lock ends with the backup's connection.
"""

from shared.database import Database
from shared.errors import ServiceUnavailable
from shared.object_store import ObjectStore

BACKUP_LOCK = 7_233_736_013_418_884_144
_NO_BACKUP = "SELECT pg_try_advisory_xact_lock_shared($1)"


class BackupUnderWay(ServiceUnavailable):
    """Objects are not removed now; tasks and chores come back, and what nobody comes back for is found by the sweep."""


async def remove_objects(database: Database, store: ObjectStore, *keys: str) -> None:
    """Remove objects that rows have named, which no longer do, or only such as no backup looks at.

    Raises:
        BackupUnderWay: a backup is being made. ServiceUnavailable: the store, or the database, is away.
    """
    if keys:
        await require_no_backup(database)
        await store.remove(*keys)


async def require_no_backup(database: Database) -> None:
    """Let pass what removes objects, whose rows must have gone by a commit before.

    Raises:
        BackupUnderWay: a backup is being made. ServiceUnavailable: the database is away.
    """
    async with database.transaction(read_only=True) as session:
        if not await session.fetch_value(_NO_BACKUP, BACKUP_LOCK):
            raise BackupUnderWay("A backup is being made; files are removed after it.")
