"""Everything that can be known to be wrong before any container is started."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compose import Compose, Service, docker
from console import Refusal
from containers import Container, containers, project_name
from instance import Instance, all_instances
from ports import Need, holder, is_taken
from preflight import own_run_directory, port_fault, settings_faults
from programs import FLOWER_PASSWORD
from supervisor import Supervisor

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
# It stands in an address as it is, and in Redis's configuration.
PASSWORD = re.compile(r"[A-Za-z0-9._~-]+")
# Which variable says where a service's inner port is published.
PORTS = {
    ("postgres", 5432): "POSTGRES_PORT",
    ("redis", 6379): "REDIS_PORT",
    ("object-store", 9000): "S3_PORT",
    ("object-store", 9001): "S3_CONSOLE_PORT",
    ("api-gateway", 8000): "API_GATEWAY_PORT",
    ("edge", 8080): "API_GATEWAY_PORT",
    ("data-service", 8001): "DATA_SERVICE_PORT",
    ("ai-service", 8002): "AI_SERVICE_PORT",
    ("prometheus", 9090): "PROMETHEUS_PORT",
    ("flower", 5555): "FLOWER_PORT",
    ("grafana", 3000): "GRAFANA_PORT",
    ("alertmanager", 9093): "ALERTMANAGER_PORT",
}
# Said twice in the .env: for programs of this machine in an address, for containers by themselves.
TWICE = {
    "postgres": ("DATABASE_URL", "POSTGRES_PORT", "POSTGRES_PASSWORD"),
    "redis": ("REDIS_URL", "REDIS_PORT", "REDIS_PASSWORD"),
    "object-store": ("S3_ENDPOINT_URL", "S3_PORT", ""),
}


@dataclass(frozen=True)
class Plan:
    """What will run in an instance's containers."""

    compose: Compose
    services: dict[str, Service]


def examine_containers(instances: Iterable[Instance]) -> dict[str, Plan]:
    """Check all instances, start none; returns what will run, by instance name.

    Raises:
        Refusal: lists everything that is wrong, each with what to change.
    """
    plans: dict[str, Plan] = {}
    faults: list[str] = []
    claimed: dict[int, str] = {}
    for instance in instances:
        try:
            plans[instance.name] = _examine(instance, claimed)
        except Refusal as refusal:
            faults += [f"{instance.name}: {line}" for line in str(refusal).splitlines()]
    if faults:
        raise Refusal("nothing was started:\n  " + "\n  ".join(faults))
    return plans


def _examine(instance: Instance, claimed: dict[int, str]) -> Plan:
    if instance.is_private:
        raise Refusal(f"Compose reads {instance.code}/.env, which is not this instance's: start it with --local")
    own_run_directory(instance)
    if not instance.env_file.exists():
        raise Refusal(f"{instance.env_file} is missing: run ./scripts/setup.sh")
    refuse_beside_processes(instance)
    faults = [*_own_faults(instance), *_name_faults(instance)]
    try:
        plan = Plan(Compose(instance), Compose(instance).services())
    except Refusal as refusal:
        raise Refusal("\n".join([*faults, str(refusal)])) from refusal
    if faults := [*faults, *_settings_faults(plan), *_port_faults(plan, claimed)]:
        raise Refusal("\n".join(faults))
    return plan


def refuse_beside_processes(instance: Instance) -> None:
    """An instance runs in one mode at a time."""
    if Supervisor(instance).is_running:
        stop = f"./scripts/stop-dev.sh --project {instance.name} --local"
        raise Refusal(f"it runs as processes of this machine: stop it first with {stop}")


