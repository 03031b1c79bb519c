"""Refresh tokens: confused with others, used twice, used a thousand times at once, and after their session's end."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from ..e2e.api import PASSWORD, Api
from .conftest import Call, Join
from .forge import Forge, odd_claims, odd_heads, wrong_signatures
from .places import Place
from .wire import Answer, Attacker

pytestmark = pytest.mark.e2e

REFRESH = "/api/v1/auth/refresh"
AT_ONCE = 1000
# Refreshes are limited by address; so many addresses share the work that none meets its limit.
ADDRESSES = 20


async def refresh(attacker: Attacker, token: object) -> Answer:
    return await attacker.send("POST", REFRESH, json_body={"refresh_token": token})


async def works(attacker: Attacker, access_token: str) -> bool:
    return (await attacker.send("GET", "/api/v1/auth/me", token=access_token)).status == 200


def successor(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    tokens: dict[str, Any] = answer.json()
    return tokens


async def test_forged_refresh_tokens(attackers: Call, victim: Api, place: Place, elsewhere: Place) -> None:
    forge = Forge(victim.tokens["refresh_token"], place.key)
    tokens = wrong_signatures(forge) | odd_heads(forge) | odd_claims(forge, elsewhere.project)
    tokens |= {"an access token": victim.tokens["access_token"], "an API key": "adp_" + "A" * 43, "nothing": ""}
    del tokens["typ refresh"], tokens["jti absent"]
    names = list(tokens)
    for start in range(0, len(names), 100):
        attacker = attackers()
        answers = await asyncio.gather(*(refresh(attacker, tokens[name]) for name in names[start : start + 100]))
        passed = [str(answer) for answer in answers if answer.status not in (401, 422)]
        assert passed == []
    assert (await refresh(attackers(elsewhere.gateway), forge.good)).status == 401
    assert await works(attackers(), victim.tokens["access_token"])


@pytest.mark.parametrize(
    "body",
    [
        rb'{"refresh_token": "\ud800.b.c"}',
        rb'{"refresh_token": "a.\u0000.c"}',
        '{"refresh_token": "😀.é.\u202e"}'.encode(),
        b'{"refresh_token": null}',
        b'{"refresh_token": ["a.b.c"]}',
        b'{"refresh_token": {"$ne": ""}}',
        b'{"refresh_token": 1e999}',
        b'{"refresh_token": "' + b"a" * 8192 + b'"}',
        b'{"refresh_token": "' + b"a." * 300_000 + b'"}',
        b'{"refresh_token": "x", "refresh_token": "y"}',
        b'{"token": "x"}',
        b"refresh_token=x",
    ],
)
async def test_malformed_refresh_tokens(attacker: Attacker, body: bytes) -> None:
    answer = await attacker.send("POST", REFRESH, data=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 401, 422), answer


async def test_a_token_used_twice_ends_the_session_and_no_other(attackers: Call, join: Join) -> None:
    attacker, person = attackers(), join()
    other = person.ok("POST", "/auth/login", json={"email": person.email, "password": PASSWORD})
    family = [person.tokens]
    for _ in range(3):
        family.append(successor(await refresh(attacker, family[-1]["refresh_token"])))
    assert await works(attacker, family[-1]["access_token"])
    stolen = await refresh(attacker, family[0]["refresh_token"])
    assert (stolen.status, stolen.code) == (401, "token_reused")
    for tokens in reversed(family):
        assert (await refresh(attacker, tokens["refresh_token"])).status == 401
        assert not await works(attacker, tokens["access_token"])
    assert await works(attacker, other["access_token"])
    successor(await refresh(attacker, other["refresh_token"]))


async def test_a_thousand_refreshes_at_once_have_one_successor(attackers: Call, join: Join) -> None:
    person = join()
    crowd = [attackers() for _ in range(ADDRESSES)]
    answers = await asyncio.gather(
        *(refresh(crowd[number % ADDRESSES], person.tokens["refresh_token"]) for number in range(AT_ONCE))
    )
    statuses = Counter((answer.status, answer.code) for answer in answers)
    heads = {answer.json()["refresh_token"] for answer in answers if answer.status == 200}
    assert len(heads) == 1, statuses
    assert statuses.keys() <= {(200, ""), (401, "token_reused"), (503, "unavailable")}, statuses
    head = successor(await refresh(crowd[0], heads.pop()))
    assert await works(crowd[0], head["access_token"])


async def test_different_users_do_not_meet_in_a_crowd(attackers: Call, join: Join) -> None:
    people = [join() for _ in range(4)]
    attacker = attackers()
    answers = await asyncio.gather(*(refresh(attacker, person.tokens["refresh_token"]) for person in people * 10))
    for person, answer in zip(people * 10, answers, strict=True):
        me = await attacker.send("GET", "/api/v1/auth/me", token=successor(answer)["access_token"])
        assert me.json()["email"] == person.email


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
async def test_nothing_works_after_logout(attackers: Call, place: Place, join: Join, path: str) -> None:
    attacker, person = attackers(), join()
    tokens = person.tokens
    assert await works(attacker, tokens["access_token"])
    person.ok("POST", path)
    assert (await refresh(attacker, tokens["refresh_token"])).code == "session_ended"
    for service, door in (("api-gateway", "/api/v1/auth/me"), ("data-service", "/upload/formats")):
        refused = await attackers(place.url(service)).send("GET", door, token=tokens["access_token"])
        assert (refused.status, refused.code) == (401, "session_ended")
