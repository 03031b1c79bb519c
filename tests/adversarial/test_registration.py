"""Registration: passwords in full length, one account for an address, and no member that a stranger may not set."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from .conftest import Call
from .wire import Answer, Attacker, new_mark

pytestmark = pytest.mark.e2e

REGISTER = "/api/v1/auth/register"
LOGIN = "/api/v1/auth/login"
GOOD = "a pass phrase that will do"
AT_ONCE = 500
# Registrations are limited by address.
ADDRESSES = 10


def address() -> str:
    return f"new-{uuid4().hex[:12]}@example.org"


async def register(attacker: Attacker, mark: str | None = None, **body: object) -> Answer:
    full = {"email": address(), "password": GOOD} | body
    return await attacker.send("POST", REGISTER, json_body=full, mark=mark)


PASSWORDS: tuple[tuple[object, int], ...] = (
    ("", 422),
    ("short", 422),
    ("a" * 9, 422),
    (" " * 20, 422),
    ("x" * 129, 422),
    ("z" * 1024, 422),
    ("password123", 422),
    ("1234567890", 422),
    ("good\x00password", 422),
    ("good\ud800password", 422),
    (None, 422),
    (1234567890, 422),
    (["a pass phrase that will do"], 422),
    ({"$ne": ""}, 422),
    ("éèàùâêîôûç" * 12, 201),
    ("😀😁😂🤣😃😄😅😆😉😊" * 12, 201),
)


@pytest.mark.parametrize(("password", "status"), PASSWORDS, ids=range(len(PASSWORDS)))
async def test_passwords(attacker: Attacker, password: object, status: int) -> None:
    email = address()
    answer = await register(attacker, email=email, password=password)
    assert answer.status == status, answer
    if status == 201:
        login = await attacker.send("POST", LOGIN, json_body={"email": email, "password": password})
        assert login.status == 200


async def test_a_refused_password_is_not_repeated(attacker: Attacker) -> None:
    for mark in (new_mark() for _ in range(3)):
        for password in (mark, mark * 200, f"{mark}\x00"):
            answer = await register(attacker, mark, email=f"not an address {mark}", password=password)
            assert answer.status == 422
    mark = new_mark()
    weak = await register(attacker, mark, email=f"{mark}@example.org", password=f"{mark}@example.org")
    assert (weak.status, weak.code) == (422, "weak_password")


async def test_every_byte_of_a_password_counts(attacker: Attacker) -> None:
    """bcrypt alone reads 72 bytes, and none after a NUL."""
    base, accented = "Ab3$" * 18, "éàüö" * 9
    for mine, other in (
        (base, base + "x"),
        (base + "x", base + "y"),
        (base + "x", base),
        (accented + "x", accented + "y"),
    ):
        email = address()
        assert (await register(attacker, email=email, password=mine)).status == 201
        wrong = await attacker.send("POST", LOGIN, json_body={"email": email, "password": other})
        assert (wrong.status, wrong.code) == (401, "wrong_credentials")
        assert (await attacker.send("POST", LOGIN, json_body={"email": email, "password": mine})).status == 200


async def test_one_account_for_one_address_whoever_is_first(attackers: Call) -> None:
    email = address()
    crowd = [attackers() for _ in range(ADDRESSES)]
    answers = await asyncio.gather(*(register(crowd[number % ADDRESSES], email=email) for number in range(AT_ONCE)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 429, 503}
    assert 409 in statuses


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{}@example.org", "{}@EXAMPLE.ORG"),
        ("{}@example.org", "{}@example.org "),
        ("{}é@example.org", "{}e\u0301@example.org"),
        ("{}@xn--bcher-kva.example", "{}@bücher.example"),
    ],
)
async def test_spellings_of_one_address_are_one_account(attacker: Attacker, first: str, second: str) -> None:
    name = uuid4().hex[:12]
    assert (await register(attacker, email=first.format(name))).status == 201
    again = await register(attacker, email=second.format(name.upper() if "É" in second else name))
    assert again.status in (409, 422), again


FORBIDDEN: dict[str, Any] = {
    "is_admin": True,
    "role": "admin",
    "roles": ["admin"],
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "created_at": "2000-01-01T00:00:00Z",
    "hashed_password": "$2b$12$" + "a" * 53,
    "password_hash": "x",
    "is_active": False,
    "email_verified_at": "2000-01-01T00:00:00Z",
    "is_superuser": 1,
    "__proto__": {"role": "admin"},
    "constructor": {"prototype": {"role": "admin"}},
    "user": {"role": "admin"},
}


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_members_that_nobody_may_set(attacker: Attacker, name: str) -> None:
    email = address()
    answer = await register(attacker, email=email, **{name: FORBIDDEN[name]})
    assert answer.status in (201, 422), answer
    if answer.status == 201:
        user: dict[str, Any] = answer.json()
        assert (user["role"], user["is_active"], user["email"]) == ("user", True, email)
        assert user.get(name) != FORBIDDEN[name]


async def test_the_last_of_doubled_members_is_no_way_in(attacker: Attacker) -> None:
    email = address()
    body = f'{{"email": "{email}", "password": "{GOOD}", "role": "user", "role": "admin"}}'.encode()
    answer = await attacker.send("POST", REGISTER, data=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422)
