"""/api/v1/auth/sessions over the real servers."""

from uuid import uuid4

import pytest
from httpx import AsyncClient

from shared.database import Database

from .people import PASSWORD, Person, login, refresh

pytestmark = pytest.mark.integration

ADA = "ada@example.com"


class TestList:
    async def test_own_live_ones_newest_first(self, client: AsyncClient, ada: Person, bob: Person) -> None:
        form = {"email": ADA, "password": PASSWORD}
        headers = {"user-agent": "curl/8 " + "x" * 900}
        assert (await client.post("/api/v1/auth/login", json=form, headers=headers)).status_code == 200
        items = (await ada.call("GET", "/auth/sessions")).json()["items"]
        assert [item["current"] for item in items] == [False, True]
        assert list(items[0]) == [
            *("id", "created_at", "last_used_at", "expires_at", "address", "user_agent", "current")
        ]
        assert items[0]["address"] == "127.0.0.1"
        assert items[0]["user_agent"].startswith("curl/8 xxx")
        assert len(items[0]["user_agent"]) == 400

    async def test_pages(self, client: AsyncClient, ada: Person) -> None:
        for _ in range(4):
            await login(client, ADA)
        seen: list[str] = []
        query: dict[str, str] = {"limit": "2"}
        while True:
            page = (await ada.call("GET", "/auth/sessions", params=query)).json()
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen, reverse=True)

    async def test_ended_and_expired_ones_are_gone(self, client: AsyncClient, ada: Person, database: Database) -> None:
        first, second = await login(client, ADA), await login(client, ADA)
        headers = {"Authorization": f"Bearer {first['access_token']}"}
        assert (await client.post("/api/v1/auth/logout", headers=headers)).status_code == 204
        await refresh(client, second["refresh_token"])
        async with database.transaction() as session:
            await session.execute("UPDATE sessions SET expires_at = now() WHERE previous_jti IS NOT NULL")
        items = (await ada.call("GET", "/auth/sessions")).json()["items"]
        assert [item["current"] for item in items] == [True]

    async def test_anonymous_and_bad_cursor(self, client: AsyncClient, ada: Person) -> None:
        assert (await client.get("/api/v1/auth/sessions")).status_code == 401
        assert (await ada.call("GET", "/auth/sessions", params={"cursor": "x"})).status_code == 422


class TestRevoke:
    async def test_stops_the_tokens_at_once(self, client: AsyncClient, ada: Person) -> None:
        other = await login(client, ADA)
        headers = {"Authorization": f"Bearer {other['access_token']}"}
        assert (await client.get("/api/v1/auth/me", headers=headers)).status_code == 200
        items = (await ada.call("GET", "/auth/sessions")).json()["items"]
        (theirs,) = [item["id"] for item in items if not item["current"]]
        assert (await ada.call("DELETE", f"/auth/sessions/{theirs}")).status_code == 204
        assert (await client.get("/api/v1/auth/me", headers=headers)).status_code == 401
        assert (await refresh(client, other["refresh_token"])).status_code == 401
        assert (await ada.call("DELETE", f"/auth/sessions/{theirs}")).status_code == 404

    async def test_own_present_one_is_a_logout(self, ada: Person) -> None:
        (item,) = (await ada.call("GET", "/auth/sessions")).json()["items"]
        assert (await ada.call("DELETE", f"/auth/sessions/{item['id']}")).status_code == 204
        assert (await ada.call("GET", "/auth/me")).status_code == 401

    async def test_of_others_and_absent_ones_look_alike(self, ada: Person, bob: Person) -> None:
        (theirs,) = (await bob.call("GET", "/auth/sessions")).json()["items"]
        answers = [await ada.call("DELETE", f"/auth/sessions/{one}") for one in (theirs["id"], uuid4())]
        bodies = [{**answer.json(), "request_id": "", "instance": ""} for answer in answers]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert bodies[0] == bodies[1]
        assert (await bob.call("GET", "/auth/me")).status_code == 200
        assert (await ada.call("DELETE", "/auth/sessions/x")).status_code == 422
