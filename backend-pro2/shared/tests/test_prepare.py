"""What is made before the services start: once, patiently, and without harm when it is there."""

import time
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.object_store import ObjectStore
from shared.prepare import make_bucket, make_database, patiently


@pytest.mark.integration
async def test_a_missing_database_is_made_once(settings: Settings) -> None:
    url = settings.database_url.get_secret_value()
    name = f'made "{uuid4().hex}"'
    other = urlsplit(url)._replace(path=f"/{name}").geturl()
    wanted = settings.model_copy(update={"database_url": SecretStr(other)})
    await make_database(wanted)
    await make_database(wanted)
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name) == 1
    quoted = name.replace('"', '""')
    await connection.execute(f'DROP DATABASE "{quoted}"')
    await connection.close()


@pytest.mark.integration
async def test_a_missing_bucket_is_made_once(settings: Settings) -> None:
    wanted = settings.model_copy(update={"s3_bucket": f"made-{uuid4().hex}"})
    await make_bucket(wanted)
    await make_bucket(wanted)
    store = ObjectStore(wanted)
    await store.ping()
    await store.remove_bucket()
    await store.close()


async def test_a_server_that_is_away_is_waited_for_and_then_given_up() -> None:
    tries = 0

    async def make(_: Settings) -> None:
        nonlocal tries
        tries += 1
        raise ServiceUnavailable("away")

    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await patiently(make, Settings(_env_file=None), 0.6)
    assert tries == 3
    assert time.monotonic() - started < 30


async def test_one_that_comes_back_is_enough() -> None:
    answers = iter([ConnectionRefusedError(), None])

    async def make(_: Settings) -> None:
        if error := next(answers):
            raise error

    await patiently(make, Settings(_env_file=None), 5)
    assert next(answers, "none left") == "none left"
