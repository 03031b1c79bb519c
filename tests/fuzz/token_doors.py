"""Forged credentials over HTTP: at the gateway and both services, at what trades tokens, and at the object store."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from ..adversarial.places import Place
from ..adversarial.wire import Answer, flaws, own_address
from ..e2e.api import Api
from .cases import chance
from .report import Report
from .token_forgery import Forger, near_miss
from .token_once import OnceOnly

DOORS = {"api-gateway": "/api/v1/auth/me", "data-service": "/upload/formats", "ai-service": "/analysis/types"}
AT_ONCE = 16
A_GOOD_ONE_IN = 50
_REFUSED = {"unauthorized", "session_ended", "token_reused", "rate_limited", "unavailable"}
# To a good one: too many have asked, or too much is going on, at this moment.
_PUT_OFF = (429, 503)
ACCEPTED = "good, accepted"
# What is mailed opens these.
_MAILED = {
    "/api/v1/auth/reset-password": {"new_password": "a long enough pass phrase"},
    "/api/v1/auth/verify-email": {},
}


@dataclass(frozen=True, slots=True)
class Knocker:
    """Somebody with good credentials, and forgeries of them."""

    place: Place
    forger: Forger
    refreshing: Forger
    key: str
    upload: str
    once: OnceOnly

    async def knock(self, session: aiohttp.ClientSession, number: int, dice: random.Random) -> tuple[str, str]:
        """What was tried, and what was wrong with the answer."""
        tries = (self._bearer, self._bearer, self._bearer, self._key, self._refresh, self._mailed, self._presigned)
        return await dice.choice(tries)(session, dice)

    async def _bearer(self, session: aiohttp.ClientSession, dice: random.Random) -> tuple[str, str]:
        trick, token = self.forger.forged(dice)
        service = dice.choice(list(DOORS))
        return trick, await self._refused(session, "GET", service, DOORS[service], _sendable(token))

    async def _key(self, session: aiohttp.ClientSession, dice: random.Random) -> tuple[str, str]:
        service = dice.choice(list(DOORS))
        token = _sendable(near_miss(self.key, frozenset({self.key}), dice))
        if token.strip() == self.key:
            token = f"{token}x"
        return "API key", await self._refused(session, "GET", service, DOORS[service], token)

    async def _refresh(self, session: aiohttp.ClientSession, dice: random.Random) -> tuple[str, str]:
        trick, token = self.refreshing.forged(dice)
        body = {"refresh_token": token.encode("utf-8", "replace").decode()}
        path = "/api/v1/auth/refresh"
        return f"refresh: {trick}", await self._refused(session, "POST", "api-gateway", path, None, body)

    async def _mailed(self, session: aiohttp.ClientSession, dice: random.Random) -> tuple[str, str]:
        path, more = dice.choice(list(_MAILED.items()))
        return "mailed token", await self._refused(
            session, "POST", "api-gateway", path, None, self.once.forged(dice) | more
        )

    async def _presigned(self, session: aiohttp.ClientSession, dice: random.Random) -> tuple[str, str]:
        """The store's own refusal: it does not speak in problem documents."""
        parts = urlsplit(self.upload)
        words = {"path": parts.path, "query": parts.query}
        name = dice.choice(list(words))
        text = words[name]
        # A letter of an escape is the same in either case.
        while unquote(text) == unquote(words[name]):
            place = dice.randrange(len(text))
            text = text[:place] + dice.choice("0123456789abcdefXA") + text[place + 1 :]
        url = URL(urlunsplit(parts._replace(**{name: text})), encoded=True)
        async with session.put(url, data=b"a,b\n1,2\n") as answer:
            return "presigned URL", "" if answer.status >= 400 else f"{answer.status} for {url}"

    async def _refused(
        self, session: aiohttp.ClientSession, method: str, service: str, path: str, token: str | None, body: Any = None
    ) -> str:
        answer = await self._asked(session, method, service, path, token, body)
        wrong = flaws(answer, self.place.secrets)
        if answer.status < 400 or (token is not None and answer.code not in _REFUSED):
            wrong.append("is no refusal")
        return f"{answer}: {', '.join(wrong)} (sent {token or body!r})"[:600] if wrong else ""

    async def _asked(
        self, session: aiohttp.ClientSession, method: str, service: str, path: str, token: str | None, body: Any = None
    ) -> Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with session.request(method, self.place.url(service) + path, headers=headers, json=body) as found:
            names = {name.lower(): value for name, value in found.headers.items()}
            return Answer(f"{method} {service}{path}", found.status, names, await found.read())

    async def good(self, session: aiohttp.ClientSession, dice: random.Random) -> tuple[str, str]:
        """What became of a good one, and what is wrong with that."""
        service = dice.choice(list(DOORS))
        token = dice.choice((*self.forger.good, self.key))
        answer = await self._asked(session, "GET", service, DOORS[service], token)
        if answer.status in _PUT_OFF:
            return "good, put off", ""
        return (ACCEPTED, "") if answer.status == 200 else ("good, refused", f"a good one is refused: {answer}")


def _sendable(token: str) -> str:
    """Without what no header can hold."""
    return "".join(letter for letter in token if letter.isprintable() and letter.isascii()) or "x"


async def knock(place: Place, ahead: Iterator[int], report: Report, part: str) -> None:
    """Knock with each of the numbers, some at a time."""
    people = [Api(place.gateway, own_address()).signed_up() for _ in range(4)]
    try:
        knocker = _knocker(place, people)
        await asyncio.gather(*(_some(knocker, ahead, report, part) for _ in range(AT_ONCE)))
        for end, wrong in knocker.once.ended():
            report.count(part, end)
            if wrong:
                report.fail(part, 0, wrong)
    finally:
        for person in people:
            person.client.close()


def _knocker(place: Place, all_of_them: list[Api]) -> Knocker:
    *people, forgetful = all_of_them
    access = tuple(str(person.tokens["access_token"]) for person in people)
    refresh = tuple(str(person.tokens["refresh_token"]) for person in people)
    owner = people[0]
    key = str(owner.ok("POST", "/auth/api-keys", json={"name": "fuzz", "scopes": ["read"]})["key"])
    order = {"project_id": owner.project(), "filename": "a.csv", "bytes": 8}
    upload = str(owner.ok("POST", "/upload/presign", json=order)["urls"][0]["url"])
    forgers = (Forger(access, refresh, place.key, place.project), Forger(refresh, access, place.key, place.project))
    return Knocker(place, *forgers, key, upload, OnceOnly(place, forgetful))


async def _some(knocker: Knocker, ahead: Iterator[int], report: Report, part: str) -> None:
    async with AsyncExitStack() as stack:
        session: aiohttp.ClientSession | None = None
        for turn, number in enumerate(ahead):
            if session is None or turn % 20 == 0:
                # From a new address, so that no limit of one stands in the way of what is tried.
                await stack.aclose()
                connector = aiohttp.TCPConnector(local_addr=(own_address(), 0))
                session = await stack.enter_async_context(
                    aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
                )
            await _one(knocker, session, number, report, part)


async def _one(knocker: Knocker, session: aiohttp.ClientSession, number: int, report: Report, part: str) -> None:
    dice = chance(report.seed, part, number)
    trick, wrong = await knocker.knock(session, number, dice)
    report.count(part, trick)
    if wrong:
        report.fail(part, number, wrong)
    if number % A_GOOD_ONE_IN == 0:
        end, wrong = await knocker.good(session, dice)
        report.count(part, end)
        if wrong:
            report.fail(part, number, wrong)
