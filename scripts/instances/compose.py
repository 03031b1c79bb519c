"""Find docker and Compose, and call them for one instance with what they may see of the caller's environment."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from console import Refusal
from environment import inherited
from instance import Instance

# Where the engine is and how one logs in at registries; everything else is the .env's to say.
_OF_DOCKER = re.compile(r"DOCKER_|BUILDKIT_|BUILDX_|XDG_RUNTIME_DIR$|XDG_CONFIG_HOME$|SSH_AUTH_SOCK$")
_NO_ENGINE = re.compile(
    r"cannot connect to|error during connect|failed to connect|permission denied while", re.IGNORECASE
)
# All that the compose files have: Compose v2 leaves the containers of a profile that it is not told of.
PROFILES = ("ray", "ray-worker", "flower", "grafana", "alertmanager")
# Cores that containers are given unless the .env says how many; the engine refuses more than it has.
CPU_LIMITS = (
    "POSTGRES_CPUS",
    "S3_CPUS",
    "API_GATEWAY_CPUS",
    "DATA_SERVICE_CPUS",
    "AI_SERVICE_CPUS",
    "DATA_WORKER_CPUS",
    "AI_WORKER_CPUS",
    "RAY_CPUS",
    "EDGE_CPUS",
)  # fmt: skip
DEFAULT_CPUS = 2
LAST_LINES = 15
INSTALL = (
    "install Docker (Debian and Ubuntu: apt install docker.io docker-compose; macOS: Docker Desktop), or use --local"
)


class NoEngine(Refusal):
    """There is no docker command, or no engine answers it."""


@dataclass(frozen=True)
class Service:
    """One service of the compose files, with every variable replaced."""

    name: str
    image: str
    target: str = ""
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[tuple[int, int], ...] = ()
    is_job: bool = False
    profiles: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def execute(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its output taken as text."""
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def docker_environment() -> dict[str, str]:
    """What docker and Compose may see of the caller's environment."""
    return inherited() | {name: value for name, value in os.environ.items() if _OF_DOCKER.match(name)}


def docker(*arguments: str) -> str:
    """What `docker ARGUMENTS` prints.

    Raises:
        NoEngine: docker is not installed, or its engine does not answer.
        Refusal: the engine refuses; holds the end of what it says.
    """
    done = execute_docker(*arguments)
    if done.returncode != 0:
        raise Refusal(f"docker {arguments[0]}: {last_line(done.stderr)}")
    return done.stdout


def execute_docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `docker ARGUMENTS`, which may fail.

    Raises:
        NoEngine: docker is not installed, or its engine does not answer.
    """
    try:
        done = execute(("docker", *arguments), docker_environment())
    except FileNotFoundError as error:
        raise NoEngine(f"there is no docker command: {INSTALL}") from error
    if done.returncode != 0 and _NO_ENGINE.search(done.stderr):
        raise NoEngine(f"no Docker engine answers: start it, or use --local ({last_line(done.stderr)})")
    return done


def last_line(text: str) -> str:
    """The last thing that a program said."""
    return (text.strip().splitlines() or ["no reason given"])[-1]


@cache
def compose_command() -> tuple[str, ...]:
    """How Compose is called here: version 2 where docker has it, else docker-compose.

    Raises:
        NoEngine: neither is installed.
    """
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]) and execute((*command, "version"), docker_environment()).returncode == 0:
            return command
    raise NoEngine(f"there is neither `docker compose` nor docker-compose: {INSTALL}")


def active_profiles(instance: Instance) -> list[str]:
    """Optional parts that the .env switches on."""
    named = [word.strip() for word in instance.values.get("COMPOSE_PROFILES", "").split(",")]
    switched = {"ray": instance.ray_enabled, "flower": instance.flower_enabled}
    return sorted({*filter(None, named), *(name for name, is_on in switched.items() if is_on)})


@dataclass(frozen=True)
class Compose:
    """Compose in an instance's project folder, where its .env is."""

    instance: Instance

    def run(self, *arguments: str, every_profile: bool = False) -> str:
        """What Compose prints.

        Raises:
            Refusal: it fails; holds the end of what it says. Or the instance is a private one.
        """
        if self.instance.is_private:
            # What stands in that folder is another instance, with containers and data of its own.
            raise Refusal(f"{self.instance.name} has no containers: Compose would take those of {self.instance.code}")
        done = execute(self.command(*arguments), self.environment(every_profile=every_profile), self.instance.code)
        if done.returncode != 0:
            end = "\n  ".join(done.stderr.strip().splitlines()[-LAST_LINES:])
            raise Refusal(f"{self.instance.name}: {' '.join(self.command(arguments[0]))} failed:\n  {end}")
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        """The words of a call."""
        return [*compose_command(), *arguments]

    def environment(self, *, every_profile: bool = False) -> dict[str, str]:
        """What Compose sees beside the .env."""
        profiles = {*active_profiles(self.instance), *(PROFILES if every_profile else ())}
        return docker_environment() | self._limits() | {"COMPOSE_PROFILES": ",".join(sorted(profiles))}

    def services(self) -> dict[str, Service]:
        """The services that the .env switches on."""
        on = set(active_profiles(self.instance))
        found = yaml.safe_load(self.run("config"))["services"]
        services = (_service(name, facts) for name, facts in found.items())
        return {one.name: one for one in services if not one.profiles or on.intersection(one.profiles)}

    def _limits(self) -> dict[str, str]:
        cores = engine_cores()
        if cores >= DEFAULT_CPUS:
            return {}
        return {name: str(cores) for name in CPU_LIMITS if not self.instance.values.get(name)}


@cache
def engine_cores() -> int:
    """How many cores the engine has; asking it also tells whether there is one."""
    answer = docker("info", "--format", "{{.NCPU}}").strip()
    if not answer.isdecimal() or answer == "0":
        raise NoEngine("no Docker engine answers: start it, or use --local")
    return int(answer)


def require_engine() -> None:
    """Refuse to go on where docker, Compose or an engine is missing.

    Raises:
        NoEngine: says what to install or to start.
    """
    engine_cores()
    compose_command()


def _service(name: str, facts: Mapping[str, Any]) -> Service:
    build = facts.get("build") or {}
    return Service(
        name=name,
        image=facts["image"],
        target=build.get("target", ""),
        build_arguments={key: str(value) for key, value in (build.get("args") or {}).items()},
        ports=tuple(_ports(facts.get("ports") or ())),
        # YAML 1.1 reads a bare `no` as false.
        is_job=facts.get("restart") in {"no", False},
        profiles=tuple(facts.get("profiles") or ()),
        environment={key: str(value) for key, value in (facts.get("environment") or {}).items()},
    )


def _ports(entries: Sequence[str | Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Published and inner ports: version 1 writes them as text, version 2 as a mapping."""
    for entry in entries:
        if isinstance(entry, str):
            *_, outer, inner = entry.partition("/")[0].split(":")
        else:
            outer, inner = entry["published"], entry["target"]
        yield int(outer), int(inner)
