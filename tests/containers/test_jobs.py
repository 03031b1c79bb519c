"""The main job and the end-to-end tests that ask by HTTP alone, at each gateway; and work on Ray from a container."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ..e2e.api import FINAL, Api
from .fleet import House
from .tree import ROOT

pytestmark = pytest.mark.containers

# The others look at processes of this machine, or have a receiver of webhooks on it, which no container reaches.
TESTS = ("test_main_job", "test_datasets", "test_bad_input", "test_demo", "test_instances")


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    person = Api(house.gateway).signed_up()
    yield person
    person.client.close()


def test_the_end_to_end_tests_pass(house: House, first: House, second: House) -> None:
    urls = [house.gateway, (second if house is first else first).gateway]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "e2e", "-p", "no:cacheprovider", "--tb=short"]
    command += [f"tests/e2e/{name}.py" for name in (TESTS if house is first else TESTS[:1])]
    environment = {**os.environ, "E2E_BASE_URLS": ",".join(urls)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr


@pytest.mark.parametrize(
    ("job", "params"),
    [
        ("bootstrap", {"column": "y", "resamples": 200}),
        # Its answers come as a stream.
        ("partitioned-profile", {"columns": ["x", "y"]}),
    ],
)
def test_a_job_runs_on_ray(api: Api, job: str, params: dict[str, Any]) -> None:
    rows = "".join(f"{n % 17},{n * 7919 % 1009}\n" for n in range(2000))
    dataset = api.upload(api.project(), f"x,y\n{rows}".encode())
    order = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "job": job, "params": params}
    task = api.ok("POST", "/tasks", params={"wait": 60}, json={**order, "executor": "ray"})
    while task["status"] not in FINAL:
        task = api.ok("GET", f"/tasks/{task['id']}")
    result = api.result(task)
    assert result["manifest"]["executor"] == "ray", result["warnings"]


def test_the_cluster_is_seen(house: House) -> None:
    admin = Api(house.gateway).log_in(house.values["ADMIN_EMAIL"], house.values["ADMIN_PASSWORD"])
    cluster = admin.ok("GET", "/tasks/cluster")
    assert cluster["nodes"] >= 1, cluster
    admin.client.close()
