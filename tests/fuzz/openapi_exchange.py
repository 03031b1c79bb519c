"""One case is completed, sent by somebody, and its answer held against the document."""

import random
import time
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from schemathesis import Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ..adversarial.places import Place
from ..adversarial.wire import own_address
from .openapi_callers import Callers
from .openapi_doors import Door, operation_id
from .openapi_filling import Filler, Form
from .openapi_ledger import Ledger

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ACCEPTED = 202
# Said whatever the route, by the server or by what passes requests on, so that no route's document tells of it.
HEAD_TOO_LARGE = 431
# With room for what the gateway adds.
LARGE_HEAD_BYTES = 63 * 1024
SECONDS = 60
LONGEST_TEXT = 1500
PRINCIPALS = ("valid", "invalid", "none")
# Most of what can go wrong is behind the door.
WEIGHTS = (70, 15, 15)
STREAM = "text/event-stream"


class _Own(HTTPAdapter):
    """From an address of this machine that nobody else uses, for limits by address."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(own_address(), 0))


class Exchange:
    """What a batch sends, and what it is told."""

    def __init__(
        self,
        place: Place,
        door: Door,
        callers: Callers,
        ledger: Ledger,
        at: tuple[str, int],
        rng: random.Random,
    ) -> None:
        self.door = door
        self._callers, self._ledger, self._at, self._rng = callers, ledger, at, rng
        self._secrets = place.secrets
        self._who = "valid"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", _Own())

    def close(self) -> None:
        """Its connections."""
        self._session.close()

    def made(self, case: Any) -> None:
        """A case of a single operation."""
        response = self.called(case, fill=0.8)
        if response is not None:
            self.judge(case, response)

    def known(self, operation: Any) -> None:
        """The request that is known to be allowed, by somebody who may make it."""
        case, form = Filler(self._callers, operation_id(operation), self._rng).known(operation)
        response = self._sent(case, "valid", form)
        if response is not None:
            self.judge(case, response)

    def called(self, case: Any, fill: float) -> Response | None:
        """The answer to a case, once a part `fill` of its ids are those of something that there is."""
        Filler(self._callers, operation_id(case.operation), self._rng).fill(case, fill)
        return self._sent(case, self._rng.choices(PRINCIPALS, WEIGHTS)[0])

    def _sent(self, case: Any, who: str, form: Form = None) -> Response | None:
        self._who = who
        name = operation_id(case.operation)
        credential = self._callers.credential(who, name, self._rng)
        began = time.monotonic()
        try:
            response = self._answer(case, {"Authorization": credential} if credential else {}, form)
        except requests.RequestException as error:
            self._unanswered(case, error)
            return None
        self._ledger.answered(self._at, case.operation.label, response.status_code, time.monotonic() - began)
        if who == "valid":
            self._callers.note(name, case.operation.path, response.status_code)
            if (task := _unfinished(response)) is not None:
                self._callers.ordered(name, task)
        return response

    def _answer(self, case: Any, headers: dict[str, str], form: Form) -> Response:
        options: dict[str, Any] = {"timeout": SECONDS, "allow_redirects": False}
        if form is None:
            answer: Response = case.call(base_url=self.door.url, session=self._session, headers=headers, **options)
            return answer
        kind, data = form
        headers = headers | {"Content-Type": kind}
        url = self.door.url + case.formatted_path
        return Response.from_any(self._session.request(case.method, url, data=data, headers=headers, **options))

    def _unanswered(self, case: Any, error: requests.RequestException) -> None:
        self._ledger.answered(self._at, case.operation.label, 0, SECONDS)
        # A task's events come as long as the task takes.
        if not (isinstance(error, requests.Timeout) and _is_stream(case)):
            self._ledger.wrong(self._at, case.operation.label, type(error).__name__, _curl(case, {}))

    def judge(self, case: Any, response: Response) -> None:
        """Note whatever is wrong with the answer."""
        label = case.operation.label
        for kind, told in self._faults(case, response):
            curl = _curl(case, dict(response.request.headers))
            self._ledger.wrong(self._at, label, kind, f"{self._who}: {told[:LONGEST_TEXT]}\n      {curl}")

    def _faults(self, case: Any, response: Response) -> Iterator[tuple[str, str]]:
        status = response.status_code
        if self._who != "valid" and case.operation.definition.raw.get("security") and status < 400:
            yield f"{status} to a stranger", ""
        if any(secret in response.content for secret in self._secrets):
            yield "a secret is shown", ""
        if status == HEAD_TOO_LARGE and _head_bytes(response) >= LARGE_HEAD_BYTES:
            return
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                yield f"{failure.__class__.__name__} {status}", f"{failure} {response.content[:600]!r}"


def _unfinished(response: Response) -> str | None:
    """The task that has been accepted, if there is one."""
    if response.status_code != ACCEPTED:
        return None
    said = response.json()
    return str(said["id"]) if isinstance(said, dict) and said.get("status") in ("queued", "running") else None


def _head_bytes(response: Response) -> int:
    request = response.request
    return len(request.url or "") + sum(len(name) + len(value) for name, value in request.headers.items())


def _is_stream(case: Any) -> bool:
    return STREAM in str(case.operation.definition.raw["responses"].get("200", {}).get("content", {}))


def _curl(case: Any, headers: dict[str, Any]) -> str:
    return str(case.as_curl_command(headers=headers))[:LONGEST_TEXT]
