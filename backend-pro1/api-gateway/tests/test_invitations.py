"""/api/v1/projects/{id}/invitations over the real servers, with the mails that go out."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.database import Database

from .mailbox import token_of, wait_for_mails
from .people import Person, register
from .staff import code, id_of, run, said
from .test_projects import ABSENT, create, join

pytestmark = pytest.mark.integration

GRACE = "grace@example.com"


async def invite(owner: Person, project_id: str, email: str = GRACE, role: str = "editor") -> str:
    answer = await owner.call("POST", f"/projects/{project_id}/invitations", json={"email": email, "role": role})
    assert answer.status_code == 201, answer.text
    invitation_id: str = answer.json()["id"]
    return invitation_id


@pytest.fixture
async def grace(client: AsyncClient) -> Person:
    return await register(client, GRACE)


async def accept(person: Person, token: str) -> tuple[int, str]:
    answer = await person.call("POST", "/projects/invitations/accept", json={"token": token})
    return answer.status_code, answer.json().get("code") or answer.json()["role"]


async def test_invited_mailed_accepted(ada: Person, client: AsyncClient, gateway_settings: Settings) -> None:
    project_id = await create(ada)
    made = await ada.call(
        "POST", f"/projects/{project_id}/invitations", json={"email": "GRACE@example.com", "role": "editor"}
    )
    body = made.json()
    assert list(body) == ["id", "email", "role", "invited_by", "created_at", "expires_at"]
    assert (body["email"], body["role"], body["invited_by"]) == (GRACE, "editor", ada.user["id"])
    (mail,) = await wait_for_mails(gateway_settings.mail_dir, 1)
    assert mail["To"] == GRACE
    # The account may come later than the invitation.
    grace = await register(client, GRACE)
    assert (await grace.call("GET", "/projects")).json()["items"] == []
    answer = await grace.call("POST", "/projects/invitations/accept", json={"token": token_of(mail)})
    assert (answer.status_code, answer.json()["id"], answer.json()["role"]) == (200, project_id, "editor")
    assert (await grace.client.get(f"/api/v1/projects/{project_id}", headers=grace.headers)).headers[
        "etag"
    ] == answer.headers["etag"]
    assert await accept(grace, token_of(mail)) == (422, "invalid_link")
    assert (await ada.call("GET", f"/projects/{project_id}/invitations")).json()["items"] == []


async def test_a_replaced_or_withdrawn_one_is_void(ada: Person, grace: Person, gateway_settings: Settings) -> None:
    project_id = await create(ada)
    first = await invite(ada, project_id)
    old = token_of((await wait_for_mails(gateway_settings.mail_dir, 1))[0])
    second = await invite(ada, project_id, role="viewer")
    tokens = {token_of(mail) for mail in await wait_for_mails(gateway_settings.mail_dir, 2)} - {old}
    assert await accept(grace, old) == (422, "invalid_link")
    listed = (await ada.call("GET", f"/projects/{project_id}/invitations")).json()["items"]
    assert ([(one["id"], one["role"]) for one in listed], first != second) == ([(second, "viewer")], True)
    path = f"/projects/{project_id}/invitations"
    assert code(await ada.call("DELETE", f"{path}/{first}")) == (404, "not_found")
    assert (await ada.call("DELETE", f"{path}/{second}")).status_code == 204
    assert await accept(grace, tokens.pop()) == (422, "invalid_link")


async def test_nothing_is_told_to_others(
    ada: Person, bob: Person, grace: Person, gateway_settings: Settings, database: Database
) -> None:
    project_id = await create(ada)
    await invite(ada, project_id)
    token = token_of((await wait_for_mails(gateway_settings.mail_dir, 1))[0])
    path = "/projects/invitations/accept"
    answers = [await bob.call("POST", path, json={"token": one}) for one in (token, "unknown", token + "x")]
    await run(database, "UPDATE project_invitations SET expires_at = now() - interval '1 second'")
    answers.append(await grace.call("POST", path, json={"token": token}))
    assert code(answers[0]) == (422, "invalid_link")
    assert all(said(answer) == said(answers[0]) for answer in answers)
    for body in ({}, {"token": ""}, {"token": "x" * 201}, {"token": 1}, {"token": token, "role": "owner"}):
        assert code(await grace.call("POST", path, json=body)) == (422, "validation_failed")
    assert (await grace.client.post(f"/api/v1{path}", json={"token": token})).status_code == 401


@pytest.mark.parametrize("fall", ["demoted", "removed", "deactivated", "erased"])
async def test_it_does_not_outlast_the_owner_who_sent_it(
    ada: Person, bob: Person, grace: Person, gateway_settings: Settings, database: Database, fall: str
) -> None:
    project_id = await create(ada)
    await join(ada, project_id, bob, "owner")
    await invite(bob, project_id, role="owner")
    token = token_of((await wait_for_mails(gateway_settings.mail_dir, 1))[0])
    member = f"/projects/{project_id}/members/{bob.user['id']}"
    if fall == "demoted":
        await ada.call("PATCH", member, json={"role": "editor"})
    elif fall == "removed":
        await ada.call("DELETE", member)
    elif fall == "deactivated":
        await run(database, "UPDATE users SET is_active = false WHERE email = 'bob@example.com'")
    else:
        assert (await bob.call("DELETE", "/users/me")).status_code == 204
    assert await accept(grace, token) == (422, "invalid_link")
    assert (await ada.call("GET", f"/projects/{project_id}/invitations")).json()["items"] == []
    await invite(ada, project_id)
    (again,) = {token_of(mail) for mail in await wait_for_mails(gateway_settings.mail_dir, 2)} - {token}
    assert await accept(grace, again) == (200, "editor")


async def test_used_once_by_many_at_once(ada: Person, grace: Person, gateway_settings: Settings) -> None:
    project_id = await create(ada)
    await invite(ada, project_id)
    token = token_of((await wait_for_mails(gateway_settings.mail_dir, 1))[0])
    ends = await asyncio.gather(*(accept(grace, token) for _ in range(8)))
    assert Counter(ends) == {(200, "editor"): 1, (422, "invalid_link"): 7}


async def test_a_removed_project_lets_nobody_in(ada: Person, grace: Person, gateway_settings: Settings) -> None:
    project_id = await create(ada)
    await invite(ada, project_id)
    token = token_of((await wait_for_mails(gateway_settings.mail_dir, 1))[0])
    assert (await ada.call("DELETE", f"/projects/{project_id}")).status_code == 202
    assert await accept(grace, token) == (422, "invalid_link")


class TestRefusals:
    async def test_members_and_roles(self, ada: Person, bob: Person) -> None:
        project_id = await create(ada)
        await join(ada, project_id, bob, "editor")
        body = {"email": GRACE, "role": "viewer"}
        path = f"/projects/{project_id}/invitations"
        assert code(await bob.call("POST", path, json=body)) == (403, "forbidden")
        assert code(await bob.call("GET", path)) == (403, "forbidden")
        assert code(await bob.call("DELETE", f"{path}/{ABSENT}")) == (403, "forbidden")
        assert code(await ada.call("POST", path, json={**body, "email": "bob@example.com"})) == (409, "already_member")
        for wrong in ({}, {**body, "role": "king"}, {**body, "email": "x"}, {**body, "token": "x"}):
            assert code(await ada.call("POST", path, json=wrong)) == (422, "validation_failed")

    async def test_a_hundred(self, ada: Person, database: Database) -> None:
        project_id = await create(ada)
        await run(
            database,
            "INSERT INTO project_invitations (id, project_id, email, role, invited_by, expires_at) "
            "SELECT gen_random_uuid(), $1, n || '@example.com', 'viewer', $2, now() + interval '1 day' "
            "FROM generate_series(1, 100) n",
            UUID(project_id),
            id_of(ada),
        )
        body = {"email": GRACE, "role": "viewer"}
        path = f"/projects/{project_id}/invitations"
        assert code(await ada.call("POST", path, json=body)) == (409, "too_many_invitations")
        assert (await ada.call("POST", path, json={**body, "email": "7@example.com"})).status_code == 201
        seen = 0
        query = "?limit=60"
        while True:
            page = (await ada.call("GET", path + query)).json()
            seen += len(page["items"])
            if page["next_cursor"] is None:
                break
            query = f"?limit=60&cursor={page['next_cursor']}"
        assert seen == 100

    async def test_foreign_is_like_absent(self, ada: Person, bob: Person) -> None:
        mine = await create(ada)
        invitation_id = await invite(ada, mine)
        answers = []
        for project_id in (mine, ABSENT):
            path = f"/projects/{project_id}/invitations"
            answers += [
                await bob.call("GET", path),
                await bob.call("POST", path, json={"email": GRACE, "role": "owner"}),
                await bob.call("DELETE", f"{path}/{invitation_id}"),
            ]
        # Nor can it be reached through a project of one's own.
        answers.append(await bob.call("DELETE", f"/projects/{await create(bob)}/invitations/{invitation_id}"))
        assert {answer.status_code for answer in answers} == {404}
        assert all(said(answer) == said(answers[0]) for answer in answers)
