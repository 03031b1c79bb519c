"""Redis: JSON, scripts, wake-ups, and how fast it is given up."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr

from shared.config import get_settings
from shared.redis_client import FAILURES_TO_OPEN, PROBE_SECONDS, Breaker, RedisClient, RedisUnavailable


class TestBreaker:
    def test_it_opens_after_failures_in_a_row_and_probes_once_a_second(self) -> None:
        now = [0.0]
        breaker = Breaker(lambda: now[0])
        for _ in range(FAILURES_TO_OPEN):
            assert breaker.allows()
            breaker.failed()
        assert not breaker.allows()
        now[0] += PROBE_SECONDS
        assert breaker.allows()
        assert not breaker.allows()
        breaker.succeeded()
        assert breaker.allows()
        assert breaker.allows()

    def test_a_success_between_failures_keeps_it_closed(self) -> None:
        breaker = Breaker()
        for _ in range(FAILURES_TO_OPEN * 3):
            breaker.failed()
            breaker.succeeded()
        assert breaker.allows()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[RedisClient]:
    redis = RedisClient(get_settings())
    yield redis
    await redis.close()


@pytest.mark.integration
class TestRedis:
    async def test_json_there_and_back(self, client: RedisClient) -> None:
        key = f"test:{uuid4()}"
        assert await client.get_json(key) is None
        await client.set_json(key, {"name": "Zoë", "items": [1, None]}, 10)
        assert await client.get_json(key) == {"name": "Zoë", "items": [1, None]}
        await client.delete(key)
        assert await client.get_json(key) is None

    async def test_set_if_absent(self, client: RedisClient) -> None:
        key = f"test:{uuid4()}"
        assert await client.set_bytes(key, b"first", 10, if_absent=True)
        assert not await client.set_bytes(key, b"second", 10, if_absent=True)

    async def test_scripts_are_loaded_once_and_again_after_a_flush(self, client: RedisClient) -> None:
        script = f"return ARGV[1] .. '{uuid4()}'"
        first = await client.eval(script, [], ["x"])
        await client._redis.script_flush()
        assert await client.eval(script, [], ["x"]) == first

    async def test_more_callers_than_connections_wait_their_turn(self, client: RedisClient) -> None:
        script = "return tonumber(ARGV[1])"
        answers = await asyncio.gather(*(client.eval(script, [], [n]) for n in range(200)))
        assert answers == list(range(200))

    async def test_publish_wakes_a_subscriber(self, client: RedisClient) -> None:
        channel = f"test:{uuid4()}"
        async with client.subscribe(channel) as messages:
            await client.publish(channel, "done")
            assert await asyncio.wait_for(anext(messages), 30) == "done"

    async def test_a_cancelled_call_never_hands_its_answer_to_another(self, client: RedisClient) -> None:
        keys = [f"test:{uuid4()}" for _ in range(50)]
        for number, key in enumerate(keys):
            await client.set_json(key, number, 30)
        for round_ in range(100):
            task = asyncio.create_task(client.get_json(keys[round_ % 50]))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert [await client.get_json(key) for key in keys] == list(range(50))


@pytest.mark.integration
async def test_an_absent_redis_is_given_up_fast_and_then_not_asked() -> None:
    redis = RedisClient(get_settings().model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    started = time.monotonic()
    for _ in range(50):
        with pytest.raises(RedisUnavailable):
            await redis.get_json("x")
    assert time.monotonic() - started < 15
    await redis.close()
