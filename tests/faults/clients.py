"""Clients that do not give up: what they ask for is repeated until it is answered for good."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from ..adversarial.wire import own_address
from ..e2e.api import PASSWORD, Api
from .ledger import OUTAGE, Ledger

# A key whose request died with the gateway is free again after half a minute; a busy machine may take long to start it.
PATIENCE_SECONDS = 240.0
PAUSE_SECONDS = 0.2
# For a step that is under way when something else has failed.
HURRY_SECONDS = 2.0


class Insistent:
    """One person at a gateway, over connections that break."""

    def __init__(self, base_url: str, ledger: Ledger, patience: float = PATIENCE_SECONDS) -> None:
        self.ledger = ledger
        self._patience = patience
        self.person = Api(base_url, own_address())
        self.person.client.timeout = httpx.Timeout(30)

    def signed_up(self) -> Self:
        """With an account and a session; waits out whatever is going on."""
        body = {"email": self.person.email, "password": PASSWORD}
        assert self.done("POST", "/auth/register", json=body).status_code == httpx.codes.CREATED
        self.log_in()
        return self

    def log_in(self) -> dict[str, Any]:
        """A new session."""
        body = {"email": self.person.email, "password": PASSWORD}
        answer = self.insist("POST", "/auth/login", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        self.person.tokens = answer.json()
        self.person.client.headers["authorization"] = f"Bearer {self.person.tokens['access_token']}"
        return self.person.tokens

    def done(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to a request that has its effect once, however often it has to be sent."""
        return self.insist(method, path, headers={"Idempotency-Key": str(uuid4())}, **options)

    def insist(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The first answer that does not ask to try again."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            answer = self.attempt(method, path, **options)
            if answer is not None and answer.status_code != OUTAGE and not _in_flight(answer):
                return answer
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{method} {path} had no answer in {self._patience} s")

    def attempt(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Send it once; None if the connection broke."""
        sent = time.monotonic()
        try:
            answer = self.person.client.request(method, path, **options)
        except httpx.TransportError:
            self.ledger.cut()
            return None
        self.ledger.answered(answer, sent)
        return answer

    def everything(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {**params, "limit": 100, **({"cursor": cursor} if cursor else {})}
            page = self.insist("GET", path, params=query).json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def close(self) -> None:
        self.person.client.close()


def _in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.CONFLICT and answer.json()["code"] == "idempotency_in_flight"


class Load:
    """Threads that each do the same over and over while the block runs, and end with it.

    What a thread raises is raised where the block ends.
    """

    def __init__(self, *steps: Callable[[], object], pause: float = 0.0) -> None:
        self._over = threading.Event()
        self._errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(step, pause), daemon=True) for step in steps]

    def _run(self, step: Callable[[], object], pause: float) -> None:
        try:
            while not self._over.is_set():
                step()
                self._over.wait(pause)
        except BaseException as error:  # noqa: BLE001 - told where the block ends
            self._errors.append(error)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=2 * PATIENCE_SECONDS if error is None else HURRY_SECONDS)
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise what a thread has raised."""
        if self._errors:
            raise self._errors[0]
