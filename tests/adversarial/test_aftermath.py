"""Access ends when it should, at once and at every door: a new password, another role, a removal (A18, A58, A62)."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ..e2e.api import PASSWORD, Api
from .conftest import Call, Join
from .people import People
from .places import Place
from .wire import own_address

pytestmark = pytest.mark.e2e

NEW = "seven grey geese over the marsh"
DOORS = {"api-gateway": "/api/v1/auth/me", "data-service": "/upload/formats", "ai-service": "/analysis/types"}


class Doors:
    """All services, asked at once whether they let somebody in."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client = httpx.Client(timeout=60, transport=httpx.HTTPTransport(local_address=own_address()))

    def open_to(self, token: str) -> set[int]:
        headers = {"authorization": f"Bearer {token}"}
        return {
            self._client.get(self._place.url(service) + path, headers=headers).status_code
            for service, path in DOORS.items()
        }

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def doors(place: Place) -> Iterator[Doors]:
    doors = Doors(place)
    yield doors
    doors.close()


def log_in(person: Api, password: str = PASSWORD) -> dict[str, Any]:
    tokens: dict[str, Any] = person.ok("POST", "/auth/login", json={"email": person.email, "password": password})
    return tokens


def key_of(person: Api) -> dict[str, Any]:
    key: dict[str, Any] = person.ok("POST", "/auth/api-keys", json={"name": "program", "scopes": ["read", "write"]})
    return key


def refreshed(person: Api, tokens: dict[str, Any]) -> int:
    return person.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code


def test_a_new_password_ends_the_other_sessions(doors: Doors, join: Join) -> None:
    person = join()
    other = log_in(person)
    assert doors.open_to(other["access_token"]) == {200}
    person.ok("POST", "/auth/change-password", json={"current_password": PASSWORD, "new_password": NEW})
    assert doors.open_to(other["access_token"]) == {401}
    assert refreshed(person, other) == 401
    assert doors.open_to(person.tokens["access_token"]) == {200}
    assert person.client.post("/auth/login", json={"email": person.email, "password": PASSWORD}).status_code == 401
    log_in(person, NEW)


def test_a_stolen_session_cannot_take_the_account(join: Join) -> None:
    """Neither the password nor the address changes without the present password, and guessing it ends."""
    person = join()
    statuses = []
    for number in range(12):
        body = {"current_password": f"guess number {number}", "new_password": NEW}
        statuses.append(person.client.post("/auth/change-password", json=body).status_code)
    assert set(statuses) <= {401, 403, 422, 429}
    assert statuses[-1] == 429
    for body in ({"email": "mine@example.org"}, {"email": "mine@example.org", "current_password": "wrong one too"}):
        assert person.client.patch("/users/me", json=body).status_code in (401, 403, 422, 429)
    assert person.ok("GET", "/users/me")["email"] == person.email


