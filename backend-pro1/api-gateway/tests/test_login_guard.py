"""Counting wrong passwords: in this process alone, and in Redis."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from shared.config import Settings
from shared.database import Database
from shared.redis_client import RedisClient

from ..app.core.exceptions import TooManyAttempts
from ..app.services.login_guard import MAXIMUM_LOCAL_KEYS, Attempt, LocalCounts, LoginGuard
from .fakes import Clock, unit_settings
from .fakes_auth import AwayRedis
from .people import PASSWORD, Person, login, refresh

LIMITS = {"lockout_attempts": 3, "lockout_account_attempts": 6, "lockout_address_attempts": 8, "lockout_seconds": 60}
ADA = "ada@example.com"
WRONG = "wrong wrong wrong"


def attempt(email: str = ADA, address: str = "192.0.2.1", *, familiar: bool = False) -> Attempt:
    return Attempt(email, address, familiar)


async def refused(guard: LoginGuard, one: Attempt) -> bool:
    try:
        await guard.reserve(one)
    except TooManyAttempts:
        return True
    return False


class TestRules:
    """The same rules, whoever counts."""

    @pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.integration)])
    def guard(self, request: pytest.FixtureRequest) -> LoginGuard:
        redis = AwayRedis() if request.param == "local" else request.getfixturevalue("redis")
        return LoginGuard(redis, unit_settings(**LIMITS))

    async def test_account_from_one_address(self, guard: LoginGuard) -> None:
        assert [await refused(guard, attempt()) for _ in range(4)] == [False, False, False, True]
        assert not await refused(guard, attempt("bob@example.com"))
        assert not await refused(guard, attempt(address="192.0.2.2"))

    async def test_account_from_unfamiliar_addresses(self, guard: LoginGuard) -> None:
        tries = [await refused(guard, attempt(address=f"198.51.100.{number}")) for number in range(8)]
        assert tries == [False] * 6 + [True] * 2
        assert not await refused(guard, attempt(address="192.0.2.9", familiar=True))

    async def test_familiar_addresses_do_not_fill_the_account_count(self, guard: LoginGuard) -> None:
        for number in range(8):
            assert not await refused(guard, attempt(address=f"198.51.100.{number}", familiar=True))
        assert not await refused(guard, attempt())

    async def test_one_address(self, guard: LoginGuard) -> None:
        tries = [await refused(guard, attempt(f"user{number}@example.com")) for number in range(10)]
        assert tries == [False] * 8 + [True] * 2
        assert not await refused(guard, attempt("user0@example.com", "192.0.2.2"))

    async def test_what_is_refused_is_not_counted(self, guard: LoginGuard) -> None:
        for _ in range(50):
            await refused(guard, attempt())
        assert not await refused(guard, attempt("bob@example.com"))

    async def test_success_gives_back(self, guard: LoginGuard) -> None:
        for _ in range(20):
            await guard.reserve(one := attempt())
            await guard.succeeded(one)

    async def test_success_forgets_the_failures_of_the_pair_alone(self, guard: LoginGuard) -> None:
        for _ in range(2):
            for _ in range(3):
                await guard.reserve(one := attempt())
            await guard.succeeded(one)
        await guard.reserve(attempt())
        await guard.reserve(attempt())
        assert await refused(guard, attempt()), "six failures for the account from unfamiliar addresses"
        assert not await refused(guard, attempt(familiar=True))
        assert not await refused(guard, attempt("bob@example.com"))
        assert await refused(guard, attempt("bob@example.com")), "eight failures from the address"

    async def test_forgiven(self, guard: LoginGuard) -> None:
        for number in range(6):
            await refused(guard, attempt(address=f"198.51.100.{number % 2}"))
        await guard.forgive(ADA, "198.51.100.0")
        assert not await refused(guard, attempt(address="198.51.100.0"))
        assert await refused(guard, attempt(address="198.51.100.1"))

    async def test_many_at_once_are_no_more_than_in_a_row(self, guard: LoginGuard) -> None:
        tries = await asyncio.gather(*(refused(guard, attempt()) for _ in range(200)))
        assert Counter(tries) == {False: 3, True: 197}


class TestLocal:
    async def test_window_ends(self) -> None:
        clock = Clock()
        guard = LoginGuard(AwayRedis(), unit_settings(**LIMITS), lambda: clock.now.timestamp())
        for _ in range(3):
            await guard.reserve(attempt())
        clock.forward(20)
        with pytest.raises(TooManyAttempts) as refusal:
            await guard.reserve(attempt())
        assert refusal.value.headers["Retry-After"] in ("40", "41")
        clock.forward(41)
        await guard.reserve(attempt())

    def test_is_bounded(self) -> None:
        clock = Clock()
        counts = LocalCounts(60, lambda: clock.now.timestamp())
        for number in range(MAXIMUM_LOCAL_KEYS + 5):
            counts.reserve([(str(number), 3)])
        clock.forward(61)
        counts.reserve([("one more", 3)])
        assert len(counts._counts) == 1


@pytest.mark.integration
class TestRedis:
    async def test_window_ends_and_no_address_of_a_person_is_kept(self, redis: RedisClient) -> None:
        guard = LoginGuard(redis, unit_settings(**{**LIMITS, "lockout_seconds": 1}))
        for _ in range(3):
            await guard.reserve(attempt())
        assert await refused(guard, attempt())
        keys: list[bytes] = await redis.eval("return redis.call('KEYS', '*')", [], [])
        assert len(keys) == 3
        assert not any(b"ada" in key or b"example" in key for key in keys)
        await asyncio.sleep(1.1)
        assert not await refused(guard, attempt())

    async def test_what_was_counted_here_is_given_back_when_redis_is_there_again(self, redis: RedisClient) -> None:
        guard = LoginGuard(redis, unit_settings(**LIMITS))
        for _ in range(20):
            guard._redis = AwayRedis()
            await guard.reserve(one := attempt())
            guard._redis = redis
            await guard.succeeded(one)
        assert [await refused(guard, attempt()) for _ in range(4)] == [False, False, False, True]
        guard._redis = AwayRedis()
        assert [await refused(guard, attempt()) for _ in range(4)] == [False, False, False, True]

    async def test_two_processes_count_together(self, redis: RedisClient, settings: Settings) -> None:
        other = RedisClient(settings)
        guards = [LoginGuard(client, unit_settings(**LIMITS)) for client in (redis, other)]
        tries = await asyncio.gather(*(refused(guards[number % 2], attempt()) for number in range(40)))
        assert Counter(tries) == {False: 3, True: 37}
        await other.close()


From = Callable[[str], AsyncClient]


@pytest.fixture
def at(gateway: FastAPI) -> From:
    """A client of the gateway at some address."""

    def client(address: str) -> AsyncClient:
        return AsyncClient(transport=ASGITransport(gateway, client=(address, 1)), base_url="http://g")

    return client


async def knock(client: AsyncClient, email: str = ADA, password: str = WRONG) -> int:
    return (await client.post("/api/v1/auth/login", json={"email": email, "password": password})).status_code


@asynccontextmanager
async def all_of(clients: list[AsyncClient]) -> AsyncIterator[list[AsyncClient]]:
    yield clients
    for client in clients:
        await client.aclose()


@pytest.mark.integration
class TestOverHttp:
    async def test_a_hundred_at_once_are_ten_guesses(self, client: AsyncClient, ada: Person) -> None:
        answers = Counter(await asyncio.gather(*(knock(client) for _ in range(100))))
        assert answers == {401: 10, 429: 90}

    async def test_known_and_unknown_are_refused_alike(self, client: AsyncClient, ada: Person) -> None:
        refusals = []
        for email in (ADA, "nobody@example.com"):
            for _ in range(10):
                assert await knock(client, email) == 401
            answer = await client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
            assert answer.headers["retry-after"] in ("899", "900")
            detail = answer.json()["detail"].replace("899", "900")
            refusals.append((answer.status_code, answer.json()["code"], detail, sorted(answer.headers)))
        assert refusals[0][:2] == (429, "too_many_attempts")
        assert refusals[0] == refusals[1]

    async def test_fifty_right_ones_at_once_all_succeed(self, client: AsyncClient, ada: Person) -> None:
        assert Counter(await asyncio.gather(*(knock(client, password=PASSWORD) for _ in range(50)))) == {200: 50}

    async def test_strangers_cannot_lock_the_owner_out(self, client: AsyncClient, ada: Person, at: From) -> None:
        async with all_of([at(f"198.51.100.{number}") for number in range(12)]) as strangers:
            for stranger in strangers[:10]:
                assert {await knock(stranger) for _ in range(10)} == {401}
            assert await knock(strangers[11]) == 429
            assert await knock(strangers[11], password=PASSWORD) == 429
            assert await knock(strangers[11], "bob@example.com") == 401
        assert await knock(client, password=PASSWORD) == 200, "where the owner logged in before"
        assert (await ada.call("GET", "/auth/me")).status_code == 200
        assert (await refresh(client, ada.refresh_token)).status_code == 200

    async def test_an_address_stays_familiar_after_a_logout(
        self, client: AsyncClient, ada: Person, at: From, database: Database
    ) -> None:
        assert (await ada.call("POST", "/auth/logout-all")).status_code == 204
        async with all_of([at(f"198.51.100.{number}") for number in range(11)]) as strangers:
            for stranger in strangers:
                await asyncio.gather(*(knock(stranger) for _ in range(10)))
            assert await knock(strangers[0], password=PASSWORD) == 429
        assert await login(client, ADA)

    async def test_stuffing_from_one_address(self, client: AsyncClient, ada: Person, at: From) -> None:
        async with all_of([at("203.0.113.7")]) as (stranger,):
            answers = Counter([await knock(stranger, f"user{number}@example.com") for number in range(310)])
        assert answers == {401: 300, 429: 10}
        assert await knock(client, password=PASSWORD) == 200
