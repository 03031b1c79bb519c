"""Fixtures with real servers for integration tests; a conftest imports the ones it wants by name.

`settings` names servers private to the session, so that sessions may run side by side on the same ones.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from shared.compute import ComputePool
from shared.config import Settings, get_settings
from shared.content_cache import ContentCache
from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.redis_client import RedisClient
from shared.resources import Resources
from shared.tasks import TaskLedger
from shared.testing.project import Workspace
from shared.testing.servers import private_bucket, private_database, private_redis

__all__ = ["database", "object_store", "redis", "resources", "server_settings", "settings", "workspace"]

# Not TRUNCATE, which makes new files for every table and index: that took longer than most tests.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables
                WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def server_settings() -> Iterator[Settings]:
    """Settings of the session's own database, Redis number and bucket, made on the servers that ENV_FILE names."""
    with ExitStack() as stack:
        mine = stack.enter_context(private_database(get_settings()))
        mine = stack.enter_context(private_redis(mine))
        yield stack.enter_context(private_bucket(mine))


@pytest.fixture
def settings(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The session's settings with a cache directory of this test's own."""
    return server_settings.model_copy(update={"cache_dir": tmp_path_factory.mktemp("cache")})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The session's database, empty."""
    database = Database(settings)
    async with database.transaction() as session:
        await session.execute(_EMPTY)
    yield database
    await database.close()


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[RedisClient]:
    """The session's Redis database, empty."""
    client = RedisClient(settings)
    await client.eval("return redis.call('FLUSHDB')", [], [])
    yield client
    await client.close()


@pytest.fixture
async def object_store(settings: Settings) -> AsyncIterator[ObjectStore]:
    """The session's bucket, empty."""
    store = ObjectStore(settings)
    await store.remove(*[entry.key async for entry in store.list("")])
    yield store
    await store.close()


@pytest.fixture
async def resources(
    settings: Settings, database: Database, redis: RedisClient, object_store: ObjectStore
) -> AsyncIterator[Resources]:
    """Everything a process holds, on the session's empty servers."""
    built = Resources(
        settings=settings,
        database=database,
        redis=redis,
        object_store=object_store,
        cache=ContentCache(settings.cache_dir, settings.cache_max_bytes, object_store),
        ledger=TaskLedger(database, redis, settings),
        compute=ComputePool(("shared.testing.jobs",), threads=settings.engine_threads),
    )
    yield built
    await built.close_others()
    await built.ledger.close()
    await built.compute.close()


@pytest.fixture
async def workspace(database: Database) -> Workspace:
    """A project with an owner, an editor, a viewer, and somebody who is no member."""
    made = Workspace(new_id(), new_id(), new_id(), new_id(), new_id())
    await made.write(database)
    return made
