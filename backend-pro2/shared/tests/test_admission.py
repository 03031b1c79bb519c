"""The sliding window: exact, never over the limit, and at work without Redis."""

import asyncio
from uuid import uuid4

import pytest

from shared.admission import SESSION_ENDED, SLOTS, Admission, LocalWindow, Policy, session_key
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


async def test_without_redis_the_process_limits_by_itself() -> None:
    admission = Admission(AwayRedis(), "gateway")
    verdicts = [await admission.admit("u", POLICY, uuid4()) for _ in range(6)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert verdicts[0].session is None


@pytest.mark.integration
class TestWithRedis:
    async def test_a_stampede_admits_exactly_the_limit(self, redis: RedisClient) -> None:
        who = uuid4().hex
        policy = Policy("default", 50, 60)
        admissions = [Admission(redis, "gateway") for _ in range(4)]
        verdicts = await asyncio.gather(*(admissions[n % 4].admit(who, policy, None) for n in range(500)))
        assert sum(verdict.allowed for verdict in verdicts) == 50

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
        assert (await admission.admit("u", POLICY, session_id)).session is None
        await redis.set_bytes(session_key(session_id), b'{"id":1}', 10)
        assert (await admission.admit("u", POLICY, session_id)).session == b'{"id":1}'
        await redis.set_bytes(session_key(session_id), SESSION_ENDED, 10)
        assert (await admission.admit("u", POLICY, session_id)).session == SESSION_ENDED
