"""The sliding window: exact, never over the limit, and at work without Redis."""

import asyncio
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from uuid import uuid4

import pytest

from shared.admission import SESSION_ENDED, SLOTS, SUBJECTS, Admission, LocalWindow, Policy, session_key
from shared.config import Settings
from shared.redis_client import RedisClient, RedisUnavailable

POLICY = Policy("default", 5, 60)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class AwayRedis(RedisClient):
    def __init__(self) -> None:
        """No connection at all."""

    async def eval(self, *_: object) -> None:
        raise RedisUnavailable


def test_the_limit_is_admitted_and_no_more() -> None:
    window = LocalWindow(Clock())
    verdicts = [window.admit("u", POLICY) for _ in range(8)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 3
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0, 0, 0]


def test_callers_do_not_share_a_window() -> None:
    window = LocalWindow(Clock())
    assert all(window.admit(name, POLICY).allowed for name in "abcdefgh")


def test_no_stretch_of_one_window_holds_more_than_the_limit() -> None:
    clock = Clock()
    window = LocalWindow(clock)
    admitted: list[float] = []
    for _ in range(2000):
        clock.now += 0.37
        if window.admit("u", POLICY).allowed:
            admitted.append(clock.now)
    assert len(admitted) > 40
    for start in admitted:
        assert sum(start <= at < start + POLICY.window_seconds for at in admitted) <= POLICY.limit


def test_room_returns_when_reset_says_so() -> None:
    clock = Clock()
    window = LocalWindow(clock)
    for _ in range(5):
        window.admit("u", POLICY)
    refused = window.admit("u", POLICY)
    assert not refused.allowed
    assert POLICY.window_seconds <= refused.reset_seconds <= POLICY.window_seconds * (1 + 1 / SLOTS) + 1
    clock.now += refused.reset_seconds
    assert window.admit("u", POLICY).allowed


def test_a_flood_of_strangers_is_forgotten_again() -> None:
    clock = Clock()
    window = LocalWindow(clock)
    for number in range(10 * SUBJECTS + 50):
        window.admit(f"stranger {number}", POLICY)
    assert len(window._counts) == 10 * SUBJECTS
    clock.now += 2 * POLICY.window_seconds
    window.admit("u", POLICY)
    assert list(window._counts) == ["u"]


async def test_without_redis_the_process_limits_by_itself() -> None:
    admission = Admission(AwayRedis(), "gateway")
    verdicts = [await admission.admit("u", POLICY, session_key(uuid4())) for _ in range(6)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert verdicts[0].session is None


async def test_without_redis_each_process_admits_fewer_where_the_policy_says_so() -> None:
    admission = Admission(AwayRedis(), "gateway")
    policy = Policy("auth", 8, 60, alone_limit=2)
    assert [(await admission.admit("u", policy)).allowed for _ in range(4)] == [True, True, False, False]


def hammer(redis_url: str, who: str, limit: int, processes: int) -> int:
    """How many of 625 requests, 5 at once, one process lets in; the processes wait for each other before they begin."""

    async def run() -> int:
        redis = RedisClient(Settings(_env_file=None, redis_url=redis_url, redis_timeout_seconds=10))
        admission, policy = Admission(redis, "gateway"), Policy("default", limit, 60)
        arrived = await redis.eval("return redis.call('INCR', KEYS[1])", [f"ready:{who}"], [])
        while arrived < processes:
            arrived = await redis.get_json(f"ready:{who}") or 0
        admitted = 0
        for _ in range(125):
            verdicts = await asyncio.gather(*(admission.admit(who, policy) for _ in range(5)))
            admitted += sum(verdict.allowed for verdict in verdicts)
        await redis.close()
        return admitted

    return asyncio.run(run())


@pytest.mark.integration
class TestWithRedis:
    async def test_a_stampede_admits_exactly_the_limit(self, redis: RedisClient) -> None:
        who = uuid4().hex
        policy = Policy("default", 50, 60)
        admissions = [Admission(redis, "gateway") for _ in range(4)]
        verdicts = await asyncio.gather(*(admissions[n % 4].admit(who, policy, None) for n in range(500)))
        assert sum(verdict.allowed for verdict in verdicts) == 50

    async def test_four_processes_together_admit_exactly_the_limit(self, settings: Settings) -> None:
        who, url = uuid4().hex, settings.redis_url.get_secret_value()
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
            running = [loop.run_in_executor(pool, hammer, url, who, 250, 4) for _ in range(4)]
            admitted = await asyncio.gather(*running)
        assert sum(admitted) == 250
        assert sum(count > 0 for count in admitted) > 1, "they did not run at the same time, so nothing was shown"

    async def test_bursts_around_the_edges_of_the_window_never_exceed_it(self, redis: RedisClient) -> None:
        who, policy, admission = uuid4().hex, Policy("short", 10, 1), Admission(redis, "gateway")
        admitted: list[tuple[float, float]] = []
        began = time.monotonic()
        for burst_at in (0.0, 0.9, 0.98, 1.02, 1.1, 1.9, 1.99, 2.01, 2.1, 3.0):
            await asyncio.sleep(max(began + burst_at - time.monotonic(), 0))
            for _ in range(15):
                sent = time.monotonic()
                if (await admission.admit(who, policy)).allowed:
                    admitted.append((sent, time.monotonic()))
        assert len(admitted) > 2 * policy.limit
        for first, after in zip(admitted, admitted[policy.limit :], strict=False):
            assert after[1] - first[0] >= policy.window_seconds

    async def test_the_window_slides(self, redis: RedisClient) -> None:
        who = uuid4().hex
        policy = Policy("short", 3, 1)
        admission = Admission(redis, "gateway")
        assert [(await admission.admit(who, policy, None)).allowed for _ in range(4)] == [True, True, True, False]
        await asyncio.sleep(1.1)
        assert (await admission.admit(who, policy, None)).allowed

    async def test_the_session_comes_in_the_same_trip(self, redis: RedisClient) -> None:
        session_id = uuid4()
        admission = Admission(redis, "gateway")
        key = session_key(session_id)
        assert (await admission.admit("u", POLICY, key)).session is None
        await redis.set_bytes(key, b'{"id":1}', 10)
        assert (await admission.admit("u", POLICY, key)).session == b'{"id":1}'
        await redis.set_bytes(key, SESSION_ENDED, 10)
        assert (await admission.admit("u", POLICY, key)).session == SESSION_ENDED
