"""The containers of an instance: what the engine knows of each, and where they are reached from this machine."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from compose import docker, execute_docker
from console import Refusal
from instance import LOOPBACK, URL_VARIABLES, Address, Instance

PROJECT = "com.docker.compose.project"
FOLDER = "com.docker.compose.project.working_dir"
SERVICE = "com.docker.compose.service"
EVERYWHERE = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True)
class Container:
    """One container, as the engine sees it."""

    id: str
    service: str
    folder: str
    state: str
    health: str
    exit_code: int
    restarts: int
    started_at: str
    is_published: bool
    is_job: bool
    complaint: str

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        # The engine writes nanoseconds.
        started = datetime.fromisoformat(self.started_at[:19]).replace(tzinfo=UTC)
        return (datetime.now(UTC) - started).total_seconds()


@dataclass(frozen=True)
class Published(Instance):
    """An instance in containers as it is reached from this machine: inside, addresses are others."""

    @cached_property
    def values(self) -> dict[str, str]:
        """The variables of the .env, with the address on which containers are published."""
        values = dict(super().values)
        host = values.get("PUBLISH_HOST") or "127.0.0.1"
        values["BIND_HOST"] = host
        for name in URL_VARIABLES.values():
            values[name] = _at(values.get(name, ""), "127.0.0.1" if host == EVERYWHERE else host)
        return values

    def address(self, service: str) -> Address:
        """Where the service is published."""
        found = super().address(service)
        if service != "flower":
            return found
        return Address(super().address("api-gateway").host, self._port("FLOWER_PORT"), found.user, found.password)


def _at(url: str, host: str) -> str:
    """The address with another host, where it names this machine."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        return url
    before, separator, _ = parts.netloc.rpartition("@")
    port = parts.netloc.rpartition(":")[2]
    return parts._replace(netloc=f"{before}{separator}{host}:{port}").geturl()


def published(instance: Instance) -> Published:
    """The instance as its containers are reached."""
    return Published(instance.name, instance.number, instance.code, instance.home)


def project_name(instance: Instance) -> str:
    """What the instance's containers, networks and volumes are labelled with."""
    return instance.values.get("COMPOSE_PROJECT_NAME", "")


def containers(instance: Instance) -> list[Container]:
    """Its containers, running or not.

    Raises:
        NoEngine: no engine answers.
    """
    label = f"label={PROJECT}={project_name(instance)}"
    ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
    return sorted((_container(facts) for facts in inspect(ids)), key=lambda one: (one.service, one.id))


def inspect(ids: Sequence[str]) -> list[dict[str, Any]]:
    """What the engine knows of these containers, without those that have gone meanwhile."""
    if not ids:
        return []
    found: list[dict[str, Any]] = json.loads(execute_docker("inspect", "--type", "container", *ids).stdout or "[]")
    return [facts for facts in found if facts["Config"]["Labels"].get("com.docker.compose.oneoff") != "True"]


def _container(facts: dict[str, Any]) -> Container:
    labels, state = facts["Config"]["Labels"], facts["State"]
    health = state.get("Health") or {}
    return Container(
        id=facts["Id"],
        service=labels[SERVICE],
        folder=labels.get(FOLDER, ""),
        state=state["Status"],
        health=health.get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=facts["RestartCount"],
        started_at=state["StartedAt"],
        is_published=bool(facts["HostConfig"].get("PortBindings")),
        is_job=facts["HostConfig"]["RestartPolicy"]["Name"] in {"", "no"},
        complaint=_complaint(health),
    )


def _complaint(health: dict[str, Any]) -> str:
    log = health.get("Log") or []
    return (log[-1]["Output"].strip().splitlines() or [""])[-1][:200] if log and log[-1]["ExitCode"] else ""


def running(instance: Instance, service: str) -> str:
    """The id of a running container of the service.

    Raises:
        Refusal: there is none.
    """
    for container in containers(instance):
        if container.service == service and container.state == "running":
            return container.id
    raise Refusal(
        f"{instance.name}: no container of {service} runs: ./scripts/start-dev.sh --project {instance.name} --docker"
    )
