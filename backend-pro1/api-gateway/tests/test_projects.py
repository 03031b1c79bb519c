"""/api/v1/projects over the real servers."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from httpx import AsyncClient

from shared.database import Database

from .people import Person
from .staff import administrator

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


async def test_chosen_by_text_and_state(ada: Person) -> None:
    names = ("Alpha", "Beta é", "100% gamma")
    made = [await create(ada, name) for name in names]
    assert (await ada.call("POST", f"/projects/{made[0]}/archive")).status_code == 200
    for query, found in (
        ("", [2, 1, 0]),
        ("q=ALPHA", [0]),
        ("q=%C3%89", [1]),
        ("q=0%25", [2]),
        ("q=_", []),
        ("archived=true", [0]),
        ("archived=false", [2, 1]),
        ("archived=false&q=a", [2, 1]),
    ):
        items = (await ada.call("GET", f"/projects?{query}")).json()["items"]
        assert [item["name"] for item in items] == [names[number] for number in found], query
    for query in ("archived=maybe", "q=" + "x" * 201, "q=%00"):
        assert (await ada.call("GET", f"/projects?{query}")).status_code == 422


async def test_all_is_for_administrators(ada: Person, client: AsyncClient, database: Database) -> None:
    project_id = await create(ada)
    root = await administrator(client, database)
    own = await create(root, "Mine")
    listed = (await root.call("GET", "/projects?all=true")).json()["items"]
    assert [(item["id"], item["role"]) for item in listed] == [(own, "owner"), (project_id, None)]
    assert [item["id"] for item in (await root.call("GET", "/projects")).json()["items"]] == [own]
    found = (await root.call("GET", "/projects?all=true&q=stud&limit=1")).json()
    assert ([item["id"] for item in found["items"]], found["next_cursor"]) == ([project_id], None)
    refused = await ada.call("GET", "/projects?all=true")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await root.call("GET", f"/projects/{project_id}")).status_code == 404


async def test_a_key_of_an_administrator_administers_only_by_its_scope(
    ada: Person, client: AsyncClient, database: Database
) -> None:
    project_id = await create(ada)
    root = await administrator(client, database)
    paths = ("/projects?all=true", f"/projects/{project_id}/quotas", f"/projects/{project_id}/usage")
    for scopes, statuses in ((["read", "write"], [403, 404, 404]), (["read", "admin"], [200, 200, 200])):
        made = await root.call("POST", "/auth/api-keys", json={"name": "script", "scopes": scopes})
        program = replace(root, access_token=made.json()["key"])
        assert [(await program.call("GET", path)).status_code for path in paths] == statuses


class TestArchive:
    async def test_read_only_until_restored(self, ada: Person, bob: Person) -> None:
        path = f"/projects/{await create(ada)}"
        archived = await ada.call("POST", f"{path}/archive")
        assert (archived.status_code, archived.json()["archived"]) == (200, True)
        again = await ada.call("POST", f"{path}/archive", headers={"If-Match": archived.headers["etag"]})
        assert (again.json(), again.headers["etag"]) == (archived.json(), archived.headers["etag"])
        refused = await ada.call("PATCH", path, json={"name": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, "project_archived")
        await join(ada, path.rpartition("/")[2], bob, "viewer")
        assert (await bob.call("GET", path)).json()["archived"] is True
        restored = await ada.call("POST", f"{path}/restore")
        assert (restored.status_code, restored.json()["archived"]) == (200, False)
        assert (await ada.call("PATCH", path, json={"name": "x"})).status_code == 200

    async def test_only_owners(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        for action in ("archive", "restore"):
            assert (await bob.call("POST", f"/projects/{project_id}/{action}")).status_code == 404
        await join(ada, project_id, bob, "editor")
        for action in ("archive", "restore"):
            assert (await bob.call("POST", f"/projects/{project_id}/{action}")).status_code == 403
            stale = await ada.call("POST", f"/projects/{project_id}/{action}", headers={"If-Match": '"other"'})
            assert stale.status_code == 412


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


async def test_unknown_path_and_method(ada: Person) -> None:
    unknown = await ada.call("GET", "/nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    wrong = await ada.call("PUT", "/projects")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
