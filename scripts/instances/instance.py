"""One project instance in local mode: its folders, its .env and the addresses that the .env names."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from dotenv import dotenv_values

from console import Refusal

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
URL_VARIABLES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "object-store": "S3_ENDPOINT_URL"}
PORT_VARIABLES = {
    "api-gateway": "API_GATEWAY_PORT",
    "data-service": "DATA_SERVICE_PORT",
    "ai-service": "AI_SERVICE_PORT",
    "prometheus": "PROMETHEUS_PORT",
}
# Where workers show their metrics; 0 for nowhere.
METRICS_VARIABLES = {"data-worker": "DATA_WORKER_METRICS_PORT", "ai-worker": "AI_WORKER_METRICS_PORT"}

FLOWER_OFFSET = 40
FLOWER_USER = "admin"
WORKER_DRAIN_SECONDS = 15.0


@dataclass(frozen=True)
class Address:
    """Where a server listens and how to log in."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    name: str = ""


@dataclass(frozen=True)
class Instance:
    """An instance by name, number and project folder; everything else follows from these."""

    name: str
    number: int
    code: Path
    home: Path = RUN

    @property
    def run(self) -> Path:
        """Where everything the instance writes in local mode is kept."""
        return self.home / self.name

    @property
    def logs(self) -> Path:
        """One file a service."""
        return self.run / "logs"

    @property
    def is_private(self) -> bool:
        """Whether this is a throw-away instance on another instance's code, as tests use."""
        return self.code.name != f"backend-{self.name}"

    @property
    def env_file(self) -> Path:
        """The one truth about ports, addresses and secrets."""
        return (self.run if self.is_private else self.code) / ".env"

    @cached_property
    def values(self) -> dict[str, str]:
        """The variables of the .env, over those of .env.example."""
        files = (self.code / ".env.example", self.env_file)
        return {name: value or "" for file in files for name, value in read_variables(file).items()}

    def url(self, service: str) -> str:
        """Where a person finds the service, without credentials."""
        if service in PORT_VARIABLES:
            return f"http://{self.values.get('BIND_HOST') or '127.0.0.1'}:{self.address(service).port}"
        address = self.address(service)
        if service == "flower":
            return f"http://{address.host}:{address.port}"
        # Ray's head takes a bare address; ray:// would be its client's door, which is another port.
        scheme = {"postgres": "postgresql://", "redis": "redis://", "object-store": "http://", "ray": ""}[service]
        return f"{scheme}{address.host}:{address.port}" + (f"/{address.name}" if address.name else "")

    def address(self, service: str) -> Address:
        """Where the service listens.

        Raises:
            Refusal: the variable that says so is unusable; names the variable.
        """
        if service in PORT_VARIABLES:
            host = self.values.get("BIND_HOST") or "127.0.0.1"
            return Address("127.0.0.1" if host == "0.0.0.0" else host, self._port(PORT_VARIABLES[service]))  # noqa: S104
        if service == "flower":
            port = self._port("API_GATEWAY_PORT") + FLOWER_OFFSET
            return Address("127.0.0.1", port, FLOWER_USER, self.values.get("FLOWER_PASSWORD", ""))
        if service == "ray":
            return _ray_address(self.values.get("RAY_ADDRESS", ""))
        parts = self._parts(URL_VARIABLES[service])
        return Address(
            parts.hostname or "",
            parts.port or 0,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            parts.path.strip("/"),
        )

    def is_external(self, server: str) -> bool:
        """Whether somebody else runs this server: it is on another host, or EXTERNAL_SERVERS names it."""
        named = {word.strip() for word in self.values.get("EXTERNAL_SERVERS", "").split(",")}
        return server in named or self.address(server).host not in LOOPBACK

    def metrics_port(self, worker: str) -> int:
        """The port at which a worker shows its metrics; 0 for none.

        Raises:
            Refusal: the variable that says so is unusable; names the variable.
        """
        variable = METRICS_VARIABLES[worker]
        return 0 if self.values.get(variable, "0") in {"", "0"} else self._port(variable)

    @property
    def ray_enabled(self) -> bool:
        """Whether this instance has a Ray cluster."""
        return _is_true(self.values.get("RAY_ENABLED", "true"))

    @property
    def ray_dashboard(self) -> bool:
        """Whether the Ray head shows its dashboard."""
        return _is_true(self.values.get("RAY_DASHBOARD", "false"))

    @property
    def flower_enabled(self) -> bool:
        """Whether Flower runs beside the workers."""
        return _is_true(self.values.get("FLOWER_ENABLED", "false"))

    @property
    def drain_seconds(self) -> float:
        """How long a worker that is asked to stop lets its tasks go on.

        Raises:
            Refusal: the variable that says so is no number.
        """
        value = self.values.get("WORKER_DRAIN_SECONDS") or WORKER_DRAIN_SECONDS
        try:
            return float(value)
        except ValueError as error:
            raise Refusal(f"WORKER_DRAIN_SECONDS in {self.env_file} must be a number of seconds") from error

    def _parts(self, variable: str) -> SplitResult:
        parts = urlsplit(self.values.get(variable, ""))
        try:
            complete = bool(parts.hostname and parts.port)
        except ValueError:
            complete = False
        if not complete:
            raise Refusal(f"{variable} in {self.env_file} must name a host and a port, like {_EXAMPLES[variable]}")
        return parts

    def _port(self, variable: str) -> int:
        value = self.values.get(variable, "")
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise Refusal(f"{variable} in {self.env_file} must be a port from 1 to 65535")
        return int(value)


