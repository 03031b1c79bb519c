"""The compose files as both versions of Compose understand them, and the Dockerfile: nothing runs here."""

import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from .fleet import COMPOSE_FILES, JOBS, Version, versions
from .tree import TREE, env_file

pytestmark = pytest.mark.containers

ROOT = Path(__file__).resolve().parents[2]
TEXT = "".join(file.read_text() for file in sorted((ROOT / "backend-pro1").glob("docker-compose*.yml")))
SECRETS = sorted(set(re.findall(r"\$\{([A-Z0-9_]+):\?", TEXT)))


@pytest.fixture(params=["v2", "1.29.2"])
def version(request: pytest.FixtureRequest) -> Version:
    found = next((one for one in versions() if one.name == request.param), None)
    if found is None:
        pytest.skip(f"no Compose {request.param} on this machine")
    return found


@pytest.fixture(params=COMPOSE_FILES, ids=lambda files: "+".join(name.split(".")[-2] for name in files))
def services(request: pytest.FixtureRequest, tree: None, version: Version) -> dict[str, dict[str, Any]]:
    """All services of one combination of the files."""
    services: dict[str, dict[str, Any]] = put_together(version.name, request.param)["services"]
    return services


@cache
def put_together(version: str, files: tuple[str, ...]) -> dict[str, Any]:
    """What this Compose makes of the files."""
    done = next(one for one in versions() if one.name == version).config(TREE / "backend-pro1", files)
    assert done.returncode == 0, done.stderr
    project: dict[str, Any] = yaml.safe_load(done.stdout)
    return project


def published(service: dict[str, Any]) -> Iterator[str]:
    """On which addresses of this machine its ports are: version 1 writes them as text."""
    for port in service.get("ports", []):
        yield port.rpartition(":")[0].rpartition(":")[0] if isinstance(port, str) else port.get("host_ip", "")


def test_every_service_is_bounded_and_has_no_rights(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert {"cpus", "mem_limit", "mem_reservation"} <= service.keys(), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"] is True, name
        # YAML reads a bare `no` as false.
        assert service["restart"] in ({"no", False} if name in JOBS else {"unless-stopped", "always"}), name


def test_nothing_is_published_but_where_the_variable_says(services: dict[str, dict[str, Any]]) -> None:
    found = {address for service in services.values() for address in published(service)}
    assert found == {"127.0.0.1"}


def test_stores_are_in_no_network_that_leads_out(tree: None, version: Version) -> None:
    project = put_together(version.name, ("docker-compose.yml", "docker-compose.prod.yml"))
    assert project["networks"]["stores"]["internal"] is True
    for name in ("postgres", "redis", "object-store", "ray-head", "ray-worker", "beat", "migrate", "bucket"):
        assert set(project["services"][name]["networks"]) == {"stores"}, name
    with_ports = {name for name, service in project["services"].items() if service.get("ports")}
    assert with_ports == {"edge", "prometheus", "flower", "grafana", "alertmanager"}


@pytest.mark.parametrize("secret", SECRETS)
def test_a_missing_secret_is_named(tree: None, version: Version, secret: str, tmp_path: Path) -> None:
    for file in (TREE / "backend-pro1").glob("docker-compose*.yml"):
        shutil.copy(file, tmp_path)
    lines = env_file("pro1").read_text().splitlines(keepends=True)
    (tmp_path / ".env").write_text("".join(line for line in lines if not line.startswith(f"{secret}=")))
    done = version.config(tmp_path, ("docker-compose.yml", "docker-compose.override.yml"))
    assert done.returncode != 0
    assert secret in done.stderr
    assert "scripts/setup.sh" in done.stderr


def test_every_image_can_be_replaced_by_a_variable() -> None:
    images = set(re.findall(r"^ +image: (.*)$", TEXT, re.MULTILINE))
    assert images
    assert [image for image in images if not re.match(r"\$\{[A-Z0-9_]+:-", image)] == []
    dockerfile = (ROOT / "backend-pro1" / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)$", dockerfile, re.MULTILINE)) == set()
    assert {base for base in re.findall(r"^FROM (\S+) AS", dockerfile, re.MULTILINE) if base.startswith("$")} == {
        "${PYTHON_IMAGE}"
    }
