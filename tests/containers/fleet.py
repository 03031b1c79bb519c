"""The instances in containers as the tests see them: what the engine says and what runs inside."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx

from .tree import STATE, TREE, compose_name, variables

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
CLIENT = STATE / "client"
COMPOSE_FILES = (
    ("docker-compose.yml",),
    ("docker-compose.yml", "docker-compose.override.yml"),
    ("docker-compose.yml", "docker-compose.prod.yml"),
    ("docker-compose.yml", "docker-compose.override.yml", "docker-compose.seaweedfs.yml"),
    ("docker-compose.yml", "docker-compose.prod.yml", "docker-compose.seaweedfs.yml"),
)
PROFILES = "ray,ray-worker,flower,grafana,alertmanager"
OURS = ("api-gateway", "data-service", "ai-service", "data-worker", "ai-worker", "beat", "ray-head")
JOBS = ("migrate", "bucket")
STORES = ("postgres", "redis", "object-store")
T = TypeVar("T")


@dataclass(frozen=True)
class Version:
    """One Compose, and what selects it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]

    def config(self, folder: Path, files: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """The compose files put together, all profiles included."""
        chosen = {"COMPOSE_FILE": ":".join(files), "COMPOSE_PROFILES": PROFILES}
        environment = {**os.environ, **self.environment, **chosen}
        return subprocess.run(
            [*self.command, "config"], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )


@cache
def versions() -> tuple[Version, ...]:
    """The versions of Compose that this machine has, the newest first."""
    there = Version("v2", ("docker", "compose"), {})
    brought = Version("v2", ("docker", "compose"), {"DOCKER_CONFIG": str(CLIENT)})
    old = Version("1.29.2", ("docker-compose",), {})
    found = [next((one for one in (there, brought) if _works(one)), None), old if _works(old) else None]
    return tuple(one for one in found if one is not None)


def _works(version: Version) -> bool:
    environment = {**os.environ, **version.environment}
    try:
        done = subprocess.run(
            [*version.command, "version"], env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return False
    found = re.search(r"ompose version v?(\d+)", done.stdout)
    return found is not None and (version.name == "v2") == (int(found[1]) >= 2)


def docker(*arguments: str) -> str:
    """What docker prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def script(name: str, *arguments: str, version: Version | None = None) -> subprocess.CompletedProcess[str]:
    """One of the copy's scripts, with this Compose."""
    environment = {**os.environ, **(version or versions()[0]).environment, "VENV": sys.prefix}
    command = [str(TREE / "scripts" / name), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def until(question: Callable[[], T | None], seconds: float = 60) -> T:
    """The first answer; the question is put again while there is none, or while nobody is there who could answer."""
    deadline = time.monotonic() + seconds
    trouble = ""
    while time.monotonic() < deadline:
        try:
            if answer := question():
                return answer
        except httpx.TransportError as error:
            trouble = type(error).__name__
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s {trouble}")


@dataclass(frozen=True)
class House:
    """One instance in containers."""

    project: str

    @property
    def values(self) -> dict[str, str]:
        """The variables of its .env."""
        return variables(self.project)

    @property
    def gateway(self) -> str:
        """Where it is published."""
        return f"http://127.0.0.1:{self.values['API_GATEWAY_PORT']}"

    def things(self, kind: str, *options: str) -> list[str]:
        """Ids of its containers, networks or volumes (`container`, …) that are there."""
        label = f"label={PROJECT}={compose_name(self.project)}"
        return docker(kind, "ls", "--quiet", *options, "--filter", label).split()

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each running container, by service."""
        ids = self.things("container", "--no-trunc")
        found: list[dict[str, Any]] = json.loads(docker("inspect", *ids)) if ids else []
        return {facts["Config"]["Labels"][SERVICE]: facts for facts in found}

    def container(self, service: str) -> dict[str, Any]:
        """The same of one."""
        return self.containers()[service]

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in its container."""
        return subprocess.run(
            ["docker", "exec", self.container(service)["Id"], *command],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def states(self) -> dict[str, str]:
        """The state of every part, as status.sh says it."""
        done = script("status.sh", "--project", self.project, "--docker", "--json")
        (instance,) = json.loads(done.stdout)["instances"]
        assert instance["mode"] == "docker"
        return {part["service"]: part["state"] for part in instance["services"]}

    def troubles(self) -> dict[str, str]:
        """What is not green of it."""
        return {part: state for part, state in self.states().items() if state not in {"healthy", "disabled"}}

    def addresses(self, service: str) -> Iterator[str]:
        """Its addresses in the networks it is in."""
        for network in self.container(service)["NetworkSettings"]["Networks"].values():
            yield network["IPAddress"]

    def remove(self) -> None:
        """Leave nothing of it behind: containers, networks, volumes."""
        for kind, options in (("container", ("--all",)), ("network", ()), ("volume", ())):
            for one in self.things(kind, *options):
                subprocess.run(
                    ["docker", kind, "rm", *(("--force", "--volumes") if kind == "container" else ()), one],
                    capture_output=True, check=False,
                )  # fmt: skip
