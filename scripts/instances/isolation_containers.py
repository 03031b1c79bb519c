"""Crossings between containers: networks, volumes, published ports, and what a container could do to its host."""

import ipaddress
import json
from collections.abc import Iterable, Iterator
from typing import Any

from compose import docker, execute_docker, last_line
from containers import EVERYWHERE, PROJECT, SERVICE, inspect, project_name
from instance import Address, Instance
from isolation import Crossing, NotApplicable, Side, Undecided, credential
from modes import LOCAL

FROM = "ai-service"
# What the containers listen on inside, where the image does not say.
PORTS = {
    "edge": (8080,), "api-gateway": (8000,), "data-service": (8001,), "ai-service": (8002,),
    "postgres": (5432,), "redis": (6379,), "object-store": (9000, 9001), "prometheus": (9090,),
    "ray-head": (8010, 8012, 8015, 8018), "flower": (5555,), "grafana": (3000,), "alertmanager": (9093,),
    "data-worker": (8043,), "ai-worker": (8044,),
}  # fmt: skip
STORES = frozenset({"postgres", "redis", "object-store", "ray-head", "ray-worker"})
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
ENGINE_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock")
UNPUBLISHED = "not published on this machine"
SHARED_HOST = "shared host: guarded by passwords"
Target = tuple[str, int]

# Runs inside a container: which of the targets take a connection.
_CONNECT = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def opens(target):
    try:
        socket.create_connection(target, 1.5).close()
    except OSError:
        return False
    return True
targets = [tuple(target) for target in json.loads(sys.argv[1])]
with ThreadPoolExecutor(32) as pool:
    print(json.dumps([target for target, is_open in zip(targets, pool.map(opens, targets)) if is_open]))
"""


def crossings() -> list[Crossing]:
    """Those of this module."""
    return [
        credential("network", "connect to a container by its name", _by_name),
        credential("network", "connect to a container by its address", _by_address),
        Crossing("network", "connect to published ports by the host's address", _by_gateway),
        Crossing("network", "share a network or volume", _shared),
        Crossing("network", "reach published ports from other machines", _published),
        Crossing("network", "reach the world from a store", _stores_outside),
        Crossing("network", "use the host's powers in a container", _powers),
    ]


def containers_of(instance: Instance) -> list[dict[str, Any]]:
    """What the engine says of the instance's running containers.

    Raises:
        NoEngine: no engine answers.
    """
    label = f"label={PROJECT}={project_name(instance)}"
    return inspect(docker("ps", "--quiet", "--no-trunc", "--filter", label).split())


def _by_name(who: Side, at: Side) -> str:
    _require_containers(at)
    return _reached(who, [(one["Name"].lstrip("/"), port) for one in at.containers for port in _ports(one)])


def _by_address(who: Side, at: Side) -> str:
    _require_containers(at)
    return _reached(who, [(host, port) for _, host, port in inner_addresses(at)])


def _by_gateway(who: Side, at: Side) -> str:
    """The host as a container sees it, at the ports that the other instance publishes."""
    _require_containers(at)
    gateways = {net["Gateway"] for one in who.containers for net in _networks(one).values() if net.get("Gateway")}
    return _reached(who, [(host, port) for host in sorted(gateways) for _, port in _bindings(at)])


def _shared(who: Side, at: Side) -> str:
    _require_containers(at)
    both = set(_belongings(who)) & set(_belongings(at))
    return ", ".join(sorted(both))


def _published(_: Side, at: Side) -> str:
    _require_containers(at)
    return ", ".join(f"{host}:{port}" for host, port in _bindings(at) if not ipaddress.ip_address(host).is_loopback)


def _stores_outside(_: Side, at: Side) -> str:
    _require_containers(at)
    names = {name for one in at.containers if service_of(one) in STORES for name in _networks(one)}
    found = json.loads(docker("network", "inspect", *sorted(names))) if names else []
    return ", ".join(f"network {network['Name']}" for network in found if _leads_outside(network))


def _leads_outside(network: dict[str, Any]) -> bool:
    options = network.get("Options") or {}
    return not network["Internal"] and options.get(MASQUERADE) != "false"


def _powers(_: Side, at: Side) -> str:
    _require_containers(at)
    return ", ".join(f"{service_of(one)}: {power}" for one in at.containers for power in _powers_of(one))


def _powers_of(container: dict[str, Any]) -> Iterator[str]:
    host = container["HostConfig"]
    if host["Privileged"]:
        yield "privileged"
    yield from (f"{name} of the host" for name in ("NetworkMode", "PidMode", "IpcMode") if host.get(name) == "host")
    yield from (f"capability {name}" for name in host.get("CapAdd") or ())
    sources = [mount.get("Source", "") for mount in container["Mounts"]]
    yield from (f"mounts {source}" for source in sources if source.endswith(ENGINE_SOCKETS) or source == "/")


def _require_containers(at: Side) -> None:
    if at.mode == LOCAL:
        raise NotApplicable(SHARED_HOST)


def _reached(who: Side, targets: list[Target]) -> str:
    """Which of the targets a container of `who` can connect to."""
    inside = next((one["Id"] for one in who.containers if service_of(one) == FROM), None)
    if inside is None:
        raise Undecided(f"no {FROM} of {who.name} runs")
    done = execute_docker("exec", inside, "python", "-S", "-c", _CONNECT, json.dumps(targets))
    if done.returncode != 0:
        raise Undecided(f"the {FROM} of {who.name} cannot be used to try: {last_line(done.stderr)}")
    return ", ".join(f"{host}:{port}" for host, port in json.loads(done.stdout))


def door(side: Side, service: str) -> Address:
    """Where this machine reaches the service.

    Raises:
        NotApplicable: it is in a container and not published; the rows of the network say whether others reach it.
    """
    address = side.instance.address(service)
    if side.mode != LOCAL and address.port not in {port for _, port in _bindings(side)}:
        raise NotApplicable(UNPUBLISHED)
    return address


def inner_addresses(side: Side) -> list[tuple[str, str, int]]:
    """Service, address inside, and port of each container."""
    return [
        (service_of(one), host, port) for one in side.containers for host in _addresses(one) for port in _ports(one)
    ]


def service_of(container: dict[str, Any]) -> str:
    """The service of the compose file that the container runs."""
    return str(container["Config"]["Labels"][SERVICE])


def _networks(container: dict[str, Any]) -> dict[str, Any]:
    return dict(container["NetworkSettings"]["Networks"])


def _addresses(container: dict[str, Any]) -> Iterable[str]:
    return [network["IPAddress"] for network in _networks(container).values() if network["IPAddress"]]


def _ports(container: dict[str, Any]) -> list[int]:
    exposed = {int(name.partition("/")[0]) for name in container["Config"].get("ExposedPorts") or ()}
    return sorted({*exposed, *PORTS.get(service_of(container), ())})


def _bindings(side: Side) -> list[Target]:
    """Address and port of this machine for each port that the instance publishes."""
    ports = [one["NetworkSettings"]["Ports"] or {} for one in side.containers]
    bound = (binding for one in ports for bindings in one.values() for binding in bindings or ())
    return sorted({(binding["HostIp"] or EVERYWHERE, int(binding["HostPort"])) for binding in bound})


def _belongings(side: Side) -> Iterator[str]:
    """Networks and volumes; files of the checkout that nobody can write are everybody's."""
    for one in side.containers:
        yield from (f"network {name}" for name in _networks(one))
        for mount in one["Mounts"]:
            if mount["Type"] == "volume" or mount["RW"]:
                yield f"{mount['Type']} {mount.get('Name') or mount['Source']}"
