"""Every overlay and example, rendered once, by a kubectl that is fetched where the system has none that will do."""

import os
import subprocess
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest

from kube_check import folders
from manifests import DEPLOYMENTS, Manifest, render

PREPARE = Path(__file__).parent / "prepare.sh"
IMPOSSIBLE = 77

# Where there is a cluster, somebody has named it.
collect_ignore = [] if os.environ.get("CLUSTER_KUBECONFIG") else ["test_cluster.py"]

Rendered = Callable[[str], list[Manifest]]


@pytest.fixture(scope="session")
def kubectl() -> None:
    done = subprocess.run([PREPARE], capture_output=True, text=True, check=False)
    if done.returncode == IMPOSSIBLE:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr


@cache
def _rendered(name: str) -> list[Manifest]:
    return render(next(folder for folder in folders() if folder.name == name))


@pytest.fixture
def rendered(kubectl: None) -> Rendered:
    """The objects of an overlay or example, to be changed at will."""
    return lambda name: deepcopy(_rendered(name))


@pytest.fixture
def kustomize(kubectl: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Manifest]]:
    """Render a kustomization of the test's own, whose paths begin at the folder deployments/."""

    def made(text: str, **files: str) -> list[Manifest]:
        folder = tmp_path_factory.mktemp("kustomization")
        (folder / "deployments").symlink_to(DEPLOYMENTS)
        up = "/".join([".."] * len(folder.parts[1:])) + str(DEPLOYMENTS)
        (folder / "kustomization.yaml").write_text(text.replace("DEPLOYMENTS", up))
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_text(content)
        return render(folder)

    return made
