"""Both instances up at once: green, and nothing of them within reach but what is meant to be."""

import json
import subprocess

import psutil
import pytest

from .fleet import JOBS, House, script
from .tree import TREE

pytestmark = pytest.mark.containers

PORTS = (
    *("API_GATEWAY_PORT", "DATA_SERVICE_PORT", "AI_SERVICE_PORT"),
    *("POSTGRES_PORT", "REDIS_PORT", "S3_PORT", "S3_CONSOLE_PORT", "PROMETHEUS_PORT"),
)


def test_every_part_is_green(house: House) -> None:
    assert {"postgres", "redis", "object-store", "api-gateway", "ai-worker", "beat", "ray"} <= house.states().keys()
    assert house.troubles() == {}


def test_a_second_start_changes_nothing(fleet: dict[str, House]) -> None:
    before = [lasting(house) for house in fleet.values()]
    done = script("start-dev.sh", "--docker", "--project", "all", "--yes")
    assert done.returncode == 0, done.stderr
    assert "already up: nothing changed" in done.stderr
    assert before == [lasting(house) for house in fleet.values()]


def lasting(house: House) -> dict[str, str]:
    """The container of each service, without the jobs, which run at every start."""
    return {name: facts["Id"] for name, facts in house.containers().items() if name not in JOBS}


def test_only_the_expected_ports_are_bound_and_on_loopback(house: House) -> None:
    bindings = [
        binding
        for facts in house.containers().values()
        for bound in facts["NetworkSettings"]["Ports"].values()
        for binding in bound or []
    ]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    expected = {int(house.values[name]) for name in PORTS}
    assert {int(binding["HostPort"]) for binding in bindings} == expected
    listening = [link.laddr for link in psutil.net_connections("tcp") if link.status == psutil.CONN_LISTEN]
    assert {laddr[0] for laddr in listening if laddr and laddr[1] in expected} == {"127.0.0.1"}


def test_secrets_are_in_no_arguments_and_no_layers(first: House) -> None:
    values = first.values
    secrets = [values[name] for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_SECRET_KEY")]
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [secret for secret in secrets if secret in processes] == []
    image = first.container("api-gateway")["Image"]
    history = subprocess.run(
        ["docker", "history", "--no-trunc", image], capture_output=True, text=True, check=True
    ).stdout
    assert [secret for secret in secrets if secret in history] == []


def test_an_image_knows_its_source(house: House) -> None:
    labels = house.container("data-service")["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"]
    assert len(labels["ai-platform.source-digest"]) == 32


def test_logs_are_one_json_object_a_line(first: House) -> None:
    done = script("logs.sh", "data-service", "--project", "pro1", "--docker", "--no-follow", "--lines", "20")
    lines = [json.loads(line[line.index("{") :]) for line in done.stdout.splitlines() if "{" in line]
    assert lines, done.stderr
    assert {"timestamp", "level", "event", "service", "project"} <= lines[-1].keys()


def test_the_copy_and_not_the_checkout_runs(house: House) -> None:
    folder = house.container("api-gateway")["Config"]["Labels"]["com.docker.compose.project.working_dir"]
    assert folder == str(TREE / f"backend-{house.project}")
