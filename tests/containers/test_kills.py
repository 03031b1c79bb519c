"""Each part's process is killed while work is under way: it comes back by itself, and nothing acknowledged is lost."""

import hashlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..e2e.api import FINAL, Api
from .fleet import House, until

pytestmark = pytest.mark.containers

SERVICES = (
    *("api-gateway", "data-service", "ai-service", "data-worker", "ai-worker"),
    *("redis", "postgres", "object-store"),
)
BACK_SECONDS = 240


class Patient:
    """Asks until somebody answers."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def get(self, path: str, **params: Any) -> httpx.Response:
        def answer() -> httpx.Response | None:
            found = self.api.client.get(path, params=params)
            return None if found.status_code >= httpx.codes.INTERNAL_SERVER_ERROR else found

        return until(answer, BACK_SECONDS)

    def ended(self, task_id: str) -> dict[str, Any]:
        def task() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(f"/tasks/{task_id}").json()
            return found if found["status"] in FINAL else None

        return until(task, BACK_SECONDS)


@pytest.fixture(scope="module")
def patient(first: House) -> Iterator[Patient]:
    person = Api(first.gateway).signed_up()
    yield Patient(person)
    person.client.close()


@pytest.fixture(scope="module")
def dataset(patient: Patient) -> dict[str, Any]:
    rows = "".join(f"{n % 97},{n * 7919 % 1009}\n" for n in range(20_000))
    return patient.api.upload(patient.api.project(), f"a,b\n{rows}".encode())


@pytest.mark.parametrize("service", SERVICES)
def test_it_comes_back_and_nothing_acknowledged_is_lost(
    first: House, patient: Patient, dataset: dict[str, Any], service: str
) -> None:
    content = f"x,y\n{service},{os.urandom(8).hex()}\n".encode()
    uploaded = patient.api.upload(dataset["project_id"], content, f"{service}.csv", wait=0)
    order = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "type": "describe", "params": {}}
    task = patient.api.ok("POST", "/analysis", json=order)
    before = first.container(service)
    try:
        os.kill(before["State"]["Pid"], signal.SIGKILL)
    except (PermissionError, ProcessLookupError):
        pytest.skip("processes of containers belong to root, or to another machine")
    assert patient.ended(task["id"])["status"] == "succeeded"
    assert patient.ended(uploaded["task_id"])["status"] == "succeeded"
    raw = patient.get(f"/datasets/{uploaded['id']}/download", format="csv")
    assert hashlib.sha256(raw.content).digest() == hashlib.sha256(content).digest(), raw.text
    after = until(lambda: is_back(first, service, before), BACK_SECONDS)
    assert after["RestartCount"] == before["RestartCount"] + 1


def is_back(house: House, service: str, before: dict[str, Any]) -> dict[str, Any] | None:
    facts = house.containers().get(service)
    if facts is None or facts["State"]["Pid"] in {0, before["State"]["Pid"]}:
        return None
    return facts if facts["State"].get("Health", {}).get("Status", "healthy") == "healthy" else None


def test_all_is_green_again(first: House) -> None:
    until(lambda: not first.troubles(), BACK_SECONDS)
