"""The one connection for every request's command: order, sharing, loss, silence."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, ResponseError

from shared.config import Settings
from shared.redis_client import RedisClient
from shared.redis_pipeline import RedisPipeline
from shared.testing.certificates import certificate
from shared.testing.proxy import Proxy

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def pipeline(settings: Settings) -> AsyncIterator[RedisPipeline]:
    pipeline = RedisPipeline(settings.redis_url.get_secret_value(), 1)
    yield pipeline
    await pipeline.close()


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Takes connections and never answers."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        for writer in held:
            writer.transport.abort()
        server.close()


async def test_many_at_once_each_get_their_own_answer(pipeline: RedisPipeline) -> None:
    answers = await asyncio.gather(*(pipeline.call("ECHO", number) for number in range(1000)))
    assert answers == [str(number).encode() for number in range(1000)]


async def test_they_share_one_connection_in_the_right_database(pipeline: RedisPipeline, settings: Settings) -> None:
    await asyncio.gather(*(pipeline.call("PING") for _ in range(100)))
    info = (await pipeline.call("CLIENT", "INFO")).decode()
    assert f"db={urlsplit(settings.redis_url.get_secret_value()).path[1:]} " in info
    assert len({await pipeline.call("CLIENT", "ID") for _ in range(10)}) == 1


async def test_a_cancelled_call_shifts_nobody_s_answer(pipeline: RedisPipeline) -> None:
    for number in range(200):
        given_up = asyncio.create_task(pipeline.call("ECHO", f"lost {number}"))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await pipeline.call("ECHO", number) == str(number).encode()
        await asyncio.gather(given_up, return_exceptions=True)


async def test_a_refused_command_fails_alone(pipeline: RedisPipeline) -> None:
    key = f"test:{uuid4()}"
    commands = (("SET", key, "text", "EX", 10), ("INCR", key), ("EVALSHA", "0" * 40, 0))
    answers = await asyncio.gather(*(pipeline.call(*words) for words in commands), return_exceptions=True)
    assert answers[0] == b"OK"
    assert [type(answer) for answer in answers[1:]] == [ResponseError, NoScriptError]


async def test_a_killed_connection_is_replaced(pipeline: RedisPipeline, settings: Settings) -> None:
    first = await pipeline.call("CLIENT", "ID")
    other = RedisPipeline(settings.redis_url.get_secret_value(), 1)
    await other.call("CLIENT", "KILL", "ID", first)
    await asyncio.sleep(0.05)
    assert await pipeline.call("CLIENT", "ID") != first
    await other.close()


async def test_a_wrong_password_is_refused(settings: Settings) -> None:
    url = urlsplit(settings.redis_url.get_secret_value())
    pipeline = RedisPipeline(f"redis://:wrong@{url.hostname}:{url.port}/0", 1)
    with pytest.raises(ResponseError):
        await pipeline.call("PING")


async def test_nobody_listens() -> None:
    with pytest.raises(OSError, match="onnect"):
        await RedisPipeline("redis://127.0.0.1:1/0", 1).call("PING")


async def test_silence_is_given_up_and_whoever_waits_is_told() -> None:
    async with silent_server() as url:
        pipeline = RedisPipeline(url, 0.2)
        first = asyncio.create_task(pipeline.call("PING"))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(pipeline.call("PING"))
        answers = await asyncio.gather(first, second, return_exceptions=True)
        assert all(isinstance(answer, TimeoutError | ConnectionLost) for answer in answers)
        with pytest.raises(TimeoutError):
            await pipeline.call("PING")
        await pipeline.close()


async def test_by_tls_with_a_server_that_its_authority_has_signed(settings: Settings, tmp_path: Path) -> None:
    server, _ = certificate(tmp_path)
    plain = urlsplit(settings.redis_url.get_secret_value())
    proxy = Proxy(str(plain.hostname), plain.port or 6379, server)
    user, at, _ = plain.netloc.rpartition("@")
    secret = plain._replace(scheme="rediss", netloc=f"{user}{at}127.0.0.1:{await proxy.start()}").geturl()
    trusting = f"{secret}?ssl_ca_certs={tmp_path}/server.pem"
    known, unknown = RedisPipeline(trusting, 5), RedisPipeline(secret, 5)
    client = RedisClient(settings.model_copy(update={"redis_url": SecretStr(trusting), "redis_timeout_seconds": 5.0}))
    try:
        assert await known.call("ECHO", "secret") == b"secret"
        with pytest.raises(ssl.SSLCertVerificationError):
            await unknown.call("PING")
        await client.ping()
    finally:
        for closing in (known, unknown, client, proxy):
            await closing.close()
