"""What an instance needs before its services start, made where it is missing. Run from the project folder:

python -m shared.prepare database                          the database that DATABASE_URL names
python -m alembic -c scripts/alembic.ini upgrade head      its schema
python -m shared.prepare bucket                            the bucket that S3_BUCKET names
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit

import asyncpg

from shared.config import Settings, get_settings
from shared.errors import ServiceUnavailable
from shared.object_store.store import ObjectStore

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
AWAY = (OSError, asyncpg.CannotConnectNowError, TimeoutError, ServiceUnavailable)


async def make_database(settings: Settings) -> None:
    """Create the database unless it is there: a server that was killed while it made itself never comes to that."""
    url = settings.database_url.get_secret_value()
    name = unquote(urlsplit(url).path.strip("/"))
    connection = await asyncpg.connect(url, database="postgres", timeout=5)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            quoted = name.replace('"', '""')
            await connection.execute(f'CREATE DATABASE "{quoted}"')
    finally:
        await connection.close()


async def make_bucket(settings: Settings) -> None:
    """Create the bucket unless it is there."""
    store = ObjectStore(settings)
    try:
        await store.ensure_bucket()
    finally:
        await store.close()


async def patiently(make: Callable[[Settings], Awaitable[None]], settings: Settings, seconds: float) -> None:
    """Try again for so long while the server is away.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError, ServiceUnavailable: what the last try met.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await make(settings)
        except AWAY:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(PAUSE_SECONDS)


MAKERS: dict[str, Callable[[Settings], Awaitable[None]]] = {"database": make_database, "bucket": make_bucket}

if __name__ == "__main__":
    if sys.argv[1:] not in [[name] for name in MAKERS]:
        sys.exit(f"usage: python -m shared.prepare {'|'.join(MAKERS)}")
    try:
        asyncio.run(patiently(MAKERS[sys.argv[1]], get_settings(), PATIENCE_SECONDS))
    except (*AWAY, asyncpg.PostgresError) as error:
        # A driver's words may hold an address with credentials; a class does not.
        sys.exit(f"the {sys.argv[1]} could not be made: {type(error).__name__}")
