"""/api/v1/projects/{id}/members over the real servers."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from httpx import AsyncClient

from shared.database import Database

from .people import Person, register
from .staff import code, run, said
from .test_projects import ABSENT, create, join

pytestmark = pytest.mark.integration


async def roles(person: Person, project_id: str) -> dict[str, str]:
    answer = await person.call("GET", f"/projects/{project_id}/members")
    assert answer.status_code == 200, answer.text
    return {member["email"].partition("@")[0]: member["role"] for member in answer.json()["items"]}


def place(project_id: str, person: Person) -> str:
    return f"/projects/{project_id}/members/{person.user['id']}"


class TestAdd:
    async def test_add_and_list(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "viewer")
        listed = (await bob.call("GET", f"/projects/{project_id}/members")).json()
        assert [(member["email"], member["role"]) for member in listed["items"]] == [
            ("bob@example.com", "viewer"),
            ("ada@example.com", "owner"),
        ]
        body = {"user_id": bob.user["id"], "role": "owner"}
        assert code(await ada.call("POST", f"/projects/{project_id}/members", json=body)) == (409, "already_member")
        assert (await bob.call("GET", f"/projects/{project_id}")).json()["role"] == "viewer"

    async def test_pages(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "viewer")
        path = f"/projects/{project_id}/members?limit=1"
        first = (await ada.call("GET", path)).json()
        rest = (await ada.call("GET", f"{path}&cursor={first['next_cursor']}")).json()
        assert [page["items"][0]["user_id"] for page in (first, rest)] == [bob.user["id"], ada.user["id"]]
        assert rest["next_cursor"] is None

    async def test_strangers_and_strange_bodies(self, ada: Person, bob: Person) -> None:
        path = f"/projects/{await create(ada)}/members"
        me = {"user_id": bob.user["id"], "role": "owner"}
        assert (await bob.call("GET", path)).status_code == 404
        assert (await bob.call("POST", path, json=me)).status_code == 404
        for body in ({"role": "owner"}, {"email": "a@b.c", "role": "king"}, {**me, "email": "a@b.c"}, {**me, "x": 1}):
            assert (await ada.call("POST", path, json=body)).status_code == 422
        unknown = await ada.call("POST", path, json={"email": "nobody@example.com", "role": "viewer"})
        assert code(unknown) == (404, "user_not_found")


class TestChange:
    async def test_a_role_counts_at_once(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "viewer")
        rename = {"json": {"name": "x"}}
        assert (await bob.call("PATCH", f"/projects/{project_id}", **rename)).status_code == 403
        changed = await ada.call("PATCH", place(project_id, bob), json={"role": "editor"})
        assert (changed.status_code, changed.json()["role"]) == (200, "editor")
        assert (await bob.call("PATCH", f"/projects/{project_id}", **rename)).status_code == 200

    async def test_the_last_owner_stays(self, ada: Person, bob: Person, database: Database) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "owner")
        await run(database, "UPDATE users SET is_active = false WHERE email = 'bob@example.com'")
        for call in (
            ada.call("PATCH", place(project_id, ada), json={"role": "viewer"}),
            ada.call("DELETE", place(project_id, ada)),
        ):
            assert code(await call) == (409, "last_owner")
        assert (await ada.call("PATCH", place(project_id, ada), json={"role": "owner"})).status_code == 200

    async def test_of_two_owners_who_step_down_at_once_one_stays(self, ada: Person, bob: Person) -> None:
        for method, arguments in (("PATCH", {"json": {"role": "viewer"}}), ("DELETE", {})):
            for _ in range(5):
                project_id = await create(ada)
                await join(ada, project_id, bob, "owner")
                people = (ada, bob)
                calls = (person.call(method, place(project_id, person), **arguments) for person in people)
                ends = [answer.status_code for answer in await asyncio.gather(*calls)]
                assert sorted(ends)[1] == 409, ends
                left = people[ends.index(409)]
                assert list((await roles(left, project_id)).values()).count("owner") == 1

    async def test_of_owners_who_demote_each_other_at_once_one_stays(
        self, ada: Person, bob: Person, client: AsyncClient
    ) -> None:
        people = [ada, bob, await register(client, "eve@example.com")]
        project_id = await create(ada)
        for person in people[1:]:
            await join(ada, project_id, person, "owner")
        body: dict[str, Any] = {"json": {"role": "viewer"}}
        calls = [one.call("PATCH", place(project_id, other), **body) for one in people for other in people]
        ends = Counter(answer.status_code for answer in await asyncio.gather(*calls))
        # Who was demoted before may demote nobody any more.
        assert ends[200] >= 2, ends
        assert set(ends) <= {200, 403, 409}
        assert list((await roles(ada, project_id)).values()).count("owner") == 1


class TestRemove:
    async def test_leave_and_be_removed(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        for person in (bob, ada):
            await join(ada, project_id, bob, "editor")
            assert (await person.call("DELETE", place(project_id, bob))).status_code == 204
            assert (await bob.call("GET", f"/projects/{project_id}")).status_code == 404
        assert code(await ada.call("DELETE", place(project_id, bob))) == (404, "not_found")
        assert await roles(ada, project_id) == {"ada": "owner"}

    async def test_others_only_as_owner(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "editor")
        assert code(await bob.call("DELETE", place(project_id, ada))) == (403, "forbidden")
        assert code(await bob.call("PATCH", place(project_id, bob), json={"role": "owner"})) == (403, "forbidden")


async def test_foreign_is_like_absent(ada: Person, bob: Person) -> None:
    mine = await create(ada)
    answers = []
    for project_id in (mine, ABSENT):
        path = f"/projects/{project_id}/members"
        body = {"user_id": bob.user["id"], "role": "owner"}
        answers += [
            await bob.call("GET", path),
            await bob.call("POST", path, json=body),
            await bob.call("PATCH", place(project_id, ada), json={"role": "viewer"}),
            await bob.call("DELETE", place(project_id, ada)),
            await bob.call("DELETE", place(project_id, bob)),
        ]
    assert {answer.status_code for answer in answers} == {404}
    assert all(said(answer) == said(answers[0]) for answer in answers)
