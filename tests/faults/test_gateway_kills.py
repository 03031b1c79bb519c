"""The gateway is killed again and again while people work: what is repeated with its key is done once."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from ..patience import wait_for
from .clients import PATIENCE_SECONDS, Insistent, Load
from .conftest import Join
from .ledger import Ledger
from .servers import Servers

pytestmark = pytest.mark.e2e

KILLS = 5
CSV = b"a,b\n" + b"".join(b"%d,%d\n" % (n % 7, n % 5) for n in range(40))
# A refresh whose answer was lost is repeated within the grace, unless the gateway takes longer to come back.
GRACE_SECONDS = 10.0
# What each worker needs before the first kill.
FIRST = {"Home", "first"}


def kill_now_and_then(servers: Servers, kills: int) -> None:
    for _ in range(kills):
        servers.back("api-gateway")
        time.sleep(random.uniform(0.2, 1.5))  # noqa: S311 - no secret
        servers.kill("api-gateway")
        asyncio.run(let_locks_lapse(servers.database_url))
    servers.ready()


async def let_locks_lapse(database_url: str) -> None:
    """As if the half minute had passed for which a dead attempt holds its key; a living one must bear to lose it."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE idempotency_keys SET locked_until = now() WHERE answer IS NULL")
    await connection.close()


class Worker:
    """Makes things under names of their own, and writes down what it was told."""

    def __init__(self, person: Insistent) -> None:
        self._person = person
        self._ledger = person.ledger
        self.project = person.done("POST", "/projects", json={"name": "Home"}).json()["id"]
        self.dataset = self._uploaded("first", wait=60)

    def make_project(self) -> None:
        self._make("project", "/projects")

    def make_key(self) -> None:
        self._make("key", "/auth/api-keys")

    def upload(self) -> None:
        name = uuid4().hex
        self._ledger.acknowledged("dataset", name=name, id=self._uploaded(name, wait=0)["id"])

    def analyse(self) -> None:
        seed = random.SystemRandom().randrange(2**31)
        body = {
            "project_id": self.project,
            "dataset_id": self.dataset["id"],
            "type": "cluster",
            "params": {"columns": ["a", "b"], "k": 2},
            "seed": seed,
        }
        answer = self._person.done("POST", "/analysis", json=body)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        self._ledger.acknowledged("task", name=str(seed), id=answer.json()["id"])

    def _make(self, kind: str, path: str) -> None:
        name = uuid4().hex
        answer = self._person.done("POST", path, json={"name": name})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self._ledger.acknowledged(kind, name=name, id=answer.json()["id"])

    def _uploaded(self, name: str, wait: int) -> dict[str, Any]:
        answer = self._person.done(
            "POST",
            "/upload/file",
            params={"wait": wait},
            data={"project_id": self.project},
            files={"file": (f"{name}.csv", CSV, "text/csv")},
        )
        assert answer.is_success, answer.text
        dataset: dict[str, Any] = answer.json()
        return dataset


class Refresher:
    """Buys the next pair of tokens over and over, as a client does that keeps the newest it was given."""

    def __init__(self, person: Insistent) -> None:
        self._person = person
        self.token = person.person.tokens["refresh_token"]
        self.refreshes = self.late = 0

    def refresh(self) -> None:
        started = time.monotonic()
        answer = self._person.insist("POST", "/auth/refresh", json={"refresh_token": self.token})
        if answer.status_code != httpx.codes.OK and time.monotonic() - started > GRACE_SECONDS:
            self.late += 1
            self.token = self._person.log_in()["refresh_token"]
            return
        assert answer.status_code == httpx.codes.OK, answer.text
        self.refreshes += 1
        self.token = answer.json()["refresh_token"]


class Visitor:
    """Logs in over and over; each success is a session that lives."""

    def __init__(self, person: Insistent) -> None:
        self._person = person

    def log_in(self) -> None:
        self._person.ledger.acknowledged("session", token=self._person.log_in()["access_token"])


def audit(person: Insistent, worker: Worker, kind: str, ledger: Ledger) -> None:
    """Whatever was acknowledged is there under the id that was told, and nothing else is."""
    found = Counter(_there(person, worker)[kind]())
    told = Counter((entry["name"], entry["id"]) for entry in ledger.of(kind))
    assert told, f"no {kind} was made"
    assert told - found == Counter()
    assert {name for name, _ in found - told} <= FIRST


def _there(person: Insistent, worker: Worker) -> dict[str, Callable[[], list[tuple[str, str]]]]:
    in_project = {"project_id": worker.project}

    def tasks() -> list[tuple[str, str]]:
        return [(str(item["params"]["seed"]), item["id"]) for item in person.everything("/analysis", **in_project)]

    return {
        "project": lambda: [(item["name"], item["id"]) for item in person.everything("/projects")],
        "key": lambda: [(item["name"], item["id"]) for item in person.everything("/auth/api-keys")],
        "dataset": lambda: [(item["name"], item["id"]) for item in person.everything("/datasets", **in_project)],
        "task": tasks,
    }


def test_work_under_kills_is_done_once(servers: Servers, join: Join, ledger: Ledger) -> None:
    people = {kind: join() for kind in ("project", "key", "dataset", "task")}
    workers = {kind: Worker(person) for kind, person in people.items()}
    quick = [workers["project"].make_project] * 2
    slow = [workers["key"].make_key, workers["dataset"].upload, workers["task"].analyse]
    refreshers = [Refresher(join()) for _ in range(3)]
    visitors = [Visitor(join()) for _ in range(3)]
    # Slower than what one address may do a minute, and fewer keys than one may have.
    slow += [*(refresher.refresh for refresher in refreshers), *(visitor.log_in for visitor in visitors)]
    with Load(*slow, pause=0.6), Load(*quick, pause=0.02):
        kill_now_and_then(servers, KILLS)
        # Where the gateway takes longer to come back than the grace lasts, nobody may have refreshed before the last.
        wait_for(lambda: any(refresher.refreshes for refresher in refreshers), PATIENCE_SECONDS)
    assert ledger.cuts >= KILLS
    for kind, person in people.items():
        audit(person, workers[kind], kind, ledger)
    for entry in ledger.of("session"):
        me = people["key"].insist("GET", "/auth/me", headers={"authorization": f"Bearer {entry['token']}"})
        assert me.status_code == httpx.codes.OK, me.text
