"""Forged, confused and malformed access tokens at every door (A1 to A15, A19)."""

import asyncio
import random

import pytest

from ..e2e.api import Api
from .conftest import Call
from .forge import Forge, mutant, odd_claims, odd_heads, says_the_same, sign, wrong_signatures
from .places import Place
from .wire import Answer, Attacker

pytestmark = pytest.mark.e2e

DOORS = {"api-gateway": "/api/v1/auth/me", "data-service": "/upload/formats", "ai-service": "/analysis/types"}
MUTANTS = 500
SEED = 20260101


async def admitted(attacker: Attacker, path: str, tokens: dict[str, str]) -> list[str]:
    """Names of the tokens that got any other answer than that they are no good."""
    requests = (attacker.send("GET", path, token=token) for token in tokens.values())
    answers = await asyncio.gather(*requests, return_exceptions=True)
    return [f"{name}: {answer}" for name, answer in zip(tokens, answers, strict=True) if not refused(answer)]


def refused(answer: Answer | BaseException) -> bool:
    return isinstance(answer, Answer) and answer.status == 401 and answer.code in ("unauthorized", "session_ended")


@pytest.mark.parametrize("service", DOORS)
async def test_forged_tokens(attackers: Call, place: Place, elsewhere: Place, forge: Forge, service: str) -> None:
    attacker = attackers(place.url(service))
    assert (await attacker.send("GET", DOORS[service], token=forge.good)).status == 200
    tokens = wrong_signatures(forge) | odd_heads(forge) | odd_claims(forge, elsewhere.project)
    assert await admitted(attacker, DOORS[service], tokens) == []


@pytest.mark.parametrize("service", DOORS)
async def test_another_instance_has_nothing_to_say(
    attackers: Call, place: Place, elsewhere: Place, forge: Forge, service: str
) -> None:
    theirs = Forge(forge.with_claims(iss=elsewhere.project, aud=elsewhere.project), elsewhere.key)
    tokens = {
        "its token": sign(theirs.head, theirs.payload, theirs.key),
        "its token under our key": theirs.good,
        "our token under its key": sign(forge.head, forge.payload, theirs.key),
        "its issuer": forge.with_claims(iss=elsewhere.project),
        "its audience": forge.with_claims(aud=elsewhere.project),
    }
    assert await admitted(attackers(place.url(service)), DOORS[service], tokens) == []
    assert await admitted(attackers(elsewhere.url(service)), DOORS[service], {"ours": forge.good}) == []


async def test_random_mutants(attacker: Attacker, forge: Forge) -> None:
    """A few over HTTP; test_token_mutants.py has the many."""
    chance = random.Random(SEED)  # noqa: S311 - accidents that can be repeated
    made = (mutant(forge.good, chance) for _ in range(MUTANTS))
    # A header cannot hold control characters.
    tokens = {word: word for word in made if word.isprintable() and not says_the_same(word, forge.good)}
    assert len(tokens) > MUTANTS / 2
    assert await admitted(attacker, DOORS["api-gateway"], tokens) == []


@pytest.mark.parametrize("kilobytes", [4, 8, 32])
async def test_long_tokens(attacker: Attacker, forge: Forge, kilobytes: int) -> None:
    filler = "A" * kilobytes * 1024
    padded = forge.with_claims(filler=filler)
    tokens = {"padded claims": padded, "long head": f"{filler}.{forge.payload}.{forge.signature}", "no dots": filler}
    assert await admitted(attacker, DOORS["api-gateway"], tokens) == []


HEADERS = (
    "Bearer",
    "Bearer ",
    "bearer  x",
    "Basic dXNlcjpwYXNzd29yZA==",
    "Token {token}",
    "{token}",
    "Bearer: {token}",
    "Bearer {token}, Bearer {token}",
    "Bearer null",
    "Bearer undefined",
    "Digest username=x",
    "Bearer \u00e9\u00ff",
)


@pytest.mark.parametrize("header", HEADERS)
async def test_other_ways_to_say_who_one_is(attacker: Attacker, forge: Forge, header: str) -> None:
    answer = await attacker.send("GET", "/api/v1/auth/me", headers={"Authorization": header.format(token=forge.good)})
    assert (answer.status, answer.code) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_tokens_are_taken_from_the_header_only(attacker: Attacker, forge: Forge) -> None:
    for path in (f"/api/v1/auth/me?access_token={forge.good}", f"/api/v1/auth/me?token={forge.good}"):
        assert (await attacker.send("GET", path)).status == 401
    for headers in ({"Cookie": f"access_token={forge.good}; session={forge.good}"}, {"X-Access-Token": forge.good}):
        assert (await attacker.send("GET", "/api/v1/auth/me", headers=headers)).status == 401


async def test_a_role_in_the_token_means_nothing(attacker: Attacker, forge: Forge, victim: Api) -> None:
    promoted = forge.with_claims(role="admin", is_admin=True, scope="*", scopes=["admin"])
    me = await attacker.send("GET", "/api/v1/auth/me", token=promoted)
    assert (me.status, me.json()["role"], me.json()["email"]) == (200, "user", victim.email)


KEYS = (
    "adp_",
    "adp_x",
    "adp_" + "A" * 43,
    "adp_" + "A" * 44,
    "adp_" + "A" * 3000,
    "adp_" + "_" * 43,
    "adp_../../etc/passwd",
    "adp_' OR '1'='1",
    "adp_{token}",
    "ADP_" + "A" * 43,
    "adp-" + "A" * 43,
    "adp_%00",
    "adp_\u00e9",
    "adp_ A",
)


@pytest.mark.parametrize("key", KEYS)
async def test_malformed_api_keys(attackers: Call, place: Place, forge: Forge, key: str) -> None:
    for service, path in DOORS.items():
        assert await admitted(attackers(place.url(service)), path, {key: key.format(token=forge.good)}) == []
