"""Whether the database has been migrated to the revision this code was written for."""

from shared.database import Database
from shared.errors import ServiceUnavailable

SCHEMA_REVISION = "0008"


async def check_schema(database: Database) -> None:
    """Compare revisions; a newer one is fine, since migrations only add while old code may still run.

    Raises:
        ServiceUnavailable: the database is away, empty or behind.
    """
    async with database.transaction(read_only=True) as session:
        migrated = await session.fetch_value("SELECT to_regclass('alembic_version') IS NOT NULL")
        revision = await session.fetch_value("SELECT max(version_num) FROM alembic_version") if migrated else None
    if revision is None or revision < SCHEMA_REVISION:
        raise ServiceUnavailable(f"The database is at revision {revision}; this code needs {SCHEMA_REVISION}.")
