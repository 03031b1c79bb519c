"""Requests as an attacker sends them, and what must hold of every answer whatever was sent."""

import io
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
from yarl import URL

PROBLEM = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}
INTERNALS = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|asyncpg|pydantic|starlette|postgres(ql)?://|redis://|"
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) [a-z_.*, ]+ (FROM|SET|VALUES|WHERE)|/home/|/usr/|"
    + re.escape(str(Path(__file__).resolve().parents[2])),
)
# These name the column, table or type that the caller asked for, so that a typing error is found.
ECHOING = {
    *("column_not_found", "unknown_table", "unknown_column", "unknown_type", "invalid_parameters", "invalid_sql"),
    *("invalid_step", "invalid_expression", "unknown_job", "invalid_cron", "invalid_timezone"),
    *("action_not_available", "invalid_rows"),
}
# The client library wants to be given more than this as a file.
_LARGE = 2**19
# The whole of 127/8 is this machine: every attacker has an address, and so limits, of its own.
_ADDRESSES = random.SystemRandom()


def own_address() -> str:
    """A loopback address that nobody else uses."""
    return f"127.{_ADDRESSES.randint(1, 250)}.{_ADDRESSES.randint(0, 255)}.{_ADDRESSES.randint(1, 254)}"


def new_mark() -> str:
    """A word that no answer has a reason to hold unless it repeats what it was sent."""
    return f"mark{uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that has been read to its end."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_document(self) -> bool:
        """Whether the body is one JSON document, and neither a stream of events nor a file."""
        return self.headers.get("content-type", "").partition(";")[0] in ("application/json", PROBLEM)

    @property
    def code(self) -> str:
        """The problem's code; empty for a success."""
        return str(self.json()["code"]) if self.headers.get("content-type") == PROBLEM else ""

    @property
    def essence(self) -> tuple[int, dict[str, Any] | None]:
        """All that a caller learns, without what differs from request to request."""
        if self.headers.get("content-type") != PROBLEM:
            return self.status, None
        return self.status, {
            name: value for name, value in self.json().items() if name not in ("request_id", "instance")
        }

    def __str__(self) -> str:
        return f"{self.request} → {self.status} {self.body[:300].decode('utf-8', 'replace')}"


def flaws(answer: Answer, secrets: frozenset[bytes], mark: str | None = None) -> list[str]:
    """What is wrong with an answer by rules that hold for all of them; empty when it is sound."""
    found = ["holds a secret of the instance"] if any(secret in answer.body for secret in secrets) else []
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not (
        answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers
    ):
        found.append("is a server error")
    if answer.status < HTTPStatus.BAD_REQUEST:
        return found
    if "x-request-id" not in answer.headers:
        found.append("has no request id")
    found += _problem_flaws(answer) if answer.body else []
    told = _told(answer)
    if INTERNALS.search(told):
        found.append("shows internals")
    if mark is not None and mark in told and answer.code not in ECHOING:
        found.append("repeats what was sent")
    return found


def _problem_flaws(answer: Answer) -> list[str]:
    if answer.headers.get("content-type") != PROBLEM:
        return [f"is {answer.headers.get('content-type')}, not a problem document"]
    problem = answer.json()
    faults = [] if problem.keys() >= MEMBERS else ["lacks members of a problem"]
    if problem.get("status") != answer.status or problem.get("request_id") != answer.headers.get("x-request-id"):
        faults.append("contradicts its own head")
    return faults


def _told(answer: Answer) -> str:
    """What a problem says in its own words: the path and the names of members are the caller's own."""
    if answer.headers.get("content-type") != PROBLEM:
        return answer.body.decode("utf-8", "replace")
    problem = answer.json()
    faults = problem.get("errors", ())
    place = ".".join(str(step) for step in faults[0]["loc"]) if faults else ""
    return " ".join([problem["detail"].removeprefix(place), problem["title"], *(fault["msg"] for fault in faults)])


class Attacker:
    """A client from an address of its own, every answer to which is checked."""

    def __init__(self, base_url: str, secrets: frozenset[bytes], address: str | None = None) -> None:
        self.base_url = base_url
        self._secrets = secrets
        self.address = address or own_address()
        connector = aiohttp.TCPConnector(local_addr=(self.address, 0), limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=120),
            max_line_size=2**20,
            max_field_size=2**20,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json_body: object = None,
        data: object = None,
        headers: Mapping[str, str] | None = None,
        mark: str | None = None,
    ) -> Answer:
        """Send one request as it is given and return its answer, which is sound by `flaws`."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if json_body is not None:
            data = json.dumps(json_body).encode()
            sent.setdefault("Content-Type", "application/json")
        if isinstance(data, bytes) and len(data) > _LARGE:
            data = io.BytesIO(data)
        url = URL(self.base_url + path, encoded=True)
        async with self._session.request(method, url, data=data, headers=sent, allow_redirects=False) as response:
            body = await response.read()
            found = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(f"{method} {path[:200]}", response.status, found, body)
        problems = flaws(answer, self._secrets, mark)
        assert not problems, f"{answer}: {', '.join(problems)}"
        return answer
