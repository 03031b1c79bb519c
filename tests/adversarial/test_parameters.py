"""Hostile query parameters, path parameters and headers on every route that takes them (A50 to A52, A96)."""

import asyncio
import re
from collections.abc import Awaitable, Iterable
from itertools import product
from urllib.parse import quote_from_bytes

import pytest

from .catalogue import Catalogue, Operation, Request, looking, request_of
from .conftest import Call
from .people import People
from .rules import RULES, Least
from .wire import Answer, Attacker

pytestmark = pytest.mark.e2e

TEXTS = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"-1",
    b"0",
    b"1.5",
    b"1e9",
    b"2147483648",
    b"9223372036854775808",
    b"18446744073709551616",
    b"9" * 5000,
    b"NaN",
    b"-inf",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"' OR 1=1--",
    b"id;DROP TABLE users",
    b"../../../etc/passwd",
    b"%" * 50,
    b"_%\\",
    b"\xf0\x9f\x98\x80",
    b"a" * 5000,
    b"\r\nSet-Cookie: a=b",
)
LIMITS = (
    b"-1",
    b"0",
    b"1.5",
    b"1000000000",
    b"9223372036854775808",
    b"18446744073709551616",
    b"x",
    b"",
    b"1;2",
    b"NaN",
)
WAITS = (b"0", b"1.5")
AT_ONCE = 6
CURSORS = (b"x", b"AAAA", b"a" * 101, b"a" * 5000, b"\x00", b"\xff", b"-", b"=", b"' OR 1=1--", b"\xf0\x9f\x98\x80")
# Well-made by their looks; there is nothing behind them.
FORGED = (b"AAAAAAAAAAAAAAAAAAAAAA", b"_____________________w", b"AZAKXayWd0u8zrMCCZqAVw")
UNASKED = (
    "sort=id;DROP",
    "sort=password_hash",
    "order_by=1",
    "fields=password_hash",
    "include=owner",
    "offset=-1",
    "filter[role]=admin",
    "user_id[$ne]=x",
    "limit[]=1",
    "page=2",
    "all=1",
    "_method=DELETE",
    "=",
    "&&",
    "%00=1",
)
HEADERS = (b"", b'"', b"*", b'W/"x"', b'"a", "b"', b'"' + b"a" * 5000 + b'"', b"\xff\xfe", b"null", b"-1", b"9" * 40)


def names(part: str) -> list[str]:
    """Operations whose parameters are to be tried, by where they stand; from the table, before anything runs."""
    return [name for name, rule in RULES.items() if rule.least is not Least.ANYBODY or part == "any"]


class Caller:
    """Somebody who may use an operation, and one request of it."""

    def __init__(self, attacker: Attacker, operation: Operation, people: People) -> None:
        rule = RULES[operation.id]
        self.attacker = attacker
        self.operation = operation
        self.request: Request = request_of(operation, rule, looking(people.world))
        # Several people, so that none of them asks more often than one may.
        members = {Least.VIEWER: "viewer", Least.EDITOR: "editor", Least.ADMIN: "administrator"}
        who = "administrator" if rule.admin else members.get(rule.least, "owner")
        self.token = people.token(who, rule, people.world)

    async def ask(self, path: str = "", query: str = "", **headers: str) -> Answer:
        request = self.request
        answer = await self.attacker.send(
            request.method,
            (path or request.path) + (f"?{query}" if query else ""),
            token=self.token,
            data=request.data,
            headers={**request.headers, **headers},
        )
        assert answer.code != "rate_limited", answer
        return answer

    async def ask_all(self, queries: Iterable[str]) -> list[Answer]:
        """The answers to so many queries."""
        return await together(self.ask(query=query) for query in queries)