def test_deactivation_ends_everything_at_once(doors: Doors, join: Join, people: People) -> None:
    person = join()
    key, other = key_of(person), log_in(person)
    assert doors.open_to(key["key"]) == {200}
    user = people.administrator.ok("GET", "/users", params={"q": person.email})["items"][0]
    people.administrator.ok("PATCH", f"/users/{user['id']}", json={"is_active": False})
    for token in (person.tokens["access_token"], other["access_token"], key["key"]):
        assert doors.open_to(token) == {401}
    assert refreshed(person, other) == 401
    answer = person.client.post("/auth/login", json={"email": person.email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    people.administrator.ok("PATCH", f"/users/{user['id']}", json={"is_active": True})
    assert doors.open_to(other["access_token"]) == {401}
    assert doors.open_to(log_in(person)["access_token"]) == {200}


def test_a_role_holds_from_the_next_request_on(join: Join, people: People) -> None:
    person = join()
    user_id = person.ok("GET", "/auth/me")["id"]
    person.refused(403, "forbidden", "GET", "/users")
    person.refused(403, "forbidden", "PUT", f"/users/{user_id}/role", json={"role": "admin"})
    people.administrator.ok("PUT", f"/users/{user_id}/role", json={"role": "admin"})
    person.ok("GET", "/users")
    key = person.ok("POST", "/auth/api-keys", json={"name": "admin", "scopes": ["admin"]})["key"]
    headers = {"authorization": f"Bearer {key}"}
    assert person.client.get("/users", headers=headers).status_code == 200
    people.administrator.ok("PUT", f"/users/{user_id}/role", json={"role": "user"})
    person.refused(403, "forbidden", "GET", "/users")
    person.refused(403, "forbidden", "GET", "/admin/api-logs")
    assert person.client.get("/users", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"role": "admin"},
        {"is_admin": True},
        {"id": str(uuid4())},
        {"is_active": True},
        {"email_verified": True},
        {"email_verified_at": "2020-01-01T00:00:00Z"},
        {"password": NEW},
        {"password_hash": "x"},
        {"created_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_nobody_raises_themselves(join: Join, body: dict[str, Any]) -> None:
    person = join()
    before = person.ok("GET", "/users/me")
    for path in ("/users/me", f"/users/{before['id']}", "/users/me/profile"):
        answer = person.client.patch(path, json=body)
        assert answer.status_code in (403, 422), answer.text
    assert person.ok("GET", "/users/me") == before


def test_a_revoked_session_or_key_is_over(doors: Doors, join: Join) -> None:
    person = join()
    other, key = log_in(person), key_of(person)
    sessions = person.ok("GET", "/auth/sessions")["items"]
    revoked = next(session["id"] for session in sessions if not session["current"])
    person.ok("DELETE", f"/auth/sessions/{revoked}")
    person.ok("DELETE", f"/auth/api-keys/{key['id']}")
    for token in (other["access_token"], key["key"]):
        assert doors.open_to(token) == {401}
    assert refreshed(person, other) == 401
    assert doors.open_to(person.tokens["access_token"]) == {200}


def test_an_expired_key_is_over(doors: Doors, join: Join) -> None:
    person = join()
    for moment in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00"):
        answer = person.client.post("/auth/api-keys", json={"name": "old", "expires_at": moment})
        assert answer.status_code in (201, 422), answer.text
        if answer.status_code == 201 and moment < "2026":
            assert doors.open_to(answer.json()["key"]) == {401}


def test_keys_do_not_make_or_see_credentials(join: Join) -> None:
    person = join()
    headers = {"authorization": f"Bearer {key_of(person)['key']}"}
    for method, path in (
        ("POST", "/auth/api-keys"),
        ("GET", "/auth/api-keys"),
        ("GET", "/auth/sessions"),
        ("POST", "/auth/change-password"),
        ("POST", "/auth/logout-all"),
        ("DELETE", "/users/me"),
    ):
        assert person.client.request(method, path, headers=headers, json={"name": "x"}).status_code == 403
    mighty = person.client.post("/auth/api-keys", json={"name": "x", "scopes": ["admin"]})
    assert mighty.status_code in (403, 422), mighty.text


def test_whoever_comes_after_a_removed_user_inherits_nothing(doors: Doors, join: Join) -> None:
    person, friend = join(), join()
    shared, own = person.project("Shared"), person.project("Own")
    person.ok("POST", f"/projects/{shared}/members", json={"email": friend.email, "role": "owner"})
    key = key_of(person)
    old_id = person.ok("GET", "/auth/me")["id"]
    old = dict(person.tokens)
    person.ok("DELETE", "/users/me")
    for token in (old["access_token"], key["key"]):
        assert doors.open_to(token) == {401}
    assert refreshed(person, old) == 401
    heir = person.signed_up()
    assert heir.ok("GET", "/auth/me")["id"] != old_id
    assert heir.ok("GET", "/projects")["items"] == []
    assert heir.ok("GET", "/auth/api-keys")["items"] == []
    for project in (shared, own):
        heir.refused(404, "not_found", "GET", f"/projects/{project}")
    friend.ok("GET", f"/projects/{shared}")


def test_a_removed_member_sees_nothing_any_more(join: Join) -> None:
    owner, member = join(), join()
    project = owner.project()
    dataset = owner.upload(project, b"a\n1\n2\n")
    owner.ok("POST", f"/projects/{project}/members", json={"email": member.email, "role": "editor"})
    paths = (f"/projects/{project}", f"/datasets/{dataset['id']}", f"/tasks/{dataset['task_id']}")
    for path in paths:
        member.ok("GET", path)
    owner.ok("DELETE", f"/projects/{project}/members/{member.ok('GET', '/auth/me')['id']}")
    for path in paths:
        member.refused(404, "not_found", "GET", path)


async def test_one_users_idempotency_key_is_not_anothers(attackers: Call, join: Join) -> None:
    first, second, key = join(), join(), str(uuid4())
    body = {"name": "program"}
    made = [
        person.ok("POST", "/auth/api-keys", json=body, headers={"idempotency-key": key}) for person in (first, second)
    ]
    assert made[0]["key"] != made[1]["key"]
    again = first.client.post("/auth/api-keys", json=body, headers={"idempotency-key": key})
    assert (again.status_code, again.json()["key"]) == (201, made[0]["key"])
    assert again.headers["idempotency-replayed"] == "true"
    answer = await attackers().send("POST", "/api/v1/auth/api-keys", json_body=body, headers={"Idempotency-Key": key})
    assert answer.status == 401
