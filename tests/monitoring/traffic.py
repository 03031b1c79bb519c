"""People and mishaps at an instance: something for every panel of the dashboards to show."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from ..adversarial.places import Place
from ..e2e.api import FINAL, Api
from ..e2e.llm import Rules, scripted
from ..e2e.receiver import receiver
from ..faults.poisoner import Poisoner
from ..faults.servers import Servers

ROWS = "".join(f"{'North' if place % 2 else 'South'},{place % 7},{place}\n" for place in range(600))
CSV = f"region,units,number\n{ROWS}".encode()
SQL = 'SELECT region, sum(units) AS units FROM "sales" GROUP BY region ORDER BY region'
# Six hundred to the fourth: it would take hours.
ENDLESS = "SELECT sum(p.number * q.number + r.units * s.units) AS total FROM sales p, sales q, sales r, sales s"
RULES: Rules = {
    "(ask)": [{"text": json.dumps({"sql": SQL})}, {"text": "North sells {{t1[0].units}} units."}],
}
# More than an address without an account may do in a minute (RATE_LIMIT_AUTH).
TOO_MANY = 150
# One of this machine's own, whose limit is used up for a minute.
STRANGER = "127.0.0.77"
SLOW_SECONDS = 1.6


@contextmanager
def person(place: Place) -> Iterator[Api]:
    """Somebody with an account."""
    api = Api(place.gateway)
    with api.client:
        yield api.signed_up()


def everyday(place: Place, folder: Path) -> None:
    """Uploads, queries, analyses, a question, a webhook; and what is refused."""
    with person(place) as api, receiver() as there, scripted(RULES, folder):
        project = api.project()
        body = {"url": there.url, "events": ["task.succeeded"]}
        hook = api.ok("POST", f"/projects/{project}/webhooks", json=body)
        api.ok("POST", f"/projects/{project}/webhooks/{hook['id']}/test", params={"wait": 20})
        dataset = api.upload(project, CSV, "sales.csv")
        for _ in range(2):
            api.ok("POST", "/process/query", json={"project_id": project, "sql": SQL})
        assert api.analyse(dataset, "describe", {})["status"] == "succeeded"
        # On Ray, or without it: either way an answer of Ray is counted.
        api.analyse(dataset, "cluster", {"columns": ["units", "number"]})
        _ask(api, dataset)
        assert api.client.get(f"/datasets/{dataset['id']}/download").is_success
        _twice(api)
    _refused(place)


def _ask(api: Api, dataset: dict[str, Any]) -> None:
    body = {"project_id": dataset["project_id"], "dataset_ids": [dataset["id"]], "question": "Who sells most? (ask)"}
    with api.client.stream("POST", "/analysis/ask/stream", json=body) as answer:
        assert answer.is_success, answer.read()
        answer.read()


def _twice(api: Api) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    answers = [api.client.post("/projects", json={"name": "Once"}, headers=headers) for _ in range(2)]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]


def _refused(place: Place) -> None:
    """Wrong credentials, until their address has had its share."""
    stranger = Api(place.gateway, STRANGER)
    body = {"refresh_token": "x" * 40}
    with stranger.client:
        statuses = {stranger.client.post("/auth/refresh", json=body).status_code for _ in range(TOO_MANY)}
    assert httpx.codes.TOO_MANY_REQUESTS in statuses


@dataclass(frozen=True)
class Poisoned:
    """A task that was given up, and whose it is."""

    task_id: str
    email: str


def mishaps(place: Place, servers: Servers) -> Poisoned:
    """A slow answer, errors of ours, and a task whose process dies each time."""
    with person(place) as api:
        project = api.project()
        api.upload(project, CSV, "sales.csv")
        _slow(api, servers)
        task_id = _poisoned(api, project, servers)
        _without_database(place, api, servers)
    return Poisoned(task_id, api.email)


def _slow(api: Api, servers: Servers) -> None:
    """PostgreSQL stands still for longer than a request may take without being slow."""
    with servers.silent("postgres"), suppress(httpx.TimeoutException):
        api.client.get("/projects", timeout=SLOW_SECONDS)
    servers.ready()


def _poisoned(api: Api, project: str, servers: Servers) -> str:
    body = {"project_id": project, "sql": ENDLESS, "background": True}
    with Poisoner(servers.database_url) as poisoner:
        task: dict[str, Any] = api.ok("POST", "/process/query", json=body)
        poisoner.victims.append(task["id"])
        while task["status"] not in FINAL:
            time.sleep(0.2)
            task = api.ok("GET", f"/tasks/{task['id']}")
    assert (task["status"], task["error"]["code"]) == ("failed", "poison"), task
    return str(task["id"])


def _without_database(place: Place, api: Api, servers: Servers) -> None:
    with servers.away("postgres"):
        for _ in range(5):
            assert api.client.get("/projects").status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert httpx.get(f"{place.url('data-service')}/ready", timeout=30).status_code == 503
    servers.ready()
