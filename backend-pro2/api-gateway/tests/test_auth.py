"""/api/v1/auth over the real servers."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources, build_resources

from ..app.main import create_app
from .mailbox import eventually
from .people import PASSWORD, Person, login, refresh, register

pytestmark = pytest.mark.integration

AUTH = "/api/v1/auth"
GOOD = {"email": "new@example.com", "password": PASSWORD}


class TestRegister:
    async def test_user(self, client: AsyncClient) -> None:
        answer = await client.post(f"{AUTH}/register", json={**GOOD, "email": "New@Example.com", "full_name": "N"})
        assert answer.status_code == 201
        user = answer.json()
        assert list(user) == ["id", "email", "full_name", "role", "is_active", "created_at"]
        assert (user["email"], user["full_name"], user["role"], user["is_active"]) == (
            "new@example.com",
            "N",
            "user",
            True,
        )
        assert user["created_at"].endswith("Z")

    async def test_of_many_at_once_one_gets_the_address(self, client: AsyncClient) -> None:
        answers = await asyncio.gather(*(client.post(f"{AUTH}/register", json=GOOD) for _ in range(40)))
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 39}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}

    async def test_repeated_with_the_same_idempotency_key(self, client: AsyncClient) -> None:
        headers = {"idempotency-key": str(uuid4())}
        first, second = [await client.post(f"{AUTH}/register", json=GOOD, headers=headers) for _ in range(2)]
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()

    @pytest.mark.parametrize("extra", [{"role": "admin"}, {"is_admin": True}, {"id": 1}, {"hashed_password": "x"}])
    async def test_mass_assignment(self, client: AsyncClient, extra: dict[str, object]) -> None:
        answer = await client.post(f"{AUTH}/register", json={**GOOD, **extra})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")

    @pytest.mark.parametrize("password", ["x" * 9, "x1y2" * 33, "password123", "new@example.com", "correct\x00horse"])
    async def test_bad_password_is_not_echoed(self, client: AsyncClient, password: str) -> None:
        answer = await client.post(f"{AUTH}/register", json={**GOOD, "password": password})
        assert answer.status_code == 422
        assert password not in answer.text or password == GOOD["email"]

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"", "application/json", 422),
            (b"null", "application/json", 422),
            (b"[]", "application/json", 422),
            (b'"x"', "application/json", 422),
            (b"{", "application/json", 400),
            (b'{"email":"a@example.com","password":"\\ud800aaaaaaaaaa"}', "application/json", 422),
            (b'{"email":"a@example.com","password":NaN}', "application/json", 422),
            (b'{"email":"a@example.com","password":{"$ne":""}}', "application/json", 422),
            (b"\xff\xfe{", "application/json", 400),
            (b"[" * 100_000, "application/json", 400),
            (b'{"a":"' + b"x" * 2_000_000 + b'"}', "application/json", 413),
            (b"email=a", "text/plain", 422),
        ],
    )
    async def test_rubbish(self, client: AsyncClient, body: bytes, kind: str, status: int) -> None:
        answer = await client.post(f"{AUTH}/register", content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


class TestLogin:
    async def test_json_and_form_do_the_same(self, client: AsyncClient, ada: Person) -> None:
        form = await client.post(
            f"{AUTH}/login", data={"username": "ADA@example.com", "password": PASSWORD, "scope": ""}
        )
        assert form.status_code == 200
        assert form.headers["cache-control"] == "no-store"
        body = form.json()
        assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
        assert set(body) == set(await login(client, "ada@example.com"))

    async def test_notes_when(self, ada: Person, database: Database) -> None:
        async with database.transaction() as session:
            assert await session.fetch_value("SELECT last_login_at > now() - interval '1 minute' FROM users")

    async def test_unknown_wrong_and_inactive_are_one_answer(
        self, client: AsyncClient, ada: Person, bob: Person, database: Database
    ) -> None:
        async with database.transaction() as session:
            await session.execute("UPDATE users SET is_active = false WHERE email = 'bob@example.com'")
        attempts = {"ada@example.com": "wrong", "bob@example.com": PASSWORD, "nobody@example.com": PASSWORD, "x": "y"}
        answers = []
        for email, password in attempts.items():
            answer = await client.post(f"{AUTH}/login", json={"email": email, "password": password})
            body = {key: value for key, value in answer.json().items() if key != "request_id"}
            changing = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset")
            answers.append((answer.status_code, body, {k: v for k, v in answer.headers.items() if k not in changing}))
        assert answers[0][0] == 401
        assert all(answer == answers[0] for answer in answers)

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"x", "text/plain", 415),
            (b"{}", "", 415),
            (b"{}", "application/json; charset=utf-16", 415),
            (b"{}", "multipart/form-data", 415),
            (b"{}", "application/json; charset=utf-8", 422),
            (b"{", "application/json", 400),
            (b"username=a", "application/x-www-form-urlencoded", 422),
            (b"username=a&password=b&grant_type=client_credentials", "application/x-www-form-urlencoded", 422),
            (b"username=%00&password=b", "application/x-www-form-urlencoded", 422),
            (b"username=%ff&password=%ed%a0%80", "application/x-www-form-urlencoded", 422),
            (b"a=1&" * 100, "application/x-www-form-urlencoded", 422),
            (b'{"email":"ada@example.com","password":["a"]}', "application/json", 422),
            (b'{"email":"ada@example.com","password":"' + b"x" * 500_000 + b'"}', "application/json", 401),
        ],
    )
    async def test_rubbish(self, client: AsyncClient, body: bytes, kind: str, status: int) -> None:
        answer = await client.post(f"{AUTH}/login", content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    async def test_long_passwords_are_told_apart_to_the_last_character(self, client: AsyncClient) -> None:
        long = {"email": "long@example.com", "password": "abcd" * 20}
        assert (await client.post(f"{AUTH}/register", json=long)).status_code == 201
        cut = await client.post(f"{AUTH}/login", json={**long, "password": long["password"][:72]})
        assert cut.status_code == 401
        assert (await client.post(f"{AUTH}/login", json=long)).status_code == 200


class TestMe:
    async def test_same_bytes_from_database_and_cache(self, ada: Person) -> None:
        first, second = await ada.call("GET", "/auth/me"), await ada.call("GET", "/auth/me")
        assert first.json() == ada.user
        assert first.content == second.content

    async def test_anonymous(self, client: AsyncClient) -> None:
        answer = await client.get(f"{AUTH}/me")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")

    async def test_other_method(self, ada: Person) -> None:
        answer = await ada.call("POST", "/auth/me")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


class TestLogout:
    async def test_stops_the_access_token_at_once(self, client: AsyncClient, ada: Person) -> None:
        other = await login(client, "ada@example.com")
        assert (await ada.call("GET", "/auth/me")).status_code == 200
        assert (await ada.call("POST", "/auth/logout")).status_code == 204
        assert (await ada.call("GET", "/auth/me")).status_code == 401
        assert (await ada.call("GET", "/projects")).status_code == 401
        assert (await refresh(client, ada.refresh_token)).status_code == 401
        ada.access_token = other["access_token"]
        assert (await ada.call("GET", "/auth/me")).status_code == 200

    async def test_all(self, client: AsyncClient, ada: Person, bob: Person) -> None:
        other = await login(client, "ada@example.com")
        assert (await ada.call("POST", "/auth/logout-all")).status_code == 204
        for token in (ada.access_token, other["access_token"]):
            ada.access_token = token
            assert (await ada.call("GET", "/auth/me")).status_code == 401
        assert (await bob.call("GET", "/auth/me")).status_code == 200

    async def test_anonymous(self, client: AsyncClient) -> None:
        for path in ("logout", "logout-all"):
            assert (await client.post(f"{AUTH}/{path}")).status_code == 401


async def is_known(database: Database, email: str) -> bool:
    async with database.transaction(read_only=True) as session:
        return bool(await session.fetch_value("SELECT count(*) FROM users WHERE email = $1", email))


async def test_first_administrator(gateway: FastAPI, resources: Resources) -> None:
    named = {"admin_email": "root@example.com", "admin_password": SecretStr(PASSWORD)}
    settings = resources.settings.model_copy(update={**named, "bcrypt_rounds": 4})
    for _ in range(2):
        app = create_app(settings, resources)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app), base_url="http://g") as client,
        ):
            # Asking by logins would be guessing, which ends soon.
            await eventually(lambda: is_known(resources.database, "root@example.com"))
            answer = await client.post(f"{AUTH}/login", json={"email": "root@example.com", "password": PASSWORD})
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            assert (await client.get(f"{AUTH}/me", headers=headers)).json()["role"] == "admin"


async def test_without_redis_everything_works_and_a_logout_still_counts(
    gateway_settings: Settings, resources: Resources
) -> None:
    nowhere = gateway_settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:9/0")})
    app = create_app(nowhere, build_resources(nowhere))
    async with LifespanManager(app, 60, 60), AsyncClient(transport=ASGITransport(app), base_url="http://g") as client:
        eve = await register(client, "eve@example.com")
        assert (await eve.call("GET", "/auth/me")).json() == eve.user
        assert (await eve.call("POST", "/auth/logout")).status_code == 204
        assert (await eve.call("GET", "/auth/me")).status_code == 401
