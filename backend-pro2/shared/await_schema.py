"""Waits until the database has at least the schema of this code. Run from the project folder:

python -m shared.await_schema

Exit code 0 when it has, else 1 after a minute, with a line that says what it lacks.
"""

import asyncio
import sys

import asyncpg

from shared.config import Settings, get_settings
from shared.database import Database
from shared.errors import ServiceUnavailable
from shared.logging import configure_logging
from shared.prepare import PATIENCE_SECONDS, patiently
from shared.schema_revision import check_schema


async def require_schema(settings: Settings) -> None:
    """Look once.

    Raises:
        ServiceUnavailable: the database is away, not made yet, empty or behind, or it refuses us.
    """
    database = Database(settings)
    try:
        await check_schema(database)
    except asyncpg.PostgresError as error:
        raise ServiceUnavailable(f"The server refuses: {type(error).__name__}.") from error
    finally:
        await database.close()


def main() -> None:
    """Wait for it, with a line on the error output and exit code 1 when it does not come."""
    settings = get_settings()
    configure_logging(settings, "await-schema")
    try:
        asyncio.run(patiently(require_schema, settings, PATIENCE_SECONDS))
    except ServiceUnavailable as error:
        sys.exit(f"the schema is not there: {error.detail}")


if __name__ == "__main__":
    main()
