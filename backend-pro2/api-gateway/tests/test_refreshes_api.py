"""/api/v1/auth/refresh over the real servers: one process, two side by side, and a new signing key."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient
from jose import jwt
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.resources import Resources, build_resources

from ..app.main import create_app
from .people import Person, login, refresh

pytestmark = pytest.mark.integration

ADA = "ada@example.com"
RETIRED, PRESENT = "retired-" * 6, "present-" * 6


@pytest.fixture
async def beside(gateway_settings: Settings, resources: Resources) -> AsyncIterator[AsyncClient]:
    """A second gateway of the same instance, with connections of its own."""
    own = build_resources(gateway_settings)
    app = create_app(gateway_settings, own)
    async with LifespanManager(app, 60, 60), AsyncClient(transport=ASGITransport(app), base_url="http://b") as client:
        yield client


async def heads(database: Database) -> list[int]:
    """Of each live session, how many rotations it saw: 0 or 1 and more."""
    async with database.transaction() as session:
        found = await session.fetch_value(
            "SELECT array_agg((previous_jti IS NOT NULL)::int) FROM sessions WHERE revoked_at IS NULL"
        )
    return list(found or [])


async def test_rotation_and_grace(client: AsyncClient, ada: Person) -> None:
    first = (await refresh(client, ada.refresh_token)).json()
    again = (await refresh(client, ada.refresh_token)).json()
    assert first["refresh_token"] == again["refresh_token"] != ada.refresh_token
    ada.access_token = again["access_token"]
    assert (await ada.call("GET", "/auth/me")).status_code == 200


async def test_a_thousand_at_once_make_one_head(client: AsyncClient, ada: Person, database: Database) -> None:
    answers = await asyncio.gather(*(refresh(client, ada.refresh_token) for _ in range(1000)))
    assert Counter(answer.status_code for answer in answers) == {200: 1000}
    (head,) = {answer.json()["refresh_token"] for answer in answers}
    assert await heads(database) == [1]
    async with database.transaction() as session:
        jti = await session.fetch_value("SELECT refresh_jti::text FROM sessions")
    assert jwt.get_unverified_claims(head)["jti"] == jti
    following = await refresh(client, head)
    assert following.status_code == 200


async def test_two_gateways_at_once_make_one_head(
    client: AsyncClient, beside: AsyncClient, ada: Person, database: Database
) -> None:
    token = ada.refresh_token
    for _ in range(5):
        calls = [refresh(gateway, token) for _ in range(100) for gateway in (client, beside)]
        answers = await asyncio.gather(*calls)
        assert Counter(answer.status_code for answer in answers) == {200: 200}
        (token,) = {answer.json()["refresh_token"] for answer in answers}
    assert await heads(database) == [1]


async def test_reuse_ends_the_family_and_its_access_tokens(client: AsyncClient, ada: Person) -> None:
    newest = ada.refresh_token
    for _ in range(3):
        newest = (await refresh(client, newest)).json()["refresh_token"]
    assert (await ada.call("GET", "/auth/me")).status_code == 200
    reuse = await refresh(client, ada.refresh_token)
    assert (reuse.status_code, reuse.json()["code"]) == (401, "token_reused")
    assert (await refresh(client, newest)).status_code == 401
    assert (await ada.call("GET", "/auth/me")).status_code == 401


async def test_reuse_leaves_other_families(client: AsyncClient, ada: Person) -> None:
    other = await login(client, ADA)
    for _ in range(2):
        ada.access_token = (await refresh(client, ada.refresh_token)).json()["access_token"]
    newest = (await refresh(client, ada.refresh_token)).json()["refresh_token"]
    await refresh(client, newest)
    assert (await refresh(client, ada.refresh_token)).status_code == 401
    assert (await refresh(client, other["refresh_token"])).status_code == 200


async def test_after_the_grace(client: AsyncClient, ada: Person, database: Database) -> None:
    await refresh(client, ada.refresh_token)
    async with database.transaction() as session:
        await session.execute("UPDATE sessions SET rotated_at = rotated_at - interval '11 seconds'")
    reuse = await refresh(client, ada.refresh_token)
    assert (reuse.status_code, reuse.json()["code"]) == (401, "token_reused")


@pytest.mark.parametrize(
    "change", ["UPDATE sessions SET expires_at = now()", "UPDATE users SET is_active = false", "DELETE FROM users"]
)
async def test_ended(client: AsyncClient, ada: Person, database: Database, change: str) -> None:
    async with database.transaction() as session:
        await session.execute(change)
    answer = await refresh(client, ada.refresh_token)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


async def test_access_token_and_rubbish(client: AsyncClient, ada: Person) -> None:
    for token in (ada.access_token, "", "a.b.c", "é", "x" * 4096):
        assert (await refresh(client, token)).status_code == 401
    assert (await refresh(client, "x" * 5000)).status_code == 422
    surrogate = await client.post("/api/v1/auth/refresh", content=b'{"refresh_token":"\\ud800.b.c"}')
    assert surrogate.status_code == 422


async def test_refresh_token_of_somebody_else_for_my_session(client: AsyncClient, ada: Person, bob: Person) -> None:
    mixed = ".".join([*ada.refresh_token.split(".")[:2], bob.refresh_token.split(".")[2]])
    assert (await refresh(client, mixed)).status_code == 401


async def test_a_retired_key_still_verifies_and_the_present_one_signs(
    gateway_settings: Settings, resources: Resources
) -> None:
    before = gateway_settings.model_copy(update={"secret_key": SecretStr(RETIRED)})
    after = gateway_settings.model_copy(
        update={"secret_key": SecretStr(PRESENT), "secret_keys_previous": (SecretStr("x" * 40), SecretStr(RETIRED))}
    )
    forgotten = gateway_settings.model_copy(update={"secret_key": SecretStr("another-" * 6)})
    old, new, last = (
        AsyncClient(transport=ASGITransport(create_app(settings, resources)), base_url="http://g")
        for settings in (before, after, forgotten)
    )
    async with old, new, last:
        await old.post("/api/v1/auth/register", json={"email": ADA, "password": "correct horse battery"})
        pair = await login(old, ADA)
        assert (await refresh(last, pair["refresh_token"])).status_code == 401
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        assert (await new.get("/api/v1/auth/me", headers=headers)).status_code == 200
        answer = await refresh(new, pair["refresh_token"])
        assert answer.status_code == 200
        for token in (answer.json()["access_token"], answer.json()["refresh_token"]):
            claims = jwt.decode(token, PRESENT, algorithms=["HS256"], audience=before.project_id)
            assert claims["iss"] == before.project_id
            with pytest.raises(jwt.JWTError):
                jwt.decode(token, RETIRED, algorithms=["HS256"], audience=before.project_id)
