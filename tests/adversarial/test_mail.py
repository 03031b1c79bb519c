"""Mailed tokens and the mails themselves: single use, one purpose, one person, and no header that a stranger wrote."""

from uuid import uuid4

import pytest

from ..e2e.api import PASSWORD, Api
from .conftest import Join
from .places import Place
from .post import Post, token_in
from .wire import Attacker

pytestmark = pytest.mark.e2e

NEW = "seven grey geese over the marsh"
FORGOT = "/api/v1/auth/forgot-password"
MOST_AN_HOUR = 5


@pytest.fixture
def post(place: Place) -> Post:
    return Post(place)


def reset(person: Api, token: str, password: str = NEW) -> int:
    return person.client.post("/auth/reset-password", json={"token": token, "new_password": password}).status_code


async def test_nobody_learns_who_forgot_a_password(attacker: Attacker, join: Join, post: Post) -> None:
    known = join().email
    answers = [
        await attacker.send("POST", FORGOT, json_body={"email": address})
        for address in (known, f"{uuid4().hex}@example.org", "no address at all", "a" * 300)
    ]
    assert {(answer.status, answer.body, *sorted(answer.headers)) for answer in answers[1:]} == {
        (answers[0].status, answers[0].body, *sorted(answers[0].headers))
    }
    post.wait(known, "password_reset")


async def test_nobody_is_buried_in_mail_and_links_do_not_follow_the_host(
    attacker: Attacker, join: Join, post: Post
) -> None:
    person = join()
    headers = {"X-Forwarded-Host": "evil.example", "Referer": "https://evil.example/", "Origin": "https://evil.example"}
    for _ in range(MOST_AN_HOUR + 3):
        assert (await attacker.send("POST", FORGOT, json_body={"email": person.email}, headers=headers)).status == 202
    mails = post.wait(person.email, "password_reset", MOST_AN_HOUR)
    assert len(mails) == MOST_AN_HOUR
    assert not any("evil" in mail.as_string() for mail in mails)


def test_a_reset_works_once_for_one_purpose(join: Join, post: Post) -> None:
    person, other = join(), join()
    person.ok("POST", "/auth/forgot-password", json={"email": person.email})
    token = token_in(post.wait(person.email, "password_reset")[0])
    for wrong in (token[:-1], token + "A", token.swapcase(), f" {token}", token[::-1], "", f"{token}\x00"):
        assert reset(other, wrong) == 422
    assert person.client.post("/auth/verify-email", json={"token": token}).status_code == 422
    assert other.client.post("/projects/invitations/accept", json={"token": token}).status_code == 422
    assert reset(other, token, "short") == 422
    assert reset(other, token) == 204
    assert reset(other, token, NEW + "!") == 422
    person.refused(401, "session_ended", "GET", "/auth/me")
    assert person.client.post("/auth/login", json={"email": person.email, "password": PASSWORD}).status_code == 401
    assert other.ok("GET", "/auth/me")["email"] == other.email
    person.log_in(person.email, NEW)


def test_a_reset_is_void_after_another_or_a_change(join: Join, post: Post) -> None:
    person = join()
    for _ in range(2):
        person.ok("POST", "/auth/forgot-password", json={"email": person.email})
    tokens = [token_in(mail) for mail in post.wait(person.email, "password_reset", 2)]
    person.ok("POST", "/auth/change-password", json={"current_password": PASSWORD, "new_password": NEW})
    assert [reset(person, token, NEW + "!") for token in tokens] == [422, 422]


def test_an_invitation_is_for_one_person_once(join: Join, post: Post) -> None:
    owner, guest, thief = join(), join(), join()
    project = owner.project()
    owner.ok("POST", f"/projects/{project}/invitations", json={"email": guest.email, "role": "viewer"})
    token = token_in(post.wait(guest.email, "invitation")[0])
    for person in (thief, owner):
        person.refused(422, "invalid_link", "POST", "/projects/invitations/accept", json={"token": token})
    thief.refused(404, "not_found", "GET", f"/projects/{project}")
    guest.ok("POST", "/projects/invitations/accept", json={"token": token})
    guest.refused(422, "invalid_link", "POST", "/projects/invitations/accept", json={"token": token})
    guest.refused(403, "forbidden", "PATCH", f"/projects/{project}", json={"name": "Mine"})


@pytest.mark.parametrize(
    "name",
    [
        "x\r\nBcc: victim@example.org",
        "x\nBcc: victim@example.org\n\nRead this",
        "é" * 120,
        "\u2028Bcc: victim@example.org",
        "=?utf-8?q?=0ABcc:_a@b.c?=",
        "{{7*7}} ${x} %s {0}",
    ],
)
def test_names_write_no_headers(join: Join, post: Post, name: str) -> None:
    owner = join()
    guest = f"guest-{uuid4().hex[:12]}@example.org"
    owner.client.patch("/users/me", json={"full_name": name})
    created = owner.client.post("/projects", json={"name": name})
    assert created.status_code in (201, 422)
    if created.status_code == 201:
        owner.ok("POST", f"/projects/{created.json()['id']}/invitations", json={"email": guest, "role": "viewer"})
        mail = post.wait(guest, "invitation")[0]
        assert mail["Bcc"] is None
        assert mail["To"] == guest
        assert "\n" not in str(mail["Subject"])


@pytest.mark.parametrize(
    "address",
    [
        "{}@example.org\r\nBcc: b@example.org",
        "{}@example.org, b@example.org",
        "<{}@example.org>",
        '"{}\\"@x"@example.org',
        "{}@[127.0.0.1]",
        "{}@b",
        "{}@example.org>",
        "=?utf-8?q?{}?=@example.org",
    ],
)
async def test_addresses_are_one_address(attacker: Attacker, address: str) -> None:
    body = {"email": address.format(uuid4().hex[:8]), "password": "a pass phrase that will do"}
    answer = await attacker.send("POST", "/api/v1/auth/register", json_body=body)
    assert answer.status in (201, 422), answer
    if answer.status == 201:
        assert "\n" not in answer.json()["email"]
        assert "," not in answer.json()["email"]
