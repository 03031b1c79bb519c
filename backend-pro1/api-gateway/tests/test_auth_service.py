"""Registering, logging in and out, without servers."""

from collections.abc import Awaitable, Callable

import pytest

from shared.errors import Invalid, Unauthorized

from ..app.core.exceptions import EmailNotVerified, EmailTaken, TooManyAttempts
from ..app.repositories.users import NewUser
from ..app.schemas.auth import Registration
from ..app.services.auth import Client
from .world import EMAIL, PASSWORD, World


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
        assert world.mails == []

    async def test_taken(self, world: World) -> None:
        with pytest.raises(EmailTaken) as refusal:
            await world.register("ADA@example.com")
        assert refusal.value.code == "email_taken"

    @pytest.mark.parametrize("password", ["short", "password123", EMAIL, "x" * 200, "Lovelace-1815", "..pro12345"])
    async def test_weak_password(self, password: str) -> None:
        with pytest.raises(Invalid) as refusal:
            await World().auth.register(Registration(email=EMAIL, password=password, full_name="Love Lace"))
        assert refusal.value.code == "weak_password"
        assert refusal.value.errors[0]["loc"] == ["body", "password"]
        assert password not in refusal.value.detail

    async def test_where_addresses_must_be_proven_a_mail_is_queued(self) -> None:
        world = World(require_verified_email=True)
        user_id = await world.register()
        assert [(mail.kind, mail.recipient, mail.user_id) for mail in world.mails] == [
            ("email_verification", EMAIL, user_id)
        ]
        assert world.wakes == 1

    async def test_who_is_refused_gets_no_mail(self) -> None:
        world = World(require_verified_email=True)
        await world.register()
        with pytest.raises(EmailTaken):
            await world.register()
        assert len(world.mails) == 1


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

    async def test_right_password_of_an_inactive_user_counts_as_wrong(self, world: World) -> None:
        for user_id in world.database.tables.users:
            world.database.deactivate(user_id)
        for _ in range(world.settings.lockout_attempts):
            with pytest.raises(Unauthorized):
                await world.login()
        with pytest.raises(TooManyAttempts):
            await world.login()

    async def test_deactivated_while_the_password_was_checked(self, world: World) -> None:
        verify = world.hasher.verify

        async def slow(
            password: str, hashed: str | None, *, first: Callable[[], Awaitable[None]] | None = None
        ) -> bool:
            for user_id in world.database.tables.users:
                world.database.deactivate(user_id)
            return await verify(password, hashed, first=first)

        world.hasher.verify = slow  # type: ignore[method-assign]
        with pytest.raises(Unauthorized) as refusal:
            await world.login()
        assert refusal.value.code == "wrong_credentials"

    async def test_unproven_address_shows_to_who_knows_the_password_only(self) -> None:
        world = World(require_verified_email=True)
        user_id = await world.register()
        with pytest.raises(Unauthorized):
            await world.login("wrong wrong wrong")
        with pytest.raises(EmailNotVerified) as refusal:
            await world.login()
        assert (refusal.value.status, refusal.value.code) == (403, "email_not_verified")
        world.database.tables.auth.verified.add(user_id)
        assert await world.login()


class TestLockout:
    async def test_after_ten_wrong_ones_even_the_right_one_is_not_looked_at(self, world: World) -> None:
        for _ in range(10):
            with pytest.raises(Unauthorized):
                await world.login("wrong wrong wrong")
        with pytest.raises(TooManyAttempts) as refusal:
            await world.login()
        assert 890 <= int(refusal.value.headers["Retry-After"]) <= 900
        assert len(world.hasher.verified) == 10
        world.clock.forward(901)
        assert await world.login()

    async def test_unknown_account_is_locked_alike(self, world: World) -> None:
        for _ in range(10):
            with pytest.raises(Unauthorized):
                await world.auth.login("nobody@example.com", PASSWORD, Client("192.0.2.1", None))
        with pytest.raises(TooManyAttempts):
            await world.auth.login("nobody@example.com", PASSWORD, Client("192.0.2.1", None))

    async def test_the_right_one_makes_the_wrong_ones_before_forgotten(self, world: World) -> None:
        for _ in range(3):
            for _ in range(9):
                with pytest.raises(Unauthorized):
                    await world.login("wrong wrong wrong")
            assert await world.login()

    async def test_a_session_goes_on(self, world: World) -> None:
        tokens = await world.login()
        for _ in range(10):
            with pytest.raises(Unauthorized):
                await world.login("wrong wrong wrong")
        assert await world.refreshes.refresh(tokens.refresh_token)


class TestLogout:
    async def test_ends_one_session(self, world: World) -> None:
        one, other = await world.login(), await world.login()
        await world.auth.logout(world.session_of(one))
        assert world.cache.ended == [world.session_of(one)]
        with pytest.raises(Unauthorized):
            await world.refreshes.refresh(one.refresh_token)
        await world.refreshes.refresh(other.refresh_token)

    async def test_ends_all_sessions(self, world: World) -> None:
        one, other = await world.login(), await world.login()
        await world.auth.logout_all(world.codec.read_access(one.access_token).user_id)
        assert set(world.cache.ended) == {world.session_of(one), world.session_of(other)}
        with pytest.raises(Unauthorized):
            await world.refreshes.refresh(other.refresh_token)


async def test_role_of_a_new_user_is_plain() -> None:
    assert NewUser.__dataclass_fields__["role"].default == "user"
