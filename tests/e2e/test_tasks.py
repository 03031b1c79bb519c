"""Tasks as people watch them, by REST through the gateway: nothing of what happens is missed, or told twice."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..adversarial.places import Place, places
from ..faults.servers import Servers
from .api import FINAL, Api

pytestmark = pytest.mark.e2e

LINES = 400_000
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1


class Follower(threading.Thread):
    """Follows a task to its end as a browser does: comes back with the number of the last event whenever it is cut."""

    def __init__(self, api: Api, task_id: str, after: int = 0) -> None:
        super().__init__(daemon=True)
        self.events: list[tuple[int, str, dict[str, Any]]] = []
        self.streams = 0
        self._moved = threading.Condition()
        self._api, self._path, self._last = api, f"/tasks/{task_id}/events", after

    def run(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.has_ended and time.monotonic() < deadline:
            try:
                self._read()
            except httpx.TransportError:
                time.sleep(PAUSE_SECONDS)

    @property
    def has_ended(self) -> bool:
        return bool(self.events) and self.events[-1][2].get("status") in FINAL

    @property
    def numbers(self) -> list[int]:
        return [number for number, _, _ in self.events]

    def wait_for(self, event: str) -> None:
        """Return once such an event has come."""
        with self._moved:
            assert self._moved.wait_for(lambda: any(name == event for _, name, _ in self.events), PATIENCE_SECONDS)

    def wait_for_stream(self, number: int) -> None:
        """Return once so many streams have been opened."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.streams >= number, PATIENCE_SECONDS)

    def _read(self) -> None:
        headers = {"last-event-id": str(self._last)} if self._last else {}
        with self._api.client.stream("GET", self._path, headers=headers) as stream:
            if stream.status_code != httpx.codes.OK:
                time.sleep(PAUSE_SECONDS)
                return
            with self._moved:
                self.streams += 1
                self._moved.notify_all()
            fields: dict[str, str] = {}
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
                elif line == "" and "id" in fields:
                    self._take(fields)
                    fields = {}

    def _take(self, fields: dict[str, str]) -> None:
        self._last = int(fields["id"])
        with self._moved:
            self.events.append((self._last, fields["event"], json.loads(fields["data"])))
            self._moved.notify_all()


@pytest.fixture
def place() -> Place:
    return places()[0]


@pytest.fixture
def servers(place: Place) -> Iterator[Servers]:
    servers = Servers(place)
    servers.ready()
    yield servers
    servers.ready()


def test_a_stream_goes_on_where_it_was_when_everything_begins_anew(api: Api, servers: Servers) -> None:
    content = b"n,word\n" + b"".join(b"%d,word %d\n" % (n, n % 1000) for n in range(LINES))
    task_id = api.upload(api.project(), content, wait=0)["task_id"]
    follower = Follower(api, task_id)
    follower.start()
    follower.wait_for("progress")
    # Its worker first: whatever comes, the task has yet to be done again.
    servers.kill_program("data-worker")
    for streams, server in enumerate(("ai-service", "api-gateway"), start=2):
        servers.kill(server)
        follower.wait_for_stream(streams)
    follower.join(PATIENCE_SECONDS)
    assert follower.events[-1][2].get("status") == "succeeded", follower.events[-1]
    assert follower.numbers == list(range(1, len(follower.events) + 1))
    assert [status for _, _, data in follower.events if (status := data.get("status"))].count("running") == 2
    servers.ready()
    assert [(number, name) for number, name, _ in api.events(task_id)] == [event[:2] for event in follower.events]
    attempts = api.ok("GET", f"/tasks/{task_id}/attempts")["items"]
    assert [attempt["outcome"] for attempt in attempts] == ["died", "succeeded"]


def test_a_retried_task_keeps_its_past(api: Api) -> None:
    dataset = api.upload(api.project(), b"a,same\n" + b"".join(b"%d,1\n" % n for n in range(40)))
    task = api.analyse(dataset, "regression", {"target": "a", "features": ["same"]})
    assert task["status"] == "failed", task
    before = api.events(task["id"])
    again = api.ok("POST", f"/tasks/{task['id']}/retry", params={"wait": 60})
    assert (again["id"], again["status"], again["error"]) == (task["id"], "failed", task["error"])
    after = api.events(task["id"], before[-1][0])
    assert [number for number, _, _ in after] == list(range(before[-1][0] + 1, before[-1][0] + 1 + len(after)))
    assert [json.loads(data)["status"] for _, name, data in after if name == "state"] == ["queued", "running", "failed"]
    attempts = api.ok("GET", f"/tasks/{task['id']}/attempts")["items"]
    assert [(attempt["number"], attempt["outcome"]) for attempt in attempts] == [(1, "failed"), (2, "failed")]
    assert all(attempt["worker_id"] for attempt in attempts)


def test_workers_and_queues_are_seen(api: Api) -> None:
    workers = api.ok("GET", "/tasks/workers")["items"]
    assert {worker["service"] for worker in workers} == {"ai-service", "data-service"}
    assert {worker["state"] for worker in workers} >= {"alive"}
    assert api.ok("GET", "/tasks/queues") == {"items": [], "instance": None}
    api.upload(api.project(), b"a\n1\n")
    (ingests,) = [kind for kind in api.ok("GET", "/tasks/stats")["items"] if kind["kind"] == "ingest"]
    assert ingests["succeeded"] == 1
    assert ingests["run_seconds"]["p50"] > 0
