"""Everything a process of an instance holds open, built in one place."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from shared.compute import ComputePool
from shared.config import Settings
from shared.content_cache import ContentCache
from shared.database import Database
from shared.object_store import ObjectStore
from shared.redis_client import RedisClient
from shared.tasks import TaskLedger


@dataclass(slots=True)
class Resources:
    """Connections and engines; nothing is opened by building them.

    Whoever makes something of his own that lives as long puts what closes it into `closers`.
    """

    settings: Settings
    database: Database
    redis: RedisClient
    object_store: ObjectStore
    cache: ContentCache
    ledger: TaskLedger
    compute: ComputePool
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def close(self) -> None:
        """Close in the order of dependence."""
        await self.close_others()
        await self.compute.close()
        await self.ledger.close()
        await self.cache.close()
        await self.object_store.close()
        await self.redis.close()
        await self.database.close()

    async def close_others(self) -> None:
        """Close what others made, the latest first."""
        while self.closers:
            await self.closers.pop()()


def build_resources(settings: Settings, preload: tuple[str, ...] = (), spares: int = 0) -> Resources:
    """Resources for one process; `preload` are the modules its compute children share, of which `spares` wait ahead."""
    database = Database(settings)
    redis = RedisClient(settings)
    store = ObjectStore(settings)
    return Resources(
        settings=settings,
        database=database,
        redis=redis,
        object_store=store,
        cache=ContentCache(settings.cache_dir, settings.cache_max_bytes, store),
        ledger=TaskLedger(database, redis, settings),
        compute=ComputePool(preload, threads=settings.engine_threads, spares=spares),
    )
