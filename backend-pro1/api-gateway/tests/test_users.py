"""/api/v1/users over the real servers: who sees and changes whom."""

import asyncio
from collections import Counter

import pytest
from httpx import AsyncClient

from shared.database import Database

from .people import PASSWORD, Person, login, register
from .staff import administrator, code, id_of, run, said, value

pytestmark = pytest.mark.integration

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
MEMBERS = ["id", "email", "full_name", "role", "is_active", "created_at", "email_verified", "last_login_at"]


@pytest.fixture
async def root(client: AsyncClient, database: Database) -> Person:
    """The only administrator."""
    return await administrator(client, database)


async def found(root: Person, **query: str) -> list[str]:
    answer = await root.call("GET", "/users", params=query)
    assert answer.status_code == 200, answer.text
    return [user["email"].partition("@")[0] for user in answer.json()["items"]]


class TestList:
    async def test_anonymous(self, client: AsyncClient) -> None:
        assert (await client.get("/api/v1/users")).status_code == 401

    async def test_only_for_administrators(self, ada: Person) -> None:
        assert code(await ada.call("GET", "/users")) == (403, "forbidden")

    async def test_newest_first_with_what_administrators_see(self, root: Person, ada: Person, bob: Person) -> None:
        body = (await root.call("GET", "/users")).json()
        assert [user["email"] for user in body["items"]] == ["bob@example.com", "ada@example.com", "root@example.com"]
        assert (list(body["items"][0]), body["next_cursor"]) == (MEMBERS, None)

    async def test_pages(self, root: Person, client: AsyncClient) -> None:
        for number in range(4):
            await register(client, f"user{number}@example.com")
        seen: list[str] = []
        query = {"limit": "2"}
        while True:
            page = (await root.call("GET", "/users", params=query)).json()
            seen += [user["email"] for user in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == [*(f"user{number}@example.com" for number in (3, 2, 1, 0)), "root@example.com"]

    async def test_search_and_filters(self, root: Person, ada: Person, bob: Person, database: Database) -> None:
        await run(database, "UPDATE users SET full_name = '100% Ada_L' WHERE email LIKE 'ada%'")
        await run(database, "UPDATE users SET is_active = false, email_verified_at = now() WHERE email LIKE 'bob%'")
        assert await found(root, q="ADA@") == await found(root, q="a_l") == await found(root, q="100% a") == ["ada"]
        assert await found(root, q="%") == ["ada"]
        assert await found(root, q="_d") == await found(root, q="\\") == []
        assert await found(root, role="admin") == ["root"]
        assert await found(root, is_active="false") == await found(root, email_verified="true") == ["bob"]
        assert await found(root, is_active="true", q="example", role="user") == ["ada"]

    @pytest.mark.parametrize("query", ["role=king", "is_active=x", "limit=0", "cursor=x", f"q={'x' * 201}", "q=%00"])
    async def test_bad_query(self, root: Person, query: str) -> None:
        assert (await root.call("GET", f"/users?{query}")).status_code == 422


class TestRead:
    async def test_oneself_by_both_names(self, ada: Person) -> None:
        me = await ada.call("GET", "/users/me")
        by_id = await ada.call("GET", f"/users/{ada.user['id']}")
        assert (list(me.json()), me.json()["email"]) == (MEMBERS, "ada@example.com")
        assert (by_id.json(), by_id.headers["etag"]) == (me.json(), me.headers["etag"])
        again = await ada.call("GET", "/users/me", headers={"If-None-Match": me.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    async def test_administrators_see_everybody(self, root: Person, ada: Person) -> None:
        assert (await root.call("GET", f"/users/{ada.user['id']}")).json()["email"] == "ada@example.com"
        assert code(await root.call("GET", f"/users/{ABSENT}")) == (404, "not_found")

    async def test_to_others_a_user_looks_like_an_absent_one(self, ada: Person, bob: Person) -> None:
        answers = [
            await bob.call(method, f"/users/{user_id}", **arguments)
            for user_id in (ada.user["id"], ABSENT)
            for method, arguments in (("GET", {}), ("PATCH", {"json": {"full_name": "x"}}), ("DELETE", {}))
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert all(said(answer) == said(answers[0]) for answer in answers)
        assert (await ada.call("GET", "/users/me")).json()["full_name"] is None

    @pytest.mark.parametrize("user_id", ["1", "x" * 300, "%00", "me2"])
    async def test_bad_id(self, ada: Person, user_id: str) -> None:
        assert (await ada.call("GET", f"/users/{user_id}")).status_code in (404, 422)


class TestUpdate:
    async def test_the_name_is_seen_at_once(self, ada: Person) -> None:
        assert (await ada.call("GET", "/auth/me")).json()["full_name"] is None
        changed = await ada.call("PATCH", "/users/me", json={"full_name": " Ada "})
        assert (changed.status_code, changed.json()["full_name"]) == (200, "Ada")
        assert (await ada.call("GET", "/auth/me")).json()["full_name"] == "Ada"
        assert (await ada.call("PATCH", "/users/me", json={"full_name": None})).json()["full_name"] is None

    async def test_a_new_address_needs_the_password_and_a_proof(
        self, ada: Person, client: AsyncClient, database: Database
    ) -> None:
        await run(database, "UPDATE users SET email_verified_at = now()")
        for password in ({}, {"current_password": "not the password"}, {"current_password": None}):
            refused = await ada.call("PATCH", "/users/me", json={"email": "new@example.com", **password})
            assert code(refused) == (422, "wrong_password")
        body = {"email": "New@Example.com", "current_password": PASSWORD}
        changed = await ada.call("PATCH", f"/users/{ada.user['id']}", json=body)
        assert (changed.json()["email"], changed.json()["email_verified"]) == ("new@example.com", False)
        assert (await ada.call("GET", "/auth/me")).json()["email"] == "new@example.com"
        mailed = "SELECT count(*) FROM mails WHERE user_id = $1 AND recipient = $2 AND kind = 'email_verification'"
        assert await value(database, mailed, id_of(ada), "new@example.com") == 1
        told = "SELECT count(*) FROM mails WHERE user_id = $1 AND recipient = $2 AND kind = 'email_changed'"
        assert await value(database, told, id_of(ada), "ada@example.com") == 1
        assert await login(client, "new@example.com")

    async def test_an_address_that_is_taken(self, ada: Person, bob: Person) -> None:
        body = {"email": "bob@example.com", "current_password": PASSWORD}
        assert code(await ada.call("PATCH", "/users/me", json=body)) == (409, "email_taken")

    async def test_the_same_address_needs_no_password(self, ada: Person) -> None:
        assert (await ada.call("PATCH", "/users/me", json={"email": "ADA@example.com"})).status_code == 200

    async def test_passwords_cannot_be_guessed_here(self, ada: Person) -> None:
        body = {"email": "new@example.com", "current_password": "wrong wrong wrong"}
        answers = [await ada.call("PATCH", "/users/me", json=body) for _ in range(12)]
        assert code(answers[-1]) == (429, "too_many_attempts")
        assert "wrong wrong" not in answers[0].text

    async def test_administrators_change_others_without_a_password(self, root: Person, ada: Person) -> None:
        body = {"email": "countess@example.com", "full_name": "Ada"}
        changed = await root.call("PATCH", f"/users/{ada.user['id']}", json=body)
        assert (changed.json()["email"], changed.json()["full_name"]) == ("countess@example.com", "Ada")

    @pytest.mark.parametrize("member", ["role", "is_admin", "id", "password_hash", "email_verified", "is_active"])
    async def test_nobody_promotes_themselves(self, ada: Person, member: str) -> None:
        answer = await ada.call("PATCH", "/users/me", json={member: "admin"})
        assert code(answer) == (422, "validation_failed")

    async def test_users_cannot_switch_themselves_off_by_id(self, ada: Person) -> None:
        answer = await ada.call("PATCH", f"/users/{ada.user['id']}", json={"is_active": False})
        assert code(answer) == (403, "forbidden")

    async def test_of_parallel_writers_one_wins(self, ada: Person) -> None:
        headers = {"If-Match": (await ada.call("GET", "/users/me")).headers["etag"]}
        writers = (ada.call("PATCH", "/users/me", json={"full_name": f"n{n}"}, headers=headers) for n in range(6))
        answers = await asyncio.gather(*writers)
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 5}

    async def test_bad_bodies(self, ada: Person) -> None:
        bodies: list[object] = [[], None, {"email": "x"}, *({"full_name": name} for name in ("", "x" * 201, "a\x00"))]
        for body in bodies:
            assert (await ada.call("PATCH", "/users/me", json=body)).status_code == 422


class TestDeactivate:
    async def test_it_takes_effect_at_once(
        self, root: Person, ada: Person, client: AsyncClient, database: Database
    ) -> None:
        assert (await ada.call("GET", "/auth/me")).status_code == 200
        await ada.call("POST", "/auth/api-keys", json={"name": "script", "scopes": ["read"]})
        done = await root.call("PATCH", f"/users/{ada.user['id']}", json={"is_active": False})
        assert (done.status_code, done.json()["is_active"]) == (200, False)
        assert code(await ada.call("GET", "/auth/me")) == (401, "session_ended")
        body = {"email": "ada@example.com", "password": PASSWORD}
        assert code(await client.post("/api/v1/auth/login", json=body)) == (401, "wrong_credentials")
        refreshed = await client.post("/api/v1/auth/refresh", json={"refresh_token": ada.refresh_token})
        assert refreshed.status_code == 401
        keys = "SELECT count(*) FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL"
        assert await value(database, keys, id_of(ada)) == 0
        await root.call("PATCH", f"/users/{ada.user['id']}", json={"is_active": True})
        assert code(await ada.call("GET", "/auth/me")) == (401, "session_ended")
        assert await login(client, "ada@example.com")

    async def test_api_keys_stop_too(self, root: Person, ada: Person) -> None:
        made = await ada.call("POST", "/auth/api-keys", json={"name": "script", "scopes": ["read"]})
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
        assert (await ada.client.get("/api/v1/users/me/profile", headers=headers)).status_code == 200
        await root.call("PATCH", f"/users/{ada.user['id']}", json={"is_active": False})
        assert (await ada.client.get("/api/v1/users/me/profile", headers=headers)).status_code == 401


class TestRole:
    async def test_it_holds_from_the_next_request_on(self, root: Person, ada: Person) -> None:
        path = f"/users/{ada.user['id']}/role"
        assert code(await ada.call("GET", "/users")) == (403, "forbidden")
        assert (await root.call("PUT", path, json={"role": "admin"})).json()["role"] == "admin"
        assert (await ada.call("GET", "/users")).status_code == 200
        assert (await root.call("PUT", path, json={"role": "user"})).json()["role"] == "user"
        assert code(await ada.call("GET", "/users")) == (403, "forbidden")

    async def test_only_administrators_give_roles(self, ada: Person, bob: Person) -> None:
        for user_id in (ada.user["id"], bob.user["id"], ABSENT):
            answer = await ada.call("PUT", f"/users/{user_id}/role", json={"role": "admin"})
            assert code(answer) == (403, "forbidden")

    async def test_bad_roles(self, root: Person, ada: Person) -> None:
        for body in ({}, {"role": "king"}, {"role": None}, {"role": "user", "x": 1}):
            assert (await root.call("PUT", f"/users/{ada.user['id']}/role", json=body)).status_code == 422
        assert code(await root.call("PUT", f"/users/{ABSENT}/role", json={"role": "user"})) == (404, "not_found")

    async def test_a_stale_reader_changes_nothing(self, root: Person, ada: Person) -> None:
        path = f"/users/{ada.user['id']}"
        headers = {"If-Match": (await root.call("GET", path)).headers["etag"]}
        await ada.call("PATCH", "/users/me", json={"full_name": "Ada"})
        assert code(await root.call("PUT", f"{path}/role", json={"role": "admin"}, headers=headers))[0] == 412


class TestLastAdministrator:
    async def test_stays(self, root: Person) -> None:
        path = f"/users/{root.user['id']}"
        for method, place, body in (
            ("PUT", f"{path}/role", {"role": "user"}),
            ("PATCH", path, {"is_active": False}),
            ("DELETE", path, None),
            ("DELETE", "/users/me", None),
        ):
            assert code(await root.call(method, place, json=body)) == (409, "last_administrator")
        assert (await root.call("GET", "/users")).status_code == 200

    async def test_an_inactive_one_does_not_count(self, root: Person, client: AsyncClient, database: Database) -> None:
        other = await administrator(client, database, "other@example.com")
        await root.call("PATCH", f"/users/{other.user['id']}", json={"is_active": False})
        refused = await root.call("PUT", f"/users/{root.user['id']}/role", json={"role": "user"})
        assert code(refused) == (409, "last_administrator")

    @pytest.mark.parametrize("round_", range(3))
    async def test_of_all_who_step_down_at_once_one_stays(
        self, client: AsyncClient, database: Database, round_: int
    ) -> None:
        staff = [await administrator(client, database, f"root{number}@example.com") for number in range(4)]
        paths = [f"/users/{person.user['id']}" for person in staff]
        answers = await asyncio.gather(
            staff[0].call("PUT", f"{paths[0]}/role", json={"role": "user"}),
            staff[1].call("PATCH", paths[1], json={"is_active": False}),
            staff[2].call("DELETE", paths[2]),
            staff[3].call("DELETE", "/users/me"),
        )
        refused = [code(answer) for answer in answers if answer.status_code not in (200, 204)]
        assert refused == [(409, "last_administrator")]
        assert await value(database, "SELECT count(*) FROM users WHERE role = 'admin' AND is_active") == 1
