"""Changing, forgetting and resetting passwords over the real servers, with mails read from the folder."""

import asyncio
from collections import Counter

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.database import Database

from .mailbox import eventually, mails_in, text_of, token_of, wait_for_mails
from .people import PASSWORD, Person, login, refresh

pytestmark = pytest.mark.integration

AUTH = "/api/v1/auth"
ADA = "ada@example.com"
NEW = "seven grey geese over the marsh"


async def forget(client: AsyncClient, email: str = ADA) -> None:
    answer = await client.post(f"{AUTH}/forgot-password", json={"email": email})
    assert answer.status_code == 202


async def reset(client: AsyncClient, token: str, password: str = NEW) -> tuple[int, str | None]:
    answer = await client.post(f"{AUTH}/reset-password", json={"token": token, "new_password": password})
    return answer.status_code, None if answer.status_code == 204 else answer.json()["code"]


async def logs_in(client: AsyncClient, password: str) -> bool:
    answer = await client.post(f"{AUTH}/login", json={"email": ADA, "password": password})
    return answer.status_code == 200


async def mailed_token(client: AsyncClient, settings: Settings, count: int = 1) -> str:
    """Ada's newest token, of so many mails."""
    await forget(client)
    return token_of((await wait_for_mails(settings.mail_dir, count, ADA))[-1])