def _is_true(value: str) -> bool:
    return value.strip().lower() in {"1", "true", "yes", "on"}


def read_variables(path: Path) -> dict[str, str | None]:
    """The variables of an .env file; none if it does not exist.

    Raises:
        Refusal: it is not text in UTF-8.
    """
    try:
        return dotenv_values(path)
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not text in UTF-8 (byte {error.start}): save it as UTF-8") from error


def read_facts(path: Path) -> dict[str, Any]:
    """What an earlier start wrote down in JSON.

    Raises:
        OSError: there is no such file.
        Refusal: the file is damaged.
    """
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise Refusal(f"{path} is damaged: restore it from a backup, or remove {path.parent} and its data") from error
    return facts


def write_facts(path: Path, facts: Mapping[str, object]) -> None:
    """Write them at once or not at all: an interrupted start must not lose where its data is."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(facts, indent=1) + "\n")
    draft.replace(path)


_EXAMPLES = {
    "DATABASE_URL": "postgresql://postgres:PASSWORD@127.0.0.1:5432/NAME",
    "REDIS_URL": "redis://:PASSWORD@127.0.0.1:6379/0",
    "S3_ENDPOINT_URL": "http://127.0.0.1:9000",
}


def _ray_address(value: str) -> Address:
    host, _, port = value.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise Refusal("RAY_ADDRESS must be HOST:PORT, like 127.0.0.1:8010")
    return Address(host, int(port))


def all_instances() -> list[Instance]:
    """The instances of this checkout, by number."""
    found = (re.fullmatch(r"backend-(pro(\d+))", folder.name) for folder in ROOT.iterdir())
    instances = [Instance(match[1], int(match[2]), ROOT / match[0]) for match in found if match]
    return sorted(instances, key=lambda instance: instance.number)


def find(names: Iterable[str]) -> list[Instance]:
    """Instances by name, private ones included; `all` means those of the checkout.

    Raises:
        Refusal: there is none of that name.
    """
    known = {instance.name: instance for instance in all_instances()}
    found: list[Instance] = []
    for name in names:
        found += all_instances() if name == "all" else [known.get(name) or _private(name)]
    return found


def remember(instance: Instance) -> None:
    """Write down a private instance, so that its name finds it again."""
    instance.run.mkdir(parents=True, exist_ok=True)
    facts = {"name": instance.name, "number": instance.number, "code": instance.code.name}
    write_facts(instance.run / "instance.json", facts)


def _private(name: str) -> Instance:
    try:
        facts = read_facts(RUN / name / "instance.json")
    except OSError as error:
        there = " ".join(instance.name for instance in all_instances())
        raise Refusal(f"no instance '{name}'; there are: {there}") from error
    return Instance(name, facts["number"], ROOT / facts["code"])
