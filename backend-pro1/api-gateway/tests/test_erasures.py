"""A user leaves, over the real servers: what goes, what stays, and what is refused."""

import asyncio
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.object_store import ObjectStore

from .people import PASSWORD, Person, register
from .staff import administrator, code, id_of, run, value

pytestmark = pytest.mark.integration

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
async def root(client: AsyncClient, database: Database) -> Person:
    """The only administrator."""
    return await administrator(client, database)


async def project(person: Person) -> str:
    made = await person.call("POST", "/projects", json={"name": "Study"})
    assert made.status_code == 201, made.text
    project_id: str = made.json()["id"]
    return project_id


async def join(owner: Person, project_id: str, person: Person, role: str) -> None:
    body = {"user_id": person.user["id"], "role": role}
    answer = await owner.call("POST", f"/projects/{project_id}/members", json=body)
    assert answer.status_code == 201, answer.text


async def test_anonymous(client: AsyncClient) -> None:
    for path in ("me", ABSENT):
        assert (await client.delete(f"/api/v1/users/{path}")).status_code == 401


async def test_everything_of_one_s_own_goes(
    ada: Person, client: AsyncClient, database: Database, object_store: ObjectStore
) -> None:
    await ada.call("PUT", "/users/me/avatar", content=PNG)
    key = (await ada.call("POST", "/auth/api-keys", json={"name": "script", "scopes": ["read"]})).json()["key"]
    by_key = {"Authorization": f"Bearer {key}"}
    assert (await client.get("/api/v1/users/me", headers=by_key)).status_code == 200
    mine = await project(ada)
    assert (await ada.call("DELETE", "/users/me")).status_code == 204

    assert code(await ada.call("GET", "/auth/me")) == (401, "session_ended")
    assert (await client.get("/api/v1/users/me", headers=by_key)).status_code == 401
    refreshed = await client.post("/api/v1/auth/refresh", json={"refresh_token": ada.refresh_token})
    assert refreshed.status_code == 401
    assert [entry.key async for entry in object_store.list("avatars/")] == []
    for table in ("users", "user_profiles", "sessions", "api_keys", "project_members"):
        assert await value(database, f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608 - names from above
    removing = "SELECT count(*) FROM analysis_tasks WHERE kind = 'project_removal' AND project_id::text = $1"
    assert await value(database, removing, mine) == 1
    assert await value(database, "SELECT deleted_at IS NOT NULL FROM projects WHERE id::text = $1", mine) is True


async def test_whoever_registers_the_address_again_inherits_nothing(ada: Person, bob: Person) -> None:
    shared = await project(bob)
    await join(bob, shared, ada, "editor")
    await project(ada)
    await ada.call("PATCH", "/users/me/profile", json={"locale": "de", "full_name": "Ada"})
    assert (await ada.call("DELETE", "/users/me")).status_code == 204
    again = await register(ada.client, "ada@example.com")
    assert again.user["id"] != ada.user["id"]
    assert (await again.call("GET", "/projects")).json()["items"] == []
    profile = (await again.call("GET", "/users/me/profile")).json()
    assert (profile["locale"], profile["full_name"]) == ("en", None)
    assert (await again.call("GET", f"/projects/{shared}")).status_code == 404


async def test_what_was_shared_stays_and_names_nobody(ada: Person, bob: Person, database: Database) -> None:
    shared = await project(ada)
    await join(ada, shared, bob, "owner")
    assert (await ada.call("DELETE", "/users/me")).status_code == 204
    members = (await bob.call("GET", f"/projects/{shared}/members")).json()["items"]
    assert [member["email"] for member in members] == ["bob@example.com"]
    assert await value(database, "SELECT created_by FROM projects WHERE id::text = $1", shared) is None


async def test_a_shared_project_is_not_left_without_an_owner(
    ada: Person, bob: Person, root: Person, database: Database
) -> None:
    for _ in range(2):
        await join(ada, await project(ada), bob, "editor")
    alone = await project(ada)
    for refused in (
        await ada.call("DELETE", "/users/me"),
        await root.call("DELETE", f"/users/{ada.user['id']}"),
    ):
        assert code(refused) == (409, "last_owner")
        assert ": 2." in refused.json()["detail"]
    assert (await ada.call("GET", f"/projects/{alone}")).status_code == 200
    await run(database, "UPDATE project_members SET role = 'owner' WHERE user_id = $1", id_of(bob))
    await run(database, "UPDATE users SET is_active = false WHERE id = $1", id_of(bob))
    assert code(await ada.call("DELETE", "/users/me")) == (409, "last_owner")
    await run(database, "UPDATE users SET is_active = true WHERE id = $1", id_of(bob))
    assert (await ada.call("DELETE", "/users/me")).status_code == 204


async def test_administrators_delete_others(root: Person, ada: Person, bob: Person, database: Database) -> None:
    await project(ada)
    assert (await ada.call("GET", "/auth/me")).status_code == 200
    assert (await root.call("DELETE", f"/users/{ada.user['id']}")).status_code == 204
    assert code(await ada.call("GET", "/auth/me")) == (401, "session_ended")
    assert code(await root.call("GET", f"/users/{ada.user['id']}")) == (404, "not_found")
    assert code(await root.call("DELETE", f"/users/{ada.user['id']}")) == (404, "not_found")
    asked = "SELECT created_by FROM analysis_tasks WHERE kind = 'project_removal'"
    assert await value(database, asked) == id_of(root)
    assert (await bob.call("GET", "/auth/me")).status_code == 200


async def test_no_api_key_deletes_an_account(ada: Person, client: AsyncClient) -> None:
    made = await ada.call("POST", "/auth/api-keys", json={"name": "script", "scopes": ["read", "write"]})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    for path in ("me", ada.user["id"]):
        assert code(await client.delete(f"/api/v1/users/{path}", headers=headers)) == (403, "login_required")


async def test_two_owners_who_leave_at_once_leave_no_members_without_an_owner(
    ada: Person, bob: Person, client: AsyncClient, database: Database
) -> None:
    carl = await register(client, "carl@example.com")
    for _ in range(3):
        shared = await project(ada)
        await join(ada, shared, bob, "owner")
        await join(ada, shared, carl, "viewer")
    answers = await asyncio.gather(ada.call("DELETE", "/users/me"), bob.call("DELETE", "/users/me"))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    ownerless = """
        SELECT count(*) FROM project_members m WHERE NOT EXISTS (
            SELECT FROM project_members o WHERE o.project_id = m.project_id AND o.role = 'owner')
    """
    assert await value(database, ownerless) == 0


async def test_an_owner_who_is_just_leaving_a_project_does_not_count(
    ada: Person, bob: Person, client: AsyncClient, database: Database
) -> None:
    shared = UUID(await project(ada))
    await join(ada, str(shared), bob, "owner")
    await join(ada, str(shared), await register(client, "carl@example.com"), "viewer")
    async with database.transaction() as session:
        await session.execute("SELECT FROM projects WHERE id = $1 FOR NO KEY UPDATE", shared)
        await session.execute("DELETE FROM project_members WHERE user_id = $1", id_of(bob))
        erasing = asyncio.create_task(ada.call("DELETE", "/users/me"))
        await asyncio.sleep(0.3)
    assert code(await erasing) == (409, "last_owner")


async def test_leaving_while_working_is_never_our_fault(ada: Person, client: AsyncClient) -> None:
    async def work(number: int) -> int:
        return (await ada.call("POST", "/projects", json={"name": f"p{number}"})).status_code

    async def log_in() -> int:
        body = {"email": "ada@example.com", "password": PASSWORD}
        return (await client.post("/api/v1/auth/login", json=body)).status_code

    async def leave() -> int:
        return (await ada.call("DELETE", "/users/me")).status_code

    codes = set(await asyncio.gather(*(work(number) for number in range(6)), leave(), *(log_in() for _ in range(3))))
    assert 204 in codes
    assert codes <= {200, 201, 204, 401}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/projects", {"name": "x"}),
        ("POST", "/auth/api-keys", {"name": "x", "scopes": ["read"]}),
        ("PATCH", "/users/me", {"full_name": "x"}),
        ("PATCH", "/users/me/profile", {"locale": "de"}),
    ],
)
async def test_a_request_that_meets_the_removal_of_its_caller(
    ada: Person, database: Database, method: str, path: str, body: dict[str, object]
) -> None:
    assert (await ada.call("GET", "/users/me")).status_code == 200
    async with database.transaction() as session:
        await session.execute("DELETE FROM users WHERE id = $1", id_of(ada))
        meeting = asyncio.create_task(ada.call(method, path, json=body))
        await asyncio.sleep(0.3)
        assert not meeting.done()
    assert (await meeting).status_code in (401, 404, 409)
