"""Everyday identity traffic: people who read who they are, and write now and then."""

import time
from uuid import uuid4

import httpx

from .clients import Insistent


class Regular:
    """Asks at a steady pace, and takes a 503 for an answer; a session that ended is begun anew and counted."""

    def __init__(self, person: Insistent) -> None:
        self.person = person
        self._ledger, self._email = person.ledger, person.person.email
        self.logins = 0
        self._turn = 0

    def act(self) -> None:
        """One request: mostly reads."""
        self._turn += 1
        if self._turn % 10 == 0:
            self.create()
        elif self._turn % 5 == 0:
            self._ask("/projects")
        else:
            self._ask("/auth/me")

    def create(self) -> None:
        """A project, or a refusal for now."""
        name = uuid4().hex
        answer = self.person.attempt("POST", "/projects", json={"name": name})
        if answer is not None and answer.status_code == httpx.codes.CREATED:
            self._ledger.acknowledged("project", name=name, id=answer.json()["id"], owner=self._email)
        else:
            self._look_at(answer)

    def _ask(self, path: str) -> None:
        self._look_at(self.person.attempt("GET", path))

    def _look_at(self, answer: httpx.Response | None) -> None:
        if answer is None or answer.is_success or answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self.logins += 1
            self.person.log_in()
            return
        self._ledger.blame(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")

    def audit(self) -> None:
        """Every project that was acknowledged is there, once."""
        told = [entry["id"] for entry in self._ledger.of("project") if entry["owner"] == self._email]
        there = [item["id"] for item in self.person.everything("/projects")]
        assert told, "nothing was made"
        assert set(told) <= set(there)
        assert len(set(there)) == len(there)


def wait(seconds: float) -> float:
    """Let that much time pass; the moment after."""
    time.sleep(seconds)
    return time.monotonic()
