"""/api/v1/auth/api-keys over the real servers."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient, Response

from shared.database import Database
from shared.scopes import SCOPES

from .people import Person, login

pytestmark = pytest.mark.integration

KEYS = "/auth/api-keys"


async def make(person: Person, **more: Any) -> dict[str, Any]:
    answer = await person.call("POST", KEYS, json={"name": "nightly import", **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def with_key(client: AsyncClient, key: str, method: str = "GET", path: str = "/auth/me") -> Response:
    return await client.request(method, f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})


async def promote(client: AsyncClient, person: Person, database: Database) -> None:
    async with database.transaction() as session:
        await session.execute("UPDATE users SET role = 'admin' WHERE email = $1", person.user["email"])
    person.access_token = (await login(client, person.user["email"]))["access_token"]


class TestCreate:
    async def test_shown_once_and_hashed_at_rest(self, client: AsyncClient, ada: Person, database: Database) -> None:
        answer = await ada.call("POST", KEYS, json={"name": " nightly import "})
        made = answer.json()
        assert list(made) == ["id", "name", "prefix", "key", "scopes", "expires_at", "created_at"]
        assert (made["name"], made["scopes"], made["expires_at"]) == ("nightly import", ["read", "write"], None)
        assert made["key"].startswith(made["prefix"])
        assert made["key"].startswith("adp_")
        assert answer.headers["cache-control"] == "no-store"
        listed = await ada.call("GET", KEYS)
        assert made["key"] not in listed.text
        async with database.transaction() as session:
            assert made["key"] not in await session.fetch_value("SELECT string_agg(k::text, ' ') FROM api_keys k")
        assert (await with_key(client, made["key"])).json() == ada.user

    async def test_expiry_and_scopes(self, ada: Person) -> None:
        expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        made = await make(ada, expires_at=expires_at, scopes=["read", "datasets:write", "read"])
        assert made["scopes"] == ["read", "datasets:write"]
        assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(expires_at)

    @pytest.mark.parametrize(
        "more",
        [
            {"expires_at": "2020-01-01T00:00:00Z"},
            {"expires_at": "2999-01-01T00:00:00"},
            {"expires_at": "tomorrow"},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"scopes": "read"},
            {"scopes": ["read"] * 100},
            {"name": " "},
            {"name": "x" * 121},
            {"name": None},
            {"user_id": str(uuid4())},
            {"key": "adp_mine"},
            {"name": "nul\x00"},
        ],
    )
    async def test_refusals(self, ada: Person, more: dict[str, Any]) -> None:
        answer = await ada.call("POST", KEYS, json={"name": "k", **more})
        assert answer.status_code == 422
        assert (await ada.call("GET", KEYS)).json()["items"] == []

    async def test_a_scope_that_is_none_is_answered_with_all_there_are(self, ada: Person) -> None:
        answer = await ada.call("POST", KEYS, json={"name": "k", "scopes": ["everything"]})
        (fault,) = answer.json()["errors"]
        assert fault["msg"] == f"there is no such scope; there are {', '.join(SCOPES)}"
        assert answer.json()["detail"] == f"body.scopes.0: {fault['msg']}"

    async def test_admin_scope(self, client: AsyncClient, ada: Person, database: Database) -> None:
        refused = await ada.call("POST", KEYS, json={"name": "k", "scopes": ["read", "admin"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        await promote(client, ada, database)
        assert (await make(ada, scopes=["admin"]))["scopes"] == ["admin"]

    async def test_fifty_at_most_however_many_ask_at_once(self, ada: Person, database: Database) -> None:
        calls = (ada.call("POST", KEYS, json={"name": "k"}) for _ in range(60))
        answers = await asyncio.gather(*calls)
        assert Counter(answer.status_code for answer in answers) == {201: 50, 409: 10}
        codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert codes == {"too_many_api_keys"}
        async with database.transaction() as session:
            await session.execute(
                "UPDATE api_keys SET expires_at = now() WHERE id IN (SELECT id FROM api_keys LIMIT 1)"
            )
        await make(ada)

    async def test_repeated_with_the_same_idempotency_key(self, ada: Person) -> None:
        headers = {"idempotency-key": str(uuid4())}
        first, second = [await ada.call("POST", KEYS, json={"name": "k"}, headers=headers) for _ in range(2)]
        assert first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true"
        assert len((await ada.call("GET", KEYS)).json()["items"]) == 1

    async def test_anonymous(self, client: AsyncClient) -> None:
        assert (await client.post(f"/api/v1{KEYS}", json={"name": "k"})).status_code == 401


class TestList:
    async def test_own_ones_newest_first_with_their_last_use(
        self, client: AsyncClient, ada: Person, bob: Person
    ) -> None:
        first, second = await make(ada, name="first"), await make(ada, name="second")
        await make(bob)
        await with_key(client, first["key"])
        items = (await ada.call("GET", KEYS)).json()["items"]
        assert [item["id"] for item in items] == [second["id"], first["id"]]
        assert [item["last_used_at"] is None for item in items] == [True, False]
        assert set(items[0]) == {"id", "name", "prefix", "scopes", "expires_at", "created_at", "last_used_at"}

    async def test_pages(self, ada: Person) -> None:
        for _ in range(3):
            await make(ada)
        page = (await ada.call("GET", KEYS, params={"limit": 2})).json()
        rest = (await ada.call("GET", KEYS, params={"limit": 2, "cursor": page["next_cursor"]})).json()
        assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


class TestRevoke:
    async def test_at_once(self, client: AsyncClient, ada: Person) -> None:
        made = await make(ada)
        assert (await with_key(client, made["key"])).status_code == 200
        assert (await ada.call("DELETE", f"{KEYS}/{made['id']}")).status_code == 204
        assert (await with_key(client, made["key"])).status_code == 401
        assert (await ada.call("GET", KEYS)).json()["items"] == []
        assert (await ada.call("DELETE", f"{KEYS}/{made['id']}")).status_code == 404

    async def test_of_others_and_absent_ones_look_alike(self, client: AsyncClient, ada: Person, bob: Person) -> None:
        made = await make(bob)
        answers = [await ada.call("DELETE", f"{KEYS}/{one}") for one in (made["id"], uuid4())]
        bodies = [{**answer.json(), "request_id": "", "instance": ""} for answer in answers]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert bodies[0] == bodies[1]
        assert (await with_key(client, made["key"])).status_code == 200


async def test_a_key_manages_no_credentials(client: AsyncClient, ada: Person) -> None:
    made = await make(ada)
    doors = {
        "GET": ["/auth/sessions", "/auth/api-keys"],
        "POST": ["/auth/api-keys", "/auth/logout", "/auth/logout-all", "/auth/change-password"],
        "DELETE": [f"/auth/api-keys/{made['id']}", f"/auth/sessions/{uuid4()}"],
    }
    for method, paths in doors.items():
        for path in paths:
            answer = await with_key(client, made["key"], method, path)
            assert answer.status_code in (403, 422), (method, path)
    assert (await with_key(client, made["key"])).status_code == 200


async def test_a_key_survives_a_new_password(client: AsyncClient, ada: Person) -> None:
    made = await make(ada)
    body = {"current_password": "correct horse battery", "new_password": "seven grey geese over the marsh"}
    assert (await ada.call("POST", "/auth/change-password", json=body)).status_code == 204
    assert (await with_key(client, made["key"])).status_code == 200
