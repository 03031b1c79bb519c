"""Changing and resetting passwords, and proving addresses, without servers."""

from hashlib import sha256
from uuid import UUID

import pytest

from shared.errors import Unauthorized

from ..app.core.exceptions import InvalidLink, TooManyAttempts, WeakPassword, WrongPassword
from ..app.repositories.one_time_tokens import Purpose
from .fakes_auth import mailed
from .world import EMAIL, HERE, PASSWORD, World

NEW = "seven grey geese over the marsh"
TOKEN = "t" * 43


@pytest.fixture
async def world() -> World:
    made = World()
    await made.register(full_name="Ada Lovelace")
    return made


def mail(world: World, token: str = TOKEN, purpose: Purpose = "password_reset") -> UUID:
    """Have a token mailed to Ada."""
    (user_id,) = world.database.tables.users
    mailed(world.database.tables, user_id, purpose, sha256(token.encode()).digest())
    return user_id


class TestChange:
    async def test_others_end_and_this_one_goes_on(self, world: World) -> None:
        other, caller = await world.login(), await world.caller()
        await world.passwords.change(caller, PASSWORD, NEW, HERE.address)
        assert world.cache.ended == [world.session_of(other)]
        assert world.revoked(other) == "password_changed"
        assert world.database.tables.sessions[caller.session_id].revoked is None
        assert await world.login(NEW)
        with pytest.raises(Unauthorized):
            await world.login()

    async def test_tells_by_mail(self, world: World) -> None:
        caller = await world.caller()
        wakes = world.wakes
        await world.passwords.change(caller, PASSWORD, NEW, HERE.address)
        assert [(mail.kind, mail.recipient) for mail in world.mails] == [("password_changed", EMAIL)]
        assert world.wakes == wakes + 1

    async def test_voids_mailed_resets(self, world: World) -> None:
        mail(world)
        await world.passwords.change(await world.caller(), PASSWORD, NEW, HERE.address)
        with pytest.raises(InvalidLink):
            await world.passwords.reset(TOKEN, "another good password", HERE.address)

    async def test_wrong_ones_are_counted_with_those_of_logins(self, world: World) -> None:
        caller = await world.caller()
        for _ in range(10):
            with pytest.raises(WrongPassword) as refusal:
                await world.passwords.change(caller, "wrong wrong wrong", NEW, HERE.address)
        assert (refusal.value.status, refusal.value.errors[0]["loc"]) == (422, ["body", "current_password"])
        with pytest.raises(TooManyAttempts):
            await world.passwords.change(caller, PASSWORD, NEW, HERE.address)
        with pytest.raises(TooManyAttempts):
            await world.login()

    @pytest.mark.parametrize("weak", ["short", "Ada.Lovelace!1815", "password123", "pro1-2026!!"])
    async def test_weak(self, world: World, weak: str) -> None:
        with pytest.raises(WeakPassword) as refusal:
            await world.passwords.change(await world.caller(), PASSWORD, weak, HERE.address)
        assert (refusal.value.code, refusal.value.errors[0]["loc"]) == ("weak_password", ["body", "new_password"])

    async def test_name_of_a_project(self, world: World) -> None:
        world.database.tables.auth.project_names.append("Diabetes study")
        with pytest.raises(WeakPassword):
            await world.passwords.change(await world.caller(), PASSWORD, "diabetes-study-2026", HERE.address)

    async def test_deleted_meanwhile(self, world: World) -> None:
        caller = await world.caller()
        world.database.tables.users.clear()
        with pytest.raises(Unauthorized):
            await world.passwords.change(caller, PASSWORD, NEW, HERE.address)

    async def test_of_two_at_once_the_second_no_longer_knows_the_present_one(self, world: World) -> None:
        caller = await world.caller()
        hashing = world.hasher.hash

        async def overtaken(password: str) -> str:
            world.hasher.hash = hashing  # type: ignore[method-assign]
            await world.passwords.change(caller, PASSWORD, "another good password", HERE.address)
            return await hashing(password)

        world.hasher.hash = overtaken  # type: ignore[method-assign]
        with pytest.raises(WrongPassword):
            await world.passwords.change(caller, PASSWORD, NEW, HERE.address)
        assert await world.login("another good password")


class TestForgot:
    async def test_known_and_unknown_leave_one_row_each(self, world: World) -> None:
        await world.passwords.forgot(EMAIL)
        await world.passwords.forgot("nobody@example.com")
        (user_id,) = world.database.tables.users
        assert [(row.kind, row.recipient, row.user_id) for row in world.mails] == [
            ("password_reset", EMAIL, user_id),
            ("password_reset", "nobody@example.com", None),
        ]


class TestReset:
    async def test_once(self, world: World) -> None:
        user_id = mail(world)
        session = await world.login()
        await world.passwords.reset(TOKEN, NEW, HERE.address)
        assert world.revoked(session) == "password_reset"
        assert user_id in world.database.tables.auth.verified
        assert await world.login(NEW)
        with pytest.raises(InvalidLink) as refusal:
            await world.passwords.reset(TOKEN, NEW, HERE.address)
        assert (refusal.value.status, refusal.value.code) == (422, "invalid_link")

    async def test_weak_password_leaves_the_token_good(self, world: World) -> None:
        mail(world)
        with pytest.raises(WeakPassword):
            await world.passwords.reset(TOKEN, "Ada-Lovelace-1815", HERE.address)
        await world.passwords.reset(TOKEN, NEW, HERE.address)

    async def test_voids_other_tokens(self, world: World) -> None:
        mail(world)
        mail(world, "u" * 43)
        await world.passwords.reset(TOKEN, NEW, HERE.address)
        with pytest.raises(InvalidLink):
            await world.passwords.reset("u" * 43, NEW, HERE.address)

    async def test_opens_the_door_that_wrong_passwords_closed(self, world: World) -> None:
        mail(world)
        for _ in range(10):
            with pytest.raises(Unauthorized):
                await world.login("wrong wrong wrong")
        await world.passwords.reset(TOKEN, NEW, HERE.address)
        assert await world.login(NEW)

    @pytest.mark.parametrize("token", ["", "unknown", TOKEN[:-1], TOKEN + "t"])
    async def test_other_tokens(self, world: World, token: str) -> None:
        mail(world)
        with pytest.raises(InvalidLink):
            await world.passwords.reset(token, NEW, HERE.address)

    async def test_token_of_a_verification(self, world: World) -> None:
        mail(world, purpose="email_verification")
        with pytest.raises(InvalidLink):
            await world.passwords.reset(TOKEN, NEW, HERE.address)

    async def test_deactivated_user(self, world: World) -> None:
        world.database.deactivate(mail(world))
        with pytest.raises(InvalidLink):
            await world.passwords.reset(TOKEN, NEW, HERE.address)


class TestVerify:
    async def test_once(self, world: World) -> None:
        user_id = mail(world, purpose="email_verification")
        await world.verifications.verify(TOKEN)
        assert user_id in world.database.tables.auth.verified
        with pytest.raises(InvalidLink):
            await world.verifications.verify(TOKEN)

    async def test_request(self, world: World) -> None:
        await world.verifications.request(EMAIL)
        assert [row.kind for row in world.mails] == ["email_verification"]
