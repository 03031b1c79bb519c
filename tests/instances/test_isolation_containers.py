"""What the engine says of containers, judged; the engine itself is played."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import isolation_containers
from instance import Instance
from isolation import NotApplicable, Side, Undecided
from isolation_containers import MASQUERADE, SHARED_HOST, crossings, door, inner_addresses
from isolation_guests import Guest
from isolation_stores import workers
from modes import DOCKER, LOCAL

HARMLESS = {"Privileged": False, "NetworkMode": "x", "PidMode": "", "IpcMode": "private", "CapAdd": None}


def container(service: str, number: int, project: str, **others: Any) -> dict[str, Any]:
    """A container of a hundred addresses: project b has 10.2.0.*, a has 10.1.0.*."""
    subnet = {"a": 1, "b": 2}[project]
    network = {"IPAddress": f"10.{subnet}.0.{number}", "Gateway": f"10.{subnet}.0.1"}
    return {
        "Id": f"{project}-{service}",
        "Name": f"/{project}_{service}_1",
        "Config": {
            "Labels": {"com.docker.compose.service": service},
            "Hostname": f"host{number}",
            "ExposedPorts": None,
        },
        "HostConfig": HARMLESS | others.get("host", {}),
        "NetworkSettings": {
            "Networks": {f"{project}_stores": network, **others.get("networks", {})},
            "Ports": others.get("ports", {}),
        },
        "Mounts": [{"Type": "volume", "Name": f"{project}_data", "RW": True}, *others.get("mounts", [])],
    }


def side(name: str, *others: dict[str, Any], mode: str = DOCKER) -> Side:
    own = [container("ai-service", 2, name), container("redis", 3, name), *others]
    return Side(Instance(name, 1, Path(f"backend-{name}")), mode, Guest("x@example.org", "secret"), own)


def knock(name: str, who: Side, at: Side) -> str:
    (found,) = (crossing.knock for crossing in crossings() if crossing.name == name)
    return found(who, at)


class Engine:
    """Answers `docker exec` with the targets that are open, and `docker network inspect` with networks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open: set[tuple[str, int]] = set()
        self.tried: list[tuple[str, int]] = []
        self.networks: list[dict[str, Any]] = []
        self.works = True
        monkeypatch.setattr(isolation_containers, "execute_docker", self.execute)
        monkeypatch.setattr(isolation_containers, "docker", lambda *_: json.dumps(self.networks))

    def execute(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert arguments[:2] == ("exec", "a-ai-service")
        self.tried = [(host, port) for host, port in json.loads(arguments[-1])]
        said = json.dumps([target for target in self.tried if target in self.open])
        return subprocess.CompletedProcess(arguments, 0 if self.works else 1, said, "no python here\n")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


BY_NAME, BY_ADDRESS = "connect to a container by its name", "connect to a container by its address"
BY_HOST = "connect to published ports by the host's address"
PUBLISHED, SHARED = "reach published ports from other machines", "share a network or volume"
WORLD, POWERS = "reach the world from a store", "use the host's powers in a container"


def bound(host: str, port: int) -> dict[str, Any]:
    return {"6379/tcp": [{"HostIp": host, "HostPort": str(port)}], "1/tcp": None}


def test_local_mode_has_one_host(engine: Engine) -> None:
    for crossing in crossings():
        with pytest.raises(NotApplicable, match=SHARED_HOST):
            crossing.knock(side("a", mode=LOCAL), side("b", mode=LOCAL))


class TestConnections:
    def test_every_container_is_tried_by_name(self, engine: Engine) -> None:
        assert knock(BY_NAME, side("a"), side("b")) == ""
        assert engine.tried == [("b_ai-service_1", 8002), ("b_redis_1", 6379)]

    def test_every_container_is_tried_by_address(self, engine: Engine) -> None:
        assert knock(BY_ADDRESS, side("a"), side("b")) == ""
        assert engine.tried == [("10.2.0.2", 8002), ("10.2.0.3", 6379)]

    def test_what_takes_a_connection_is_named(self, engine: Engine) -> None:
        engine.open = {("10.2.0.3", 6379)}
        assert knock(BY_ADDRESS, side("a"), side("b")) == "10.2.0.3:6379"

    def test_published_ports_are_tried_at_the_gateways(self, engine: Engine) -> None:
        engine.open = {("10.1.0.1", 6380)}
        other = side("b", container("postgres", 4, "b", ports=bound("0.0.0.0", 6380)))  # noqa: S104
        assert knock(BY_HOST, side("a"), other) == "10.1.0.1:6380"

    def test_a_container_in_which_nothing_can_be_tried_proves_nothing(self, engine: Engine) -> None:
        engine.works = False
        with pytest.raises(Undecided, match="no python here"):
            knock(BY_NAME, side("a"), side("b"))


@pytest.mark.parametrize(
    ("host", "found"), [("127.0.0.1", ""), ("::1", ""), ("", "0.0.0.0:1"), ("10.0.0.5", "10.0.0.5:1")]
)
def test_ports_beyond_loopback_are_found(host: str, found: str) -> None:
    assert knock(PUBLISHED, side("a"), side("b", container("redis", 4, "b", ports=bound(host, 1)))) == found


class TestSharing:
    def test_a_network_is_found(self) -> None:
        joined = container("redis", 4, "b", networks={"a_stores": {"IPAddress": "10.1.0.9"}})
        assert knock(SHARED, side("a"), side("b", joined)) == "network a_stores"

    def test_a_volume_is_found(self) -> None:
        mounted = container("redis", 4, "b", mounts=[{"Type": "volume", "Name": "a_data", "RW": True}])
        assert knock(SHARED, side("a"), side("b", mounted)) == "volume a_data"

    def test_only_what_can_be_written_counts_of_the_checkout(self) -> None:
        for writable in (False, True):
            mount = {"Type": "bind", "Source": "/checkout/monitoring", "RW": writable}
            sides = [side(name, container("prometheus", 4, name, mounts=[mount])) for name in "ab"]
            assert knock(SHARED, *sides) == ("bind /checkout/monitoring" if writable else "")


@pytest.mark.parametrize(
    ("network", "found"),
    [
        ({"Internal": True, "Options": None}, ""),
        ({"Internal": False, "Options": {MASQUERADE: "false"}}, ""),
        ({"Internal": False, "Options": {}}, "network b_stores"),
    ],
)
def test_a_store_whose_network_leads_outside_is_found(engine: Engine, network: dict[str, Any], found: str) -> None:
    engine.networks = [{"Name": "b_stores", **network}]
    assert knock(WORLD, side("a"), side("b")) == found


@pytest.mark.parametrize(
    ("host", "mounts", "found"),
    [
        ({}, [], ""),
        ({"Privileged": True}, [], "beat: privileged"),
        ({"PidMode": "host"}, [], "beat: PidMode of the host"),
        ({"NetworkMode": "host"}, [], "beat: NetworkMode of the host"),
        ({"CapAdd": ["SYS_ADMIN"]}, [], "beat: capability SYS_ADMIN"),
        ({}, [{"Type": "bind", "Source": "/run/docker.sock", "RW": False}], "beat: mounts /run/docker.sock"),
        ({}, [{"Type": "bind", "Source": "/", "RW": False}], "beat: mounts /"),
    ],
)
def test_powers_over_the_host_are_found(host: dict[str, Any], mounts: list[dict[str, Any]], found: str) -> None:
    strong = container("beat", 4, "b", host=host, mounts=mounts)
    assert knock(POWERS, side("a"), side("b", strong)) == found


def test_a_door_that_is_not_published_is_none(instance: Instance) -> None:
    port = instance.address("redis").port
    for host, open_ones in (("127.0.0.1", [container("redis", 4, "b", ports=bound("127.0.0.1", port))]), ("", [])):
        found = Side(instance, DOCKER, Guest("x@example.org", "secret"), open_ones)
        if host:
            assert door(found, "redis").port == port
        else:
            with pytest.raises(NotApplicable, match="not published"):
                door(found, "redis")
    assert door(Side(instance, LOCAL, Guest("x@example.org", "secret")), "redis").port == port


def test_inner_addresses_name_the_service() -> None:
    assert inner_addresses(side("b")) == [("ai-service", "10.2.0.2", 8002), ("redis", "10.2.0.3", 6379)]


def test_workers_answer_by_the_names_of_their_containers() -> None:
    assert workers(side("b", container("ai-worker", 4, "b"))) == ["ai-worker@host4"]
    assert workers(side("b", mode=LOCAL)) == ["data-worker@b", "ai-worker@b"]
