"""Private corners of the real servers for one test session: a database, a Redis number, a bucket."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import redis
from pydantic import SecretStr

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.object_store import ObjectStore

SCHEMA = Path(__file__).parents[2] / "scripts" / "init-db.sql"
REDIS_NUMBERS = range(1, 16)
RESERVED_SECONDS = 3600


@contextmanager
def private_database(settings: Settings) -> Iterator[Settings]:
    """Settings that name a fresh database with the whole schema; dropped afterwards."""
    name = f"test_{uuid4().hex}"
    url = settings.database_url.get_secret_value()
    asyncio.run(_create(url, name))
    try:
        yield settings.model_copy(update={"database_url": SecretStr(_with_path(url, name))})
    finally:
        asyncio.run(_execute(url, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _create(url: str, name: str) -> None:
    await _execute(url, f'CREATE DATABASE "{name}"')
    await _execute(_with_path(url, name), SCHEMA.read_text(encoding="utf-8"))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@contextmanager
def private_redis(settings: Settings) -> Iterator[Settings]:
    """Settings that name a numbered Redis database which no other session uses; emptied before and after."""
    url = settings.redis_url.get_secret_value()
    with redis.Redis.from_url(url) as shelf:
        number = next(n for n in REDIS_NUMBERS if shelf.set(_reservation(n), "1", nx=True, ex=RESERVED_SECONDS))
        mine = _with_path(url, str(number))
        try:
            _flush(mine)
            yield settings.model_copy(update={"redis_url": SecretStr(mine)})
            _flush(mine)
        finally:
            shelf.delete(_reservation(number))


def _reservation(number: int) -> str:
    return f"test-session:{number}"


def _flush(url: str) -> None:
    with redis.Redis.from_url(url) as server:
        server.flushdb()


@contextmanager
def private_bucket(settings: Settings) -> Iterator[Settings]:
    """Settings that name a fresh bucket; emptied and removed afterwards."""
    mine = settings.model_copy(update={"s3_bucket": f"test-{uuid4().hex}"})
    asyncio.run(_make_bucket(mine))
    try:
        yield mine
    finally:
        asyncio.run(_empty_bucket(mine))


async def _make_bucket(settings: Settings) -> None:
    store = ObjectStore(settings)
    await store.ensure_bucket()
    await store.close()


async def _empty_bucket(settings: Settings) -> None:
    store = ObjectStore(settings)
    await store.remove(*[entry.key async for entry in store.list("")])
    # Parts of uploads that a test cut off stay until the server forgets them, and the bucket with them.
    with suppress(ServiceUnavailable):
        await store.remove_bucket()
    await store.close()


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
