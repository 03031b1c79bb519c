"""The scripts against the instances that scripts/test.sh started: one on the system's servers, one on the packages'."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    *("postgres", "redis", "object-store", "prometheus", "ray"),
    *("api-gateway", "data-service", "ai-service", "data-worker", "ai-worker", "beat", "flower"),
}


@pytest.fixture(params=os.environ.get("E2E_PROJECTS", "test1,test2").split(","))
def project(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def parts(project: str) -> dict[str, dict[str, Any]]:
    done = script("status.sh", "--project", project, "--json")
    (instance,) = json.loads(done.stdout)["instances"]
    assert instance["project"] == project
    return {part["service"]: part for part in instance["services"]}


def test_every_part_is_green(project: str) -> None:
    done = script("status.sh", "--project", project)
    assert done.returncode == 0, done.stdout
    found = parts(project)
    assert found.keys() == PARTS
    assert {part["state"] for part in found.values()} <= {"healthy", "disabled"}
    assert {"service", "state", "url", "version", "latency_ms", "note"} == found["redis"].keys()


def test_a_second_start_changes_nothing(project: str) -> None:
    done = script("start-dev.sh", "--project", project, "--yes")
    assert done.returncode == 0, done.stderr
    assert "already up: nothing changed" in done.stderr


def test_a_killed_service_comes_back(project: str) -> None:
    url = parts(project)["api-gateway"]["url"]
    killed = listener(url)
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while not is_ready(url) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert is_ready(url)
    assert listener(url) != killed


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def listener(url: str) -> int:
    """The process that listens on the URL's port."""
    port = httpx.URL(url).port
    found = [link for link in psutil.net_connections("tcp") if link.status == psutil.CONN_LISTEN]
    return next(link.pid for link in found if link.pid and tuple(link.laddr)[1:2] == (port,))


def test_logs_are_one_json_object_a_line(project: str) -> None:
    done = script("logs.sh", "data-service", "--project", project, "--no-follow", "--lines", "20")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines
    assert {"timestamp", "level", "event", "service", "project"} <= lines[-1].keys()
