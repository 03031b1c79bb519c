"""Instances stand side by side and know nothing of each other; a killed worker costs no task."""

import os
import time
from typing import Any

import psutil
import pytest

from .api import FINAL, Api
from .conftest import Visit

pytestmark = pytest.mark.e2e


def test_a_token_of_one_instance_is_refused_by_the_other(base_urls: list[str], visit: Visit) -> None:
    first, second = visit(base_urls[0]).signed_up(), visit(base_urls[1]).signed_up()
    assert first.ok("GET", "/auth/me")["email"] == first.email
    assert second.ok("GET", "/auth/me")["email"] == second.email
    second.client.headers["authorization"] = first.client.headers["authorization"]
    second.refused(401, "unauthorized", "GET", "/auth/me")
    answer = second.client.post("/auth/refresh", json={"refresh_token": first.tokens["refresh_token"]})
    assert answer.status_code == 401


def test_the_second_instance_does_the_main_job_too(base_urls: list[str], visit: Visit, diabetes_csv: bytes) -> None:
    api = visit(base_urls[1]).signed_up()
    dataset = api.upload(api.project(), diabetes_csv)
    task = api.analyse(dataset, "regression", {"target": "target", "features": ["bmi", "s5"]})
    assert api.result(task)["summary"]["n"] == 442


def worker_process(command: str) -> psutil.Process:
    """The Celery process of the first instance under test."""
    env_file = os.environ["ENV_FILE"]
    for process in psutil.process_iter(["cmdline", "environ"]):
        line = " ".join(process.info["cmdline"] or [])
        if command in line and " worker" in line and (process.info["environ"] or {}).get("ENV_FILE") == env_file:
            return process
    raise AssertionError(f"no process runs {command}")


def wait_until_running(api: Api, task_id: str) -> None:
    for _ in range(600):
        if api.ok("GET", f"/tasks/{task_id}")["status"] == "running":
            return
        time.sleep(0.05)
    raise AssertionError("the task never started")


def test_a_worker_killed_in_the_middle_of_an_analysis_costs_nothing(api: Api) -> None:
    rows = "\n".join(f"{n % 97},{n % 89},{n % 83},{n * 7919 % 1009}" for n in range(200_000))
    dataset = api.upload(api.project(), f"a,b,c,d\n{rows}\n".encode())
    body: dict[str, Any] = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "type": "cluster"}
    task = api.ok(
        "POST", "/analysis", json={**body, "params": {"columns": ["a", "b", "c", "d"], "k": "auto"}, "seed": 1}
    )
    wait_until_running(api, task["id"])
    worker_process("ai-service.app.worker").kill()
    deadline = time.monotonic() + 150
    while task["status"] not in FINAL and time.monotonic() < deadline:
        time.sleep(0.5)
        task = api.ok("GET", f"/tasks/{task['id']}")
    assert (task["status"], task["attempts"]) == ("succeeded", 2)
    ends = [data for _, event, data in api.events(task["id"]) if event == "state" and "succeeded" in data]
    assert len(ends) == 1
