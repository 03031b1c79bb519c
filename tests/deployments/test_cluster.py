"""A real API server takes every overlay and example, and refuses what is wrong; where CLUSTER_KUBECONFIG names one."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kube_server import Server
from kube_trial import LABEL, Trial
from manifests import kubectl

from .conftest import Rendered
from .plant import Spoil, put, put_into

KUBECONFIG = Path(os.environ["CLUSTER_KUBECONFIG"])
FAULTS: dict[str, tuple[Spoil, str]] = {
    "a port that there is not": (put_into("Service", "redis", "spec.ports.0.port", 99999), "99999"),
    "a field with a slip": (put_into("Deployment", "beat", "spec.replica", 1), "replica"),
    "a selector of others": (
        put_into("Deployment", "beat", "spec.selector.matchLabels", {"a": "b"}),
        "does not match template",
    ),
    "a volume that only its pod lacks": (put("postgres", "containers.0.volumeMounts.0.name", "date"), "date"),
    "more asked for than allowed": (put("beat", "containers.0.resources.requests.memory", "8Gi"), "memory limit"),
}


@pytest.fixture
def trial(rendered: Rendered, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def made(name: str, *spoils: Spoil) -> tuple[int, str]:
        objects = rendered(name)
        for spoil in spoils:
            spoil(objects)
        return Trial(Server(KUBECONFIG), name).run(objects), capsys.readouterr().err

    return made


@pytest.mark.parametrize("name", ["pro1", "pro2", "production", "small"])
def test_it_takes_all_of_it(name: str, trial: Callable[..., tuple[int, str]]) -> None:
    refused, said = trial(name)
    assert refused == 0, said


@pytest.mark.parametrize("fault", FAULTS)
def test_it_refuses_what_is_wrong(fault: str, trial: Callable[..., tuple[int, str]]) -> None:
    spoil, word = FAULTS[fault]
    refused, said = trial("pro1", spoil)
    assert refused
    assert word in said


def test_nothing_is_left_but_what_is_going(trial: Callable[..., tuple[int, str]]) -> None:
    trial("small")
    command = [kubectl(), f"--kubeconfig={KUBECONFIG}", "get", "namespaces", f"--selector={LABEL}", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {one["status"]["phase"] for one in json.loads(done.stdout)["items"]} <= {"Terminating"}
