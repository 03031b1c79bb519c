"""Tells operators of the servers that the instance works on, as often as somebody asks."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import Metric

from shared.metrics import stores as metrics
from shared.metrics.kept import Kept
from shared.resources import Resources

from ..repositories import stores
from ..repositories.stores import CONNECTION_STATES, ConnectionFigures, DatabaseFigures

# The least between two looks.
STORES_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Postgres:
    database: DatabaseFigures
    connections: Sequence[ConnectionFigures]


class StoreFigures:
    """Each server is asked by itself, so that one that is away or silent does not hide the others.

    Of a server that is away the last figures are told, and that it is.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._postgres = Kept("postgres", self._read_postgres)
        self._redis = Kept("redis", resources.redis.info)
        self._objects = Kept("object-store", resources.object_store.ping)
        self._all = (self._postgres, self._redis, self._objects)
        resources.closers += [kept.close for kept in self._all]

    async def families(self) -> Sequence[Metric]:
        """Of all three, after a second at most."""
        await asyncio.gather(*(kept.refresh() for kept in self._all))
        up = metrics.UP.of({(kept.name,): kept.is_current for kept in self._all})
        postgres, redis = self._postgres.figures, self._redis.figures
        return [up, *(_of_postgres(postgres) if postgres else ()), *(_of_redis(redis) if redis else ())]

    async def _read_postgres(self) -> _Postgres | None:
        async with self._resources.database.transaction(read_only=True) as session:
            database = await stores.database(session)
            connections = await stores.connections(session)
        return None if database is None else _Postgres(database, connections)


def _of_postgres(postgres: _Postgres) -> Iterator[Metric]:
    database, connections = postgres.database, postgres.connections
    yield metrics.POSTGRES_BYTES.of(database.bytes)
    yield metrics.POSTGRES_MAX_CONNECTIONS.of(database.max_connections)
    yield metrics.POSTGRES_TRANSACTIONS.of({("committed",): database.committed, ("rolled_back",): database.rolled_back})
    yield metrics.POSTGRES_DEADLOCKS.of(database.deadlocks)
    yield metrics.POSTGRES_CACHE_HITS.of(database.hits / max(database.hits + database.reads, 1))
    numbers = {one.state: one.number for one in connections}
    yield metrics.POSTGRES_CONNECTIONS.of({(state,): numbers.get(state, 0) for state in CONNECTION_STATES})
    yield metrics.POSTGRES_OLDEST.of(max((one.oldest_seconds for one in connections), default=0.0))


def _of_redis(said: dict[str, Any]) -> Iterator[Metric]:
    yield metrics.REDIS_MEMORY.of(said["used_memory"])
    yield metrics.REDIS_MAX_MEMORY.of(said["maxmemory"])
    yield metrics.REDIS_CLIENTS.of(said["connected_clients"])
    yield metrics.REDIS_EVICTED.of(said["evicted_keys"])
    yield metrics.REDIS_REJECTED.of(said["rejected_connections"])
