"""Use cases of /auth, without servers."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.auth import TokenCodec
from shared.errors import Invalid, Unauthorized

from ..app.core.exceptions import EmailTaken, TokenReused
from ..app.repositories.users import NewUser
from ..app.schemas.auth import Registration, Tokens
from ..app.services.auth import Authentication, Client
from .fakes import Clock, CountingHasher, FakeCache, FakeDatabase, unit_settings

PASSWORD = "correct horse battery"
EMAIL = "ada@example.com"


class World:
    """Authentication over fakes, with one registered user."""

    def __init__(self) -> None:
        self.settings = unit_settings()
        self.database = FakeDatabase()
        self.hasher = CountingHasher(self.settings)
        self.codec = TokenCodec(self.settings)
        self.cache = FakeCache()
        self.clock = Clock()
        self.auth = Authentication(
            self.database.unit_of_work(), self.hasher, self.codec, self.cache, self.settings, self.clock
        )

    async def register(self, email: str = EMAIL) -> UUID:
        return (await self.auth.register(Registration(email=email, password=PASSWORD))).id

    async def login(self) -> Tokens:
        return await self.auth.login(EMAIL, PASSWORD, Client("192.0.2.1", "test"))

    def session_of(self, tokens: Tokens) -> UUID:
        return self.codec.read_access(tokens.access_token).session_id

    def revoked(self, tokens: Tokens) -> str | None:
        return self.database.tables.sessions[self.session_of(tokens)].revoked


@pytest.fixture
async def world() -> World:
    made = World()
    await made.register()
    return made


class TestRegister:
    async def test_keeps_lower_case_and_a_hash(self) -> None:
        world = World()
        user = await world.auth.register(Registration(email="Ada@Example.com", password=PASSWORD, full_name=" Ada "))
        assert (user.email, user.full_name, user.role, user.is_active) == (EMAIL, "Ada", "user", True)
        (kept, _), *_ = world.database.tables.users.values()
        assert kept.password_hash.startswith("$2b$")

    async def test_taken(self, world: World) -> None:
        with pytest.raises(EmailTaken) as refusal:
            await world.register("ADA@example.com")
        assert refusal.value.code == "email_taken"

    @pytest.mark.parametrize("password", ["short", "password123", EMAIL, "x" * 200])
    async def test_weak_password(self, password: str) -> None:
        with pytest.raises(Invalid) as refusal:
            await World().auth.register(Registration(email=EMAIL, password=password))
        assert refusal.value.code == "weak_password"
        assert refusal.value.errors[0]["loc"] == ["body", "password"]
        assert password not in refusal.value.detail


class TestLogin:
    async def test_pair_names_one_session(self, world: World) -> None:
        tokens = await world.login()
        access = world.codec.read_access(tokens.access_token)
        refresh = world.codec.read_refresh(tokens.refresh_token)
        assert (access.user_id, access.session_id) == (refresh.user_id, refresh.session_id)
        assert tokens.expires_in == 1800

    async def test_unknown_and_wrong_look_and_cost_alike(self, world: World) -> None:
        refusals = []
        for email, password in ((EMAIL, "wrong wrong wrong"), ("nobody@example.com", PASSWORD), ("rubbish", PASSWORD)):
            with pytest.raises(Unauthorized) as refusal:
                await world.auth.login(email, password, Client("192.0.2.1", None))
            refusals.append((refusal.value.status, refusal.value.code, refusal.value.detail, refusal.value.headers))
        assert refusals[0] == refusals[1] == refusals[2]
        assert len(world.hasher.verified) == 3

    async def test_inactive_user(self, world: World) -> None:
        for user_id in world.database.tables.users:
            world.database.deactivate(user_id)
        with pytest.raises(Unauthorized):
            await world.login()
        assert not world.database.tables.sessions

    async def test_deactivated_while_the_password_was_checked(self, world: World) -> None:
        verify = world.hasher.verify

        async def slow(password: str, hashed: str | None) -> bool:
            for user_id in world.database.tables.users:
                world.database.deactivate(user_id)
            return await verify(password, hashed)

        world.hasher.verify = slow  # type: ignore[method-assign]
        with pytest.raises(Unauthorized) as refusal:
            await world.login()
        assert refusal.value.code == "wrong_credentials"


class TestRefresh:
    async def test_rotates(self, world: World) -> None:
        first = await world.login()
        second = await world.auth.refresh(first.refresh_token)
        third = await world.auth.refresh(second.refresh_token)
        assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
        assert world.session_of(first) == world.session_of(third)

    async def test_predecessor_within_grace_gets_the_same_successor(self, world: World) -> None:
        first = await world.login()
        second = await world.auth.refresh(first.refresh_token)
        world.clock.forward(10)
        again = await world.auth.refresh(first.refresh_token)
        assert again.refresh_token == second.refresh_token
        assert world.revoked(first) is None

    async def test_predecessor_after_grace_ends_the_family(self, world: World) -> None:
        first = await world.login()
        second = await world.auth.refresh(first.refresh_token)
        world.clock.forward(10.1)
        with pytest.raises(TokenReused) as refusal:
            await world.auth.refresh(first.refresh_token)
        assert refusal.value.code == "token_reused"
        assert world.revoked(first) == "token_reused"
        assert world.cache.ended == [world.session_of(first)]
        with pytest.raises(Unauthorized):
            await world.auth.refresh(second.refresh_token)

    async def test_older_token_ends_the_family_even_within_grace(self, world: World) -> None:
        first = await world.login()
        second = await world.auth.refresh(first.refresh_token)
        await world.auth.refresh(second.refresh_token)
        with pytest.raises(TokenReused):
            await world.auth.refresh(first.refresh_token)

    async def test_access_token_is_none(self, world: World) -> None:
        tokens = await world.login()
        with pytest.raises(Unauthorized):
            await world.auth.refresh(tokens.access_token)

    async def test_expired(self, world: World) -> None:
        claims = world.codec.read_refresh((await world.login()).refresh_token)
        old = claims.issued_at - timedelta(days=8)
        token = world.codec.issue_refresh(claims.user_id, claims.session_id, claims.jti, old)
        with pytest.raises(Unauthorized):
            await world.auth.refresh(token)

    async def test_deactivated_user(self, world: World) -> None:
        tokens = await world.login()
        world.database.deactivate(world.codec.read_access(tokens.access_token).user_id)
        with pytest.raises(Unauthorized):
            await world.auth.refresh(tokens.refresh_token)


class TestLogout:
    async def test_ends_one_session(self, world: World) -> None:
        one, other = await world.login(), await world.login()
        await world.auth.logout(world.session_of(one))
        assert world.cache.ended == [world.session_of(one)]
        with pytest.raises(Unauthorized):
            await world.auth.refresh(one.refresh_token)
        await world.auth.refresh(other.refresh_token)

    async def test_ends_all_sessions(self, world: World) -> None:
        one, other = await world.login(), await world.login()
        await world.auth.logout_all(world.codec.read_access(one.access_token).user_id)
        assert set(world.cache.ended) == {world.session_of(one), world.session_of(other)}
        with pytest.raises(Unauthorized):
            await world.auth.refresh(other.refresh_token)


async def test_role_of_a_new_user_is_plain() -> None:
    assert NewUser.__dataclass_fields__["role"].default == "user"