def _own_faults(instance: Instance) -> Iterator[str]:
    """What only containers mind in the .env."""
    for server, (url, port, password) in TWICE.items():
        yield from _disagreements(instance, server, url, port, password)
    database, expected = instance.address("postgres").name, f"ai_platform_{instance.values.get('PROJECT_ID', '')}"
    if database != expected:
        yield f"DATABASE_URL in {instance.env_file} names the database {database}; that of containers is {expected}"
    if instance.flower_enabled and not FLOWER_PASSWORD.fullmatch(instance.values.get("FLOWER_PASSWORD", "")):
        yield f"FLOWER_PASSWORD in {instance.env_file} must be 16 or more letters, digits or any of _.~-"
    shared = instance.code / "shared"
    if shared.stat().st_mode & 0o005 != 0o005 or any(not one.stat().st_mode & 0o004 for one in shared.glob("*.py")):
        yield f"the user of the containers may not read {shared}: chmod -R go+rX it and the folders beside it"


def _disagreements(instance: Instance, server: str, url: str, port: str, password: str) -> Iterator[str]:
    values, address = instance.values, instance.address(server)
    if instance.is_external(server):
        yield f"{url} or EXTERNAL_SERVERS in {instance.env_file} names a server of yours; containers bring their own"
        return
    if values.get(port) != str(address.port):
        yield f"{port} in {instance.env_file} is not the port in {url}, {address.port}: make them equal"
    if password and values.get(password) != address.password:
        yield f"{password} in {instance.env_file} is not the password in {url}: make them equal"
    elif password and not PASSWORD.fullmatch(address.password):
        yield f"{password} in {instance.env_file} must be of letters, digits and any of ._~- for containers"


def _name_faults(instance: Instance) -> Iterator[str]:
    name = project_name(instance)
    if not NAME.fullmatch(name):
        yield f"COMPOSE_PROJECT_NAME in {instance.env_file} must be of lower-case letters, digits, - and _"
        return
    twins = [one.name for one in all_instances() if one.code != instance.code and project_name(one) == name]
    if twins:
        yield f"COMPOSE_PROJECT_NAME in {instance.env_file} is that of {twins[0]} too: change one of them"
    yield from foreign_containers(instance, containers(instance))


def foreign_containers(instance: Instance, found: Iterable[Container]) -> list[str]:
    """Where another checkout has containers under this instance's name."""
    # One that is not there any more was moved, most likely to here.
    others = {Path(one.folder).resolve() for one in found if one.folder and Path(one.folder).is_dir()}
    folders = sorted(others - {instance.code.resolve()})
    return [
        f"containers named {project_name(instance)} belong to {folder}: stop them there, or change "
        f"COMPOSE_PROJECT_NAME in {instance.env_file}"
        for folder in folders
    ]


def _settings_faults(plan: Plan) -> list[str]:
    """What the services would refuse, under the environment that the compose files give them."""
    given = plan.services["api-gateway"].environment.get("ENVIRONMENT")
    return settings_faults(plan.compose.instance, {"ENVIRONMENT": given} if given else {})


def _port_faults(plan: Plan, claimed: dict[int, str]) -> Iterator[str]:
    instance = plan.compose.instance
    running = {one.service for one in containers(instance) if one.state in {"running", "restarting"}}
    for service in plan.services.values():
        for outer, inner in service.ports:
            need = Need(service.name, outer, PORTS.get((service.name, inner), "its port"))
            other = claimed.setdefault(outer, f"{instance.name} {service.name}")
            if other != f"{instance.name} {service.name}":
                yield port_fault(need, f"also wanted by {other}", instance)
            elif service.name not in running and is_taken(outer) and not _is_ours(outer, running, plan):
                yield port_fault(need, f"taken by {_holder(outer)}", instance)


def _is_ours(port: int, running: set[str], plan: Plan) -> bool:
    # Another service of this instance that will go: the proxy when production becomes development, or the reverse.
    held = docker("ps", "--quiet", "--no-trunc", "--filter", f"publish={port}").split()
    return any(one.id in held for one in containers(plan.compose.instance) if one.service in running)


def _holder(port: int) -> str:
    names = docker("ps", "--format", "{{.Names}}", "--filter", f"publish={port}").split()
    return f"the container {names[0]}" if names else holder(port)
