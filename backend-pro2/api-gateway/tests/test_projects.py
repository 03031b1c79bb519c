"""/api/v1/projects over the real servers."""

import asyncio
from collections import Counter

import pytest
from httpx import AsyncClient

from shared.resources import Resources

from .people import Person

pytestmark = pytest.mark.integration

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"


async def create(person: Person, name: str = "Study") -> str:
    answer = await person.call("POST", "/projects", json={"name": name})
    assert answer.status_code == 201, answer.text
    project_id: str = answer.json()["id"]
    return project_id


async def join(owner: Person, project_id: str, person: Person, role: str) -> None:
    body = {"email": person.user["email"].upper(), "role": role}
    answer = await owner.call("POST", f"/projects/{project_id}/members", json=body)
    assert (answer.status_code, answer.json()["role"]) == (201, role), answer.text


async def test_create_read_list(ada: Person) -> None:
    made = await ada.call("POST", "/projects", json={"name": " Study ", "description": "é 🔬"})
    body = made.json()
    assert list(body) == ["id", "name", "description", "role", "archived", "created_at", "updated_at"]
    assert (body["name"], body["description"], body["role"], body["archived"]) == ("Study", "é 🔬", "owner", False)
    read = await ada.client.get(made.headers["location"], headers=ada.headers)
    assert (read.json(), read.headers["etag"]) == (body, made.headers["etag"])
    assert (await ada.call("GET", "/projects")).json() == {"items": [body], "next_cursor": None}


async def test_pages(ada: Person, bob: Person) -> None:
    made = [await create(ada, f"p{number}") for number in range(7)]
    await create(bob)
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        page = (await ada.call("GET", "/projects", params=query)).json()
        seen += [project["id"] for project in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=201", "limit=9223372036854775808", "limit=x", "cursor=x", "cursor=%00"]
)
async def test_bad_page(ada: Person, query: str) -> None:
    answer = await ada.call("GET", f"/projects?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "x" * 121}, {"name": "a\x00"}, {"name": 1}, {"name": "a", "x": 1}, [], None]
)
async def test_bad_body(ada: Person, body: object) -> None:
    assert (await ada.call("POST", "/projects", json=body)).status_code == 422


async def test_hostile_names_are_text(ada: Person) -> None:
    for name in ("'; DROP TABLE users;--", "{{7*7}}", "${jndi:x}", "%" * 100, "\u202eabc", "<script>"):
        made = await ada.call("POST", "/projects", json={"name": name})
        assert made.json()["name"] == name


async def test_foreign_is_like_absent(ada: Person, bob: Person) -> None:
    mine = await create(ada)
    bodies = []
    for project_id in (mine, ABSENT):
        for method, arguments in (("GET", {}), ("PATCH", {"json": {"name": "x"}})):
            answer = await bob.call(method, f"/projects/{project_id}", **arguments)
            assert answer.status_code == 404
            bodies.append({k: v for k, v in answer.json().items() if k not in ("request_id", "instance")})
    assert all(body == bodies[0] for body in bodies)
    assert (await bob.call("GET", "/projects")).json()["items"] == []


async def test_anonymous(client: AsyncClient) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{ABSENT}"), ("PATCH", f"/{ABSENT}")):
        assert (await client.request(method, f"/api/v1/projects{path}")).status_code == 401


@pytest.mark.parametrize("project_id", ["1", "x" * 500, "..", "%00", "01890a5d-ac96-774b-bcce-b302099a805"])
async def test_bad_id(ada: Person, project_id: str) -> None:
    assert (await ada.call("GET", f"/projects/{project_id}")).status_code in (404, 422)


class TestMembers:
    async def test_add_and_list(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "viewer")
        listed = (await bob.call("GET", f"/projects/{project_id}/members")).json()
        assert [(member["email"], member["role"]) for member in listed["items"]] == [
            ("bob@example.com", "viewer"),
            ("ada@example.com", "owner"),
        ]
        again = await ada.call(
            "POST", f"/projects/{project_id}/members", json={"user_id": bob.user["id"], "role": "owner"}
        )
        assert (again.status_code, again.json()["code"]) == (409, "already_member")
        assert (await bob.call("GET", f"/projects/{project_id}")).json()["role"] == "viewer"

    async def test_strangers_and_strange_bodies(self, ada: Person, bob: Person) -> None:
        path = f"/projects/{await create(ada)}/members"
        me = {"user_id": bob.user["id"], "role": "owner"}
        assert (await bob.call("GET", path)).status_code == 404
        assert (await bob.call("POST", path, json=me)).status_code == 404
        for body in ({"role": "owner"}, {"email": "a@b.c", "role": "king"}, {**me, "email": "a@b.c"}, {**me, "x": 1}):
            assert (await ada.call("POST", path, json=body)).status_code == 422
        unknown = await ada.call("POST", path, json={"email": "nobody@example.com", "role": "viewer"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "user_not_found")


class TestConditions:
    async def test_unchanged(self, ada: Person) -> None:
        path = f"/projects/{await create(ada)}"
        tag = (await ada.call("GET", path)).headers["etag"]
        again = await ada.call("GET", path, headers={"If-None-Match": f'"x", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    async def test_stale_writer(self, ada: Person) -> None:
        path = f"/projects/{await create(ada)}"
        tag = (await ada.call("GET", path)).headers["etag"]
        first = await ada.call("PATCH", path, json={"name": "a"}, headers={"If-Match": tag})
        assert (first.status_code, first.json()["name"]) == (200, "a")
        assert first.headers["etag"] != tag
        second = await ada.call("PATCH", path, json={"name": "b"}, headers={"If-Match": tag})
        assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")

    async def test_of_parallel_writers_one_wins(self, ada: Person) -> None:
        path = f"/projects/{await create(ada)}"
        headers = {"If-Match": (await ada.call("GET", path)).headers["etag"]}
        writers = (ada.call("PATCH", path, json={"name": f"n{n}"}, headers=headers) for n in range(10))
        answers = await asyncio.gather(*writers)
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 9}


class TestRoles:
    async def test_viewer_reads_only(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "viewer")
        assert (await bob.call("GET", f"/projects/{project_id}")).json()["role"] == "viewer"
        refused = await bob.call("PATCH", f"/projects/{project_id}", json={"name": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")

    async def test_editor_changes(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "editor")
        assert (await bob.call("PATCH", f"/projects/{project_id}", json={"name": "x"})).status_code == 200


class TestDelete:
    async def test_rows_and_objects(self, ada: Person, resources: Resources) -> None:
        project_id, other = await create(ada), await create(ada)
        for key in (f"{project_id}/d/1", f"{project_id}/d/2", f"{other}/d/1"):
            await resources.object_store.put_bytes(key, b"x")
        assert (await ada.call("DELETE", f"/projects/{project_id}")).status_code == 204
        assert (await ada.call("GET", f"/projects/{project_id}")).status_code == 404
        assert [entry.key async for entry in resources.object_store.list("")] == [f"{other}/d/1"]

    async def test_only_owners(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        assert (await bob.call("DELETE", f"/projects/{project_id}")).status_code == 404
        await join(ada, project_id, bob, "editor")
        assert (await bob.call("DELETE", f"/projects/{project_id}")).status_code == 403


async def test_unknown_path_and_method(ada: Person) -> None:
    unknown = await ada.call("GET", "/nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    wrong = await ada.call("PUT", "/projects")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
