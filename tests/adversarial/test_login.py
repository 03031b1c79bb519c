"""Logins: nothing tells who has an account, and guessing ends in 429 without locking the owner out (A21 to A30).

The long form compares more times, and more closely: ADVERSARIAL_LOGINS=1000 ./scripts/test.sh --e2e -- -k feel_alike
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from ..e2e.api import PASSWORD, Api
from .conftest import Call, Join
from .places import Place
from .wire import Answer, Attacker, new_mark

pytestmark = pytest.mark.e2e

LOGIN = "/api/v1/auth/login"
TIMED = int(os.environ.get("ADVERSARIAL_LOGINS", "30"))
# Two samples from one distribution differ by more once in ten thousands of runs; a skipped hash makes it 0.5.
LARGEST_DIFFERENCE = 1.7 / TIMED**0.5
GUESSES = 30


async def log_in(attacker: Attacker, email: object, password: object, mark: str | None = None) -> Answer:
    return await attacker.send("POST", LOGIN, json_body={"email": email, "password": password}, mark=mark)


def auc(left: Sequence[float], right: Sequence[float]) -> float:
    """The chance that one of `left` exceeds one of `right`: 0.5 when nothing tells them apart."""
    wins = sum((a > b) + 0.5 * (a == b) for a in left for b in right)
    return wins / (len(left) * len(right))


async def timed(attacker: Attacker, email: str) -> tuple[float, Answer]:
    started = time.perf_counter()
    answer = await log_in(attacker, email, "certainly not the pass phrase")
    return time.perf_counter() - started, answer


async def test_known_and_unknown_addresses_look_and_feel_alike(attackers: Call, join: Join) -> None:
    known: list[float] = []
    unknown: list[float] = []
    seen: set[tuple[Any, ...]] = set()
    # An account takes few wrong guesses before it is guarded, so each has its share.
    people = [join() for _ in range(TIMED // 5)]
    for number in range(TIMED):
        attacker = attackers()
        for times, email in ((known, people[number % len(people)].email), (unknown, f"{uuid4().hex[:17]}@example.org")):
            took, answer = await timed(attacker, email)
            times.append(took)
            problem = {name: value for name, value in answer.json().items() if name != "request_id"}
            seen.add((answer.status, str(problem), *sorted(set(answer.headers) - {"retry-after"})))
    assert len(seen) == 1, seen
    assert abs(auc(known, unknown) - 0.5) < LARGEST_DIFFERENCE, (sorted(known), sorted(unknown))


PASSWORDS: tuple[object, ...] = (
    "",
    " ",
    " " * 20,
    "a" * 9,
    "a" * 73,
    "a" * 129,
    "a" * 1024,
    "é" * 40,
    "😀" * 20,
    "password\x00anything",
    "\x00" * 12,
    PASSWORD + "\x00",
    PASSWORD + " ",
    PASSWORD.upper(),
    PASSWORD[:-1],
    "' OR '1'='1' --",
    "$2b$12$" + "a" * 53,
)


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
async def test_wrong_passwords_of_every_shape(attacker: Attacker, victim: Api, password: str) -> None:
    answer = await log_in(attacker, victim.email, password)
    assert answer.status in (401, 422), answer
    answer = await log_in(attacker, f"{uuid4().hex}@example.org", password)
    assert answer.status in (401, 422), answer


async def test_a_megabyte_of_password(attacker: Attacker, victim: Api) -> None:
    mark = new_mark()
    answer = await log_in(attacker, victim.email, mark * 80_000, mark)
    assert answer.status in (401, 413, 422), answer
    answer = await log_in(attacker, victim.email, mark * 5_000, mark)
    assert answer.status in (401, 422), answer


JUGGLED: tuple[object, ...] = (None, True, 0, 1, 1.5, [], [PASSWORD], {}, {"$ne": ""}, {"$gt": ""}, [["x"]])


@pytest.mark.parametrize("value", JUGGLED, ids=str)
async def test_types_are_not_juggled(attacker: Attacker, victim: Api, value: object) -> None:
    for email, password in ((victim.email, value), (value, PASSWORD), (value, value)):
        answer = await log_in(attacker, email, password)
        assert (answer.status, answer.code) == (422, "validation_failed"), answer


CREDENTIALS = '{"email": "%s", "password": "%s"}'
BODIES = (
    ("text/plain", "utf-8", 415),
    ("", "utf-8", 415),
    ("application/xml", "utf-8", 415),
    ("application/json; charset=utf-7", "utf-7", 415),
    ("application/json; charset=utf-16", "utf-16", 415),
    ("application/json", "utf-16", 422),
    ("application/json", "utf-32", 422),
    ("application/jsonp", "utf-8", 415),
    ("multipart/form-data; boundary=x", "utf-8", 415),
    ("application/x-www-form-urlencoded", "utf-8", 422),
    ("application/json, text/plain", "utf-8", 415),
)


@pytest.mark.parametrize(("kind", "encoding", "status"), BODIES)
async def test_other_kinds_of_content(attacker: Attacker, victim: Api, kind: str, encoding: str, status: int) -> None:
    body = (CREDENTIALS % (victim.email, PASSWORD)).encode(encoding)
    answer = await attacker.send("POST", LOGIN, data=body, headers={"Content-Type": kind})
    assert answer.status in (status, 400), answer


FORMS = (
    b"",
    b"&" * 1000,
    b"username=%00&password=%00",
    b"username=%ff%fe&password=%ff",
    b"username=a@example.org&username=b@example.org&password=x",
    b"username=a@example.org&password=x&grant_type=client_credentials",
    b"username[]=a&password[$ne]=",
    b"username=" + b"a" * 500_000 + b"&password=x",
    "username=a@example.org&password=\u00e9".encode("latin-1"),
)


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
async def test_strange_forms(attacker: Attacker, form: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await attacker.send("POST", LOGIN, data=form, headers=kind)
    assert answer.status in (400, 401, 422), answer


async def test_guessing_ends_and_the_owner_goes_on(attackers: Call, join: Join) -> None:
    owner, attacker = join(), attackers()
    answers = [await log_in(attacker, owner.email, f"guess number {number}") for number in range(GUESSES)]
    assert {answer.status for answer in answers} == {401, 429}
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    # Even the right password is of no use to the guesser now.
    assert (await log_in(attacker, owner.email, PASSWORD)).status == 429
    # The owner's session goes on, and so do new ones from where the owner has been before.
    assert owner.ok("GET", "/auth/me")["email"] == owner.email
    owner.ok("POST", "/auth/refresh", json={"refresh_token": owner.tokens["refresh_token"]})
    owner.ok("POST", "/auth/login", json={"email": owner.email, "password": PASSWORD})
    # Nor are others locked out who share the guesser's address.
    neighbour = join()
    assert (await log_in(attacker, neighbour.email, PASSWORD)).status == 200


async def test_guesses_from_everywhere_end_and_the_owner_goes_on(attackers: Call, join: Join, place: Place) -> None:
    owner = join()
    limit = int(place.instance.values.get("LOCKOUT_ACCOUNT_ATTEMPTS", "100"))
    crowd = [attackers() for _ in range(limit // 4 + 10)]
    guesses = (log_in(crowd[number % len(crowd)], owner.email, f"guess {number}") for number in range(limit + 20))
    statuses = Counter(answer.status for answer in await asyncio.gather(*guesses))
    assert statuses.keys() <= {401, 429, 503}, statuses
    assert statuses[401] <= limit
    assert (await log_in(attackers(), owner.email, "a guess from somewhere else")).status in (401, 429)
    # The owner is known by the address of former logins.
    owner.ok("POST", "/auth/login", json={"email": owner.email, "password": PASSWORD})
    assert owner.ok("GET", "/auth/me")["email"] == owner.email


async def test_guesses_at_an_unknown_account_end_alike(attacker: Attacker) -> None:
    email = f"{uuid4().hex}@example.org"
    statuses = [(await log_in(attacker, email, f"guess number {number}")).status for number in range(GUESSES)]
    assert statuses[-1] == 429


async def test_health_answers_while_fifty_log_in(attackers: Call, victim: Api) -> None:
    """The watch of conftest asks for it meanwhile; here the logins must all be answered."""
    crowd = [attackers() for _ in range(10)]
    answers = await asyncio.gather(*(log_in(crowd[number % 10], victim.email, PASSWORD) for number in range(50)))
    assert {answer.status for answer in answers} <= {200, 503}
    assert sum(answer.status == 200 for answer in answers) >= 25