async def together(calls: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """The answers, a few of the calls in flight at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[Answer]) -> Answer:
        async with turns:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


def quoted(text: bytes) -> str:
    return quote_from_bytes(text, safe="")


@pytest.mark.parametrize("name", names("any"))
async def test_query_parameters(attackers: Call, catalogue: Catalogue, people: People, name: str) -> None:
    operation = catalogue.operations[name]
    if RULES[name].spends or not operation.queries:
        return
    caller = Caller(attackers(), operation, people)
    # A task that is waited for is no attack.
    tried = [(query, text) for query, text in product(operation.queries, TEXTS) if query != "wait" or text not in WAITS]
    await caller.ask_all(f"{query}={quoted(text + mark)}" for query, text in tried for mark in (b"", b"mark"))
    for query, wrong in (("limit", LIMITS), ("cursor", CURSORS)):
        if query in operation.queries:
            for answer in await caller.ask_all(f"{query}={quoted(text)}" for text in wrong):
                assert answer.status == 422, answer


@pytest.mark.parametrize("name", [name for name in RULES if name.endswith("_list") or name == "datasets_versions"])
async def test_pages(attackers: Call, catalogue: Catalogue, people: People, name: str) -> None:
    caller = Caller(attackers(), catalogue.operations[name], people)
    plain = await caller.ask()
    for query in UNASKED:
        answer = await caller.ask(query=query)
        assert answer.status in (403, 422) or (answer.status, len(answer.json()["items"])) == (
            200,
            len(plain.json()["items"]),
        ), answer
    own = {item["id"] for item in plain.json()["items"] if "id" in item}
    for cursor in FORGED:
        answer = await caller.ask(query=f"cursor={cursor.decode()}")
        assert answer.status in (200, 422)
        if answer.status == 200 and RULES[name].least is not Least.ADMIN:
            assert {item["id"] for item in answer.json()["items"] if "id" in item} <= own


async def test_a_cursor_leads_nobody_to_what_is_anothers(attackers: Call, people: People) -> None:
    attacker, owner, stranger = attackers(), people.world.owner, people.strangers.owner
    for number in range(3):
        owner.project(f"Number {number}")
    page = owner.ok("GET", "/projects", params={"limit": 1})
    own = {item["id"] for item in stranger.ok("GET", "/projects", params={"limit": 200})["items"]}
    path = f"/api/v1/projects?limit=200&cursor={page['next_cursor']}"
    answer = await attacker.send("GET", path, token=stranger.tokens["access_token"])
    assert {item["id"] for item in answer.json()["items"]} <= own


SEGMENTS = (
    "x",
    "0",
    "-1",
    "null",
    "me",
    "%00",
    "%ff%fe",
    "%2e%2e%2f",
    "..%5c",
    "' OR 1=1--".replace(" ", "%20"),
    "01890a5d-ac96-774b-bcce-b302099a805",
    "01890a5d-ac96-774b-bcce-b302099a80577",
    "%7B01890a5d-ac96-774b-bcce-b302099a8057",
    "01890a5d-ac96-774b-bcce-b302099a8057%00",
    "01890a5d-ac96-774b-bcce-b302099a8057%20",
    "%F0%9F%98%80",
    "9" * 40,
    "a" * 5000,
)

# Of parameters that are no ids, what may well name something.
GENUINE = {"{number}": {"0"}, "{alias}": {"x", "null", "me"}}


@pytest.mark.parametrize("name", names("path"))
async def test_path_parameters(attackers: Call, catalogue: Catalogue, people: People, name: str) -> None:
    operation = catalogue.operations[name]
    caller = Caller(attackers(), operation, people)
    parts, own = operation.path.split("/"), caller.request.path.split("/")
    for place, part in enumerate(parts):
        # /users/me is another operation, for oneself.
        segments = [segment for segment in SEGMENTS if segment != "me" or not name.startswith("users_")]
        hostile = [segment for segment in segments if segment not in GENUINE.get(part, ())]
        paths = ["/".join([*own[:place], segment, *own[place + 1 :]]) for segment in hostile]
        for answer in await together(caller.ask(path=path) for path in paths if part.startswith("{")):
            assert 400 <= answer.status < 500, answer


@pytest.mark.parametrize("name", names("header"))
async def test_headers(attackers: Call, catalogue: Catalogue, people: People, name: str) -> None:
    operation = catalogue.operations[name]
    taken = [entry["name"] for entry in operation.parameters if entry["in"] == "header"]
    if RULES[name].spends or not taken:
        return
    caller = Caller(attackers(), operation, people)
    await together(caller.ask(**{header: text.decode("latin-1")}) for header, text in product(taken, HEADERS))


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "é", "../x", "a;b", "<script>", "${jndi}", "a,b", '"a"'])
async def test_request_ids_are_ours_unless_they_are_plain(attackers: Call, sent: str) -> None:
    attacker = attackers()
    answer = await attacker.send("GET", "/api/v1/auth/me", headers={"X-Request-ID": sent})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert (await attacker.send("GET", "/health", headers={"X-Request-ID": "abc.DEF_1-2"})).headers[
        "x-request-id"
    ] == "abc.DEF_1-2"