class TestChange:
    async def test_ends_others_and_not_this_one(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings
    ) -> None:
        other = await login(client, ADA)
        headers = {"Authorization": f"Bearer {other['access_token']}"}
        assert (await client.get(f"{AUTH}/me", headers=headers)).status_code == 200
        body = {"current_password": PASSWORD, "new_password": NEW}
        assert (await ada.call("POST", "/auth/change-password", json=body)).status_code == 204
        assert (await ada.call("GET", "/auth/me")).status_code == 200
        assert (await client.get(f"{AUTH}/me", headers=headers)).status_code == 401
        assert (await refresh(client, other["refresh_token"])).status_code == 401
        assert (await refresh(client, ada.refresh_token)).status_code == 200
        assert not await logs_in(client, PASSWORD)
        assert await logs_in(client, NEW)
        (notice,) = await wait_for_mails(gateway_settings.mail_dir, 1)
        assert (notice["To"], notice["Subject"]) == (ADA, "Your password was changed")

    @pytest.mark.parametrize(
        ("current", "new", "code"),
        [
            ("wrong wrong wrong", NEW, "wrong_password"),
            (PASSWORD, "short", "weak_password"),
            (PASSWORD, "x1y2" * 33, "weak_password"),
            (PASSWORD, "ada@example.com", "weak_password"),
            (PASSWORD, "Example-2026-!!", "weak_password"),
            (PASSWORD, "diabetes study 99", "weak_password"),
            (PASSWORD, "x" * 5000, "validation_failed"),
            (PASSWORD, None, "validation_failed"),
            ({"$ne": ""}, NEW, "validation_failed"),
        ],
    )
    async def test_refusals_change_nothing(
        self, client: AsyncClient, ada: Person, current: object, new: object, code: str
    ) -> None:
        made = await ada.call("POST", "/projects", json={"name": "Diabetes study"})
        assert made.status_code == 201
        body = {"current_password": current, "new_password": new}
        answer = await ada.call("POST", "/auth/change-password", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert PASSWORD not in answer.text
        assert await logs_in(client, PASSWORD)

    async def test_anonymous(self, client: AsyncClient) -> None:
        body = {"current_password": PASSWORD, "new_password": NEW}
        assert (await client.post(f"{AUTH}/change-password", json=body)).status_code == 401

    async def test_of_many_at_once_one_is_done(self, ada: Person, client: AsyncClient) -> None:
        passwords = [f"{NEW} number {number}" for number in range(8)]
        answers = await asyncio.gather(
            *(
                ada.call("POST", "/auth/change-password", json={"current_password": PASSWORD, "new_password": new})
                for new in passwords
            )
        )
        assert Counter(answer.status_code for answer in answers) == {204: 1, 422: 7}
        winner = next(new for new, answer in zip(passwords, answers, strict=True) if answer.status_code == 204)
        assert await logs_in(client, winner)

    async def test_a_login_with_the_former_password_does_not_outlive_it(
        self, client: AsyncClient, ada: Person, database: Database
    ) -> None:
        body = {"current_password": PASSWORD, "new_password": NEW}
        attempts = [client.post(f"{AUTH}/login", json={"email": ADA, "password": PASSWORD}) for _ in range(20)]
        changed, *logins = await asyncio.gather(ada.call("POST", "/auth/change-password", json=body), *attempts)
        assert changed.status_code == 204
        for answer in logins:
            if answer.status_code == 200:
                assert (await refresh(client, answer.json()["refresh_token"])).status_code == 401
        async with database.transaction() as session:
            assert await session.fetch_value("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 1


class TestForgot:
    async def test_known_unknown_and_rubbish_look_alike(self, client: AsyncClient, ada: Person) -> None:
        answers = []
        for email in (ADA, "nobody@example.com", "no address at all", "x" * 320):
            answer = await client.post(f"{AUTH}/forgot-password", json={"email": email})
            changing = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset")
            headers = {name: value for name, value in answer.headers.items() if name not in changing}
            answers.append((answer.status_code, answer.json(), headers))
        assert answers[0][0] == 202
        assert all(answer == answers[0] for answer in answers)

    async def test_only_who_has_an_account_gets_mail(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database
    ) -> None:
        await forget(client, "nobody@example.com")
        await forget(client, "ADA@example.com")
        await wait_for_mails(gateway_settings.mail_dir, 1)
        await eventually(lambda: all_done(database))
        assert [mail["To"] for mail in mails_in(gateway_settings.mail_dir)] == [ADA]

    async def test_at_most_five_an_hour(
        self, client: AsyncClient, ada: Person, bob: Person, gateway_settings: Settings, database: Database
    ) -> None:
        await asyncio.gather(*(forget(client) for _ in range(12)), forget(client, "bob@example.com"))
        await eventually(lambda: all_done(database))
        sent = Counter(mail["To"] for mail in mails_in(gateway_settings.mail_dir))
        assert sent == {ADA: 5, "bob@example.com": 1}

    async def test_the_host_header_does_not_reach_the_mail(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings
    ) -> None:
        headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
        await client.post(f"{AUTH}/forgot-password", json={"email": ADA}, headers=headers)
        (mail,) = await wait_for_mails(gateway_settings.mail_dir, 1)
        assert "evil" not in mail.as_string()
        assert "/api/v1/auth/reset-password" in text_of(mail)


async def all_done(database: Database) -> bool:
    """Whether the outbox is empty."""
    async with database.transaction(read_only=True) as session:
        done: bool = await session.fetch_value("SELECT count(*) = 0 FROM mails WHERE finished_at IS NULL")
    return done


class TestReset:
    async def test_once_and_every_session_ends(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database
    ) -> None:
        token = await mailed_token(client, gateway_settings)
        assert await reset(client, token) == (204, None)
        assert (await ada.call("GET", "/auth/me")).status_code == 401
        assert (await refresh(client, ada.refresh_token)).status_code == 401
        assert await logs_in(client, NEW)
        assert await reset(client, token, "another good password") == (422, "invalid_link")
        async with database.transaction() as session:
            assert await session.fetch_value("SELECT email_verified_at IS NOT NULL FROM users")

    async def test_of_many_at_once_one_is_done(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings
    ) -> None:
        token = await mailed_token(client, gateway_settings)
        passwords = [f"{NEW} number {number}" for number in range(20)]
        answers = await asyncio.gather(*(reset(client, token, new) for new in passwords))
        assert Counter(answers) == {(204, None): 1, (422, "invalid_link"): 19}
        assert await logs_in(client, passwords[answers.index((204, None))])

    async def test_weak_password_leaves_the_token_good(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings
    ) -> None:
        token = await mailed_token(client, gateway_settings)
        assert await reset(client, token, "password123") == (422, "weak_password")
        assert await reset(client, token, "ada@example.com") == (422, "weak_password")
        assert await reset(client, token) == (204, None)

    async def test_voids_other_tokens(self, client: AsyncClient, ada: Person, gateway_settings: Settings) -> None:
        first = await mailed_token(client, gateway_settings)
        second = await mailed_token(client, gateway_settings, 2)
        assert await reset(client, second) == (204, None)
        assert await reset(client, first) == (422, "invalid_link")

    async def test_of_two_tokens_at_once_one_is_good(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings
    ) -> None:
        tokens = [await mailed_token(client, gateway_settings, number) for number in (1, 2)]
        answers = await asyncio.gather(*(reset(client, token) for token in tokens * 5))
        assert Counter(answers) == {(204, None): 1, (422, "invalid_link"): 9}

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE one_time_tokens SET expires_at = now()",
            "UPDATE users SET email = 'moved@example.com'",
            "UPDATE users SET is_active = false",
            "UPDATE one_time_tokens SET purpose = 'email_verification'",
            "DELETE FROM users",
        ],
    )
    async def test_token_that_is_not_good_any_more(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database, change: str
    ) -> None:
        token = await mailed_token(client, gateway_settings)
        async with database.transaction() as session:
            await session.execute(change)
        assert await reset(client, token) == (422, "invalid_link")

    @pytest.mark.parametrize("token", ["", "x", "x" * 43, "ä" * 43, "../../etc/passwd", "' OR 1=1 --"])
    async def test_rubbish(self, client: AsyncClient, token: str) -> None:
        answer = await client.post(f"{AUTH}/reset-password", json={"token": token, "new_password": NEW})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_link")
        assert not token or token not in answer.text or len(token) < 2

    async def test_the_database_holds_no_token(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings, database: Database
    ) -> None:
        token = await mailed_token(client, gateway_settings)
        async with database.transaction() as session:
            for table in ("one_time_tokens", "mails"):
                rows = await session.fetch_value(f"SELECT string_agg(t::text, ' ') FROM {table} t")  # noqa: S608
                assert token not in rows

    async def test_opens_the_door_that_wrong_passwords_closed(
        self, client: AsyncClient, ada: Person, gateway_settings: Settings
    ) -> None:
        for _ in range(11):
            await logs_in(client, "wrong wrong wrong")
        assert not await logs_in(client, PASSWORD)
        assert await reset(client, await mailed_token(client, gateway_settings)) == (204, None)
        assert await logs_in(client, NEW)
