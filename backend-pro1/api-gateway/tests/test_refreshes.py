"""Rotation of refresh tokens, without servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from shared.errors import ServiceUnavailable, Unauthorized

from ..app.core.exceptions import TokenReused
from ..app.repositories import Repositories
from ..app.services.refreshes import Refreshes
from .world import World


@pytest.fixture
async def world() -> World:
    made = World()
    await made.register()
    return made


async def test_rotates(world: World) -> None:
    first = await world.login()
    second = await world.refreshes.refresh(first.refresh_token)
    third = await world.refreshes.refresh(second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert world.session_of(first) == world.session_of(third)


async def test_predecessor_within_grace_gets_the_same_successor(world: World) -> None:
    first = await world.login()
    second = await world.refreshes.refresh(first.refresh_token)
    world.clock.forward(10)
    again = await world.refreshes.refresh(first.refresh_token)
    assert again.refresh_token == second.refresh_token
    assert world.revoked(first) is None


async def test_predecessor_after_grace_ends_the_family(world: World) -> None:
    first = await world.login()
    second = await world.refreshes.refresh(first.refresh_token)
    world.clock.forward(10.1)
    with pytest.raises(TokenReused) as refusal:
        await world.refreshes.refresh(first.refresh_token)
    assert refusal.value.code == "token_reused"
    assert world.revoked(first) == "token_reused"
    assert world.cache.ended == [world.session_of(first)]
    with pytest.raises(Unauthorized):
        await world.refreshes.refresh(second.refresh_token)


async def test_older_token_ends_the_family_even_within_grace(world: World) -> None:
    first = await world.login()
    second = await world.refreshes.refresh(first.refresh_token)
    await world.refreshes.refresh(second.refresh_token)
    with pytest.raises(TokenReused):
        await world.refreshes.refresh(first.refresh_token)


async def test_access_token_is_none(world: World) -> None:
    tokens = await world.login()
    with pytest.raises(Unauthorized):
        await world.refreshes.refresh(tokens.access_token)


async def test_expired(world: World) -> None:
    claims = world.codec.read_refresh((await world.login()).refresh_token)
    old = claims.issued_at - timedelta(days=8)
    token = world.codec.issue_refresh(claims.user_id, claims.session_id, claims.jti, old)
    with pytest.raises(Unauthorized):
        await world.refreshes.refresh(token)


async def test_deactivated_user(world: World) -> None:
    tokens = await world.login()
    world.database.deactivate(world.codec.read_access(tokens.access_token).user_id)
    with pytest.raises(Unauthorized):
        await world.refreshes.refresh(tokens.refresh_token)


class SlowDatabase:
    """Counts transactions, each of which takes a while; fails them while told to."""

    def __init__(self, world: World) -> None:
        self._begin = world.database.unit_of_work()
        self.begun = 0
        self.away = False

    @asynccontextmanager
    async def begin(self, *, read_only: bool = False) -> AsyncIterator[Repositories]:
        self.begun += 1
        await asyncio.sleep(0.01)
        if self.away:
            raise ServiceUnavailable("The database is away.")
        async with self._begin(read_only=read_only) as repositories:
            yield repositories


class TestAtOnce:
    @pytest.fixture
    def slow(self, world: World) -> SlowDatabase:
        return SlowDatabase(world)

    @pytest.fixture
    def refreshes(self, world: World, slow: SlowDatabase) -> Refreshes:
        return Refreshes(slow.begin, world.codec, world.cache, world.settings, world.clock)

    async def test_a_thousand_share_one_transaction_and_one_pair(
        self, world: World, slow: SlowDatabase, refreshes: Refreshes
    ) -> None:
        token = (await world.login()).refresh_token
        pairs = await asyncio.gather(*(refreshes.refresh(token) for _ in range(1000)))
        assert slow.begun == 1
        assert all(pair == pairs[0] for pair in pairs)
        assert (await refreshes.refresh(pairs[0].refresh_token)).refresh_token != pairs[0].refresh_token

    async def test_sessions_do_not_share(self, world: World, slow: SlowDatabase, refreshes: Refreshes) -> None:
        tokens = [await world.login() for _ in range(2)]
        pairs = await asyncio.gather(*(refreshes.refresh(each.refresh_token) for each in tokens))
        assert [world.session_of(pair) for pair in pairs] == [world.session_of(each) for each in tokens]
        assert slow.begun == 2

    async def test_who_leaves_does_not_take_the_answer_along(self, world: World, refreshes: Refreshes) -> None:
        token = (await world.login()).refresh_token
        first, second = (asyncio.create_task(refreshes.refresh(token)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second
        assert world.revoked(await second) is None

    async def test_a_failure_is_shared_and_then_forgotten(
        self, world: World, slow: SlowDatabase, refreshes: Refreshes
    ) -> None:
        token = (await world.login()).refresh_token
        slow.away = True
        failures = await asyncio.gather(*(refreshes.refresh(token) for _ in range(10)), return_exceptions=True)
        assert {type(failure) for failure in failures} == {ServiceUnavailable}
        slow.away = False
        assert await refreshes.refresh(token)
