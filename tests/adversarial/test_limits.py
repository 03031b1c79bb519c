"""Rate limits through the gateway: exact under a crowd, and deaf to headers that claim another address (A31, A33)."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest

from ..e2e.api import Api
from .conftest import Call
from .people import join
from .places import Place
from .wire import Answer, Attacker, own_address

pytestmark = pytest.mark.e2e

ME = "/api/v1/auth/me"
AT_ONCE = 100
BEYOND = 300

Headers = Callable[[], Mapping[str, str]]


async def rush(attacker: Attacker, path: str, count: int, headers: Headers, token: str | None = None) -> list[Answer]:
    """So many requests, a hundred in flight at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one() -> Answer:
        async with turns:
            return await attacker.send("GET", path, token=token, headers=headers())

    return await asyncio.gather(*(one() for _ in range(count)))


def none() -> dict[str, str]:
    return {}


@pytest.fixture
def two(elsewhere: Place) -> Iterator[list[Api]]:
    """People at the instance beside the one that is attacked: so few requests a minute are no hurry there."""
    opened: list[Api] = []
    yield [join(elsewhere.gateway, opened) for _ in range(2)]
    for person in opened:
        person.client.close()


async def test_exactly_so_many_requests_of_a_user(attackers: Call, elsewhere: Place, two: list[Api]) -> None:
    token, other = (person.tokens["access_token"] for person in two)
    first = await attackers(elsewhere.gateway).send("GET", ME, token=token)
    limit = int(first.headers["x-ratelimit-limit"])
    crowd = [attackers(elsewhere.gateway) for _ in range(4)]
    share = (limit - 1 + BEYOND) // 4
    rushes = await asyncio.gather(*(rush(attacker, ME, share, none, token) for attacker in crowd))
    answers = [answer for rush in rushes for answer in rush]
    counts = Counter(answer.status for answer in answers)
    assert counts == {200: limit - 1, 429: 4 * share - limit + 1}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.code == "rate_limited"
    assert 0 < int(refused.headers["retry-after"]) <= 63
    assert refused.headers["x-ratelimit-remaining"] == "0"
    # Others do not notice, nor does the same user at another door.
    assert (await crowd[0].send("GET", ME, token=other)).status == 200


def spoofs() -> list[Headers]:
    """Ways to say that one is somebody else, new with every request."""
    names = ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP")

    def naming(name: str) -> Headers:
        return lambda: {name: own_address()}

    three_hops: Headers = lambda: {"X-Forwarded-For": f"{own_address()}, {own_address()}, 127.0.0.1"}  # noqa: E731
    forwarded: Headers = lambda: {"Forwarded": f"for={own_address()};proto=https"}  # noqa: E731
    hop: Headers = lambda: {"Connection": "X-Forwarded-For, close", "X-Forwarded-For": own_address()}  # noqa: E731
    v6: Headers = lambda: {"X-Forwarded-For": f"2001:db8::{random.randrange(65536):x}"}  # noqa: E731, S311
    return [*(naming(name) for name in names), three_hops, forwarded, hop, v6]


async def test_forwarded_headers_of_strangers_are_not_believed(attacker: Attacker) -> None:
    path = "/api/v1/auth/refresh"
    limit = int((await attacker.send("GET", path)).headers["x-ratelimit-limit"])
    ways = spoofs()
    each = (limit + BEYOND) // len(ways) + 1
    rushes = [await rush(attacker, path, each, way) for way in ways]
    counts = Counter(answer.status for answers in rushes for answer in answers)
    assert counts == {405: limit - 1, 429: each * len(ways) - limit + 1}


async def test_health_is_not_limited_and_nothing_else_is_free(attacker: Attacker) -> None:
    for path in ("/health", "/ready", "/metrics"):
        assert "x-ratelimit-limit" not in (await attacker.send("GET", path)).headers
    for path in (
        "/api/v1/auth/me",
        "/api/v1/projects",
        "/health/",
        "/health/detailed",
        "//health",
        "/docs",
        "/nothing",
        "/api/v1/tasks",
    ):
        assert "x-ratelimit-limit" in (await attacker.send("GET", path)).headers, path
