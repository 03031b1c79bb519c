"""Inside the containers: nobody is root, nothing can be written or compiled, and the stores reach nothing."""

import re
import socket
from pathlib import Path

import pytest

from .fleet import OURS, STORES, House

pytestmark = pytest.mark.containers

# Where this machine itself gets its packages from, which is somewhere outside.
APT_SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
OUTSIDE_PORT = 80
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
except OSError as error:
    print(error)
    sys.exit(1)
"""


def status_of(house: House, service: str) -> dict[str, str]:
    """What the kernel says of the container's first process."""
    lines = house.inside(service, "cat", "/proc/1/status").stdout.splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def reaches(house: House, service: str, host: str, port: int) -> bool:
    if service in OURS:
        return house.inside(service, "python", "-S", "-c", CONNECT, host, str(port)).returncode == 0
    return house.inside(service, "timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}").returncode == 0


def test_nobody_has_rights(house: House) -> None:
    for service, facts in house.containers().items():
        status = status_of(house, service)
        assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}, service
        assert status["NoNewPrivs"] == "1", service
        # The object store's image brings its own user; without capabilities root is nobody, too.
        assert service == "object-store" or status["Uid"].split()[0] != "0", service
        host = facts["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["Memory"] > 0, service
        assert host["NanoCpus"] > 0, service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service


@pytest.mark.parametrize("service", [*OURS, *STORES, "prometheus"])
def test_the_root_file_system_cannot_be_written(house: House, service: str) -> None:
    for folder in ("/", "/usr/bin", "/etc"):
        done = house.inside(service, "touch", f"{folder}/planted")
        assert done.returncode != 0
        assert "Read-only file system" in done.stderr, done.stderr


@pytest.mark.parametrize("service", ["api-gateway", "data-service"])
def test_there_is_nothing_to_build_with(first: House, service: str) -> None:
    for tool in ("cc", "gcc", "g++", "clang", "make", "ld", "git"):
        assert first.inside(service, "sh", "-c", f"command -v {tool}").returncode != 0, tool
    done = first.inside(service, "python", "-m", "pip", "--version")
    assert "No module named pip" in done.stderr


def test_the_gateways_image_is_lean(first: House) -> None:
    for package in ("ray", "sklearn", "pandas", "duckdb"):
        assert first.inside("api-gateway", "python", "-c", f"import {package}").returncode != 0, package
    assert first.inside("ai-worker", "python", "-c", "import sklearn").returncode == 0


def outside() -> str:
    """An address that this machine reaches by HTTP, as far as its apt tells one."""
    text = "\n".join(path.read_text() for path in APT_SOURCES if path.exists())
    if not (found := re.search(r"^(?:URIs:|deb) .*?https?://([a-z0-9.-]+)", text, re.MULTILINE)):
        pytest.skip("nothing outside is known to this machine")
    try:
        return socket.gethostbyname(found[1])
    except OSError:
        pytest.skip("this machine has no way out itself")


def test_stores_and_ray_reach_nothing_outside(first: House) -> None:
    address = outside()
    if not reaches(first, "data-service", address, OUTSIDE_PORT):
        pytest.skip("containers of this machine have no way out at all")
    for service in ("postgres", "redis", "ray-head"):
        assert not reaches(first, service, address, OUTSIDE_PORT), service


def test_no_container_reaches_the_stores_of_the_other_instance(first: House, second: House) -> None:
    ports = {"postgres": 5432, "redis": 6379, "object-store": 9000, "ray-head": 8010}
    for service, port in ports.items():
        assert reaches(second, "data-service", service, port), service
    targets = [(address, port) for service, port in ports.items() for address in first.addresses(service)]
    assert [target for target in targets if reaches(second, "data-service", *target)] == []
