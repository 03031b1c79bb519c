"""An instance of its own for the long form: its services reach the servers, and each other, through proxies only."""

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from console import Refusal, note
from environment import ensure_env
from instance import ROOT, URL_VARIABLES, Instance, remember
from lifecycle import bring_down, bring_up, locked, purge
from preflight import examine
from programs import WORKERS, Program, programs
from selection import Selection
from supervisor import Supervisor

from ..adversarial.places import Place
from .processes import Processes
from .proxy import FaultProxy, Proxies

CODE = "backend-pro1"
# A service may take minutes to start beside others.
START_SECONDS = 600.0
# Where the proxies listen: beyond what an instance uses of its hundred ports.
PROXY_OFFSETS = {"postgres": 90, "redis": 91, "object-store": 92, "data-service": 93, "ai-service": 94}
LINKS = {"data-service": "DATA_SERVICE_URL", "ai-service": "AI_SERVICE_URL"}
# Second workers: only beside them can a lease run out and the work go to somebody else.
EXTRA_WORKERS = ("data-worker-2", "ai-worker-2")
SETTINGS = {
    "BCRYPT_ROUNDS": "10",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "120",
    "RATE_LIMIT_DEFAULT": "100000",
    "RATE_LIMIT_ANONYMOUS": "100000",
    "RATE_LIMIT_AUTH": "10000",
    "RATE_LIMIT_UPLOAD": "100000",
    "QUERY_TASK_TIMEOUT_SECONDS": "6",
    "TASK_MEMORY_LIMIT_MB": "768",
    "QUOTA_RUNNING_TASKS": "64",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What the long form plays on."""

    stores: Instance
    services: Instance
    proxies: Proxies

    @property
    def place(self) -> Place:
        return Place(self.services)

    @property
    def processes(self) -> Processes:
        return Processes(self.services, self.stores)

    @property
    def database_url(self) -> str:
        """Past the proxy."""
        return self.stores.values["DATABASE_URL"].replace("+asyncpg", "")

    @property
    def redis_url(self) -> str:
        """Past the proxy."""
        return self.stores.values["REDIS_URL"]

    def targets(self) -> dict[int, str]:
        """What the services connect to: the servers, and each other, by port."""
        return {_port(self.services.number, offset): name for name, offset in PROXY_OFFSETS.items()}

    def supervisor(self, program: str) -> Supervisor:
        """Whose program this is."""
        own = Supervisor(self.stores)
        return own if program in own.processes() else Supervisor(self.services)

    def restart_workers(self, **settings: str) -> None:
        """All workers begin anew, under other settings."""
        write_settings(self.services.env_file, settings)
        workers = [*WORKERS, *EXTRA_WORKERS]
        supervisor = Supervisor(self.services)
        supervisor.stop(workers)
        supervisor.start(workers)


@contextmanager
def staged(name: str, number: int, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """The instance runs while the block does, under some more `settings`. Its data stays: `clear` removes it."""
    stores = Instance(f"{name}-stores", number, ROOT / CODE)
    services = Instance(name, number, ROOT / CODE)
    clear(name, number)
    with ExitStack() as stack:
        stack.callback(bring_down, stores)
        stores = _prepared(stores, {"RAY_ENABLED": "false", "PROMETHEUS_PORT": str(_port(number, 95))})
        _up(stores, servers_only=True)
        proxies = stack.enter_context(Proxies([_proxy(name, number, stores, services) for name in PROXY_OFFSETS]))
        stack.callback(bring_down, services)
        services = _prepared(services, SETTINGS | dict(_addresses(stores, number)) | dict(settings or {}))
        _up_at_last(services)
        _add_workers(services)
        yield Stage(stores, services, proxies)


def clear(name: str, number: int) -> None:
    """Remove what an earlier run left, which may still run."""
    for instance in (Instance(name, number, ROOT / CODE), Instance(f"{name}-stores", number, ROOT / CODE)):
        if instance.run.exists():
            bring_down(instance)
            purge(instance)


def write_settings(file: Path, settings: Mapping[str, str]) -> None:
    """Set variables of an .env file, also such that it only mentions."""
    text = file.read_text()
    for name, value in settings.items():
        text, found = re.subn(rf"^#?{name}=.*$", lambda _, line=f"{name}={value}": line, text, flags=re.MULTILINE)  # type: ignore[misc]
        text += "" if found else f"{name}={value}\n"
    draft = Path(tempfile.mkstemp(dir=file.parent)[1])
    draft.write_text(text)
    draft.replace(file)


def _prepared(instance: Instance, settings: Mapping[str, str]) -> Instance:
    remember(instance)
    ensure_env(instance)
    write_settings(instance.env_file, settings)
    # Its values are remembered from the first look.
    return replace(instance)


def _up(instance: Instance, *, servers_only: bool) -> None:
    with locked(instance):
        selections = examine([instance], {instance.name: instance.values.get("LOCAL_SERVERS") or "auto"})
        bring_up(instance, selections[instance.name], restart=False, servers_only=servers_only)


def _up_at_last(instance: Instance) -> None:
    """The same on a machine so busy that something is not there in time: what has begun goes on, the rest is begun."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            _up(instance, servers_only=False)
        except Refusal as refusal:
            note(str(refusal).partition("\n")[0])
            time.sleep(1.0)
        else:
            return
    _up(instance, servers_only=False)


def _addresses(stores: Instance, number: int) -> Iterator[tuple[str, str]]:
    for server, variable in URL_VARIABLES.items():
        parts = urlsplit(stores.values[variable])
        login, at, _ = parts.netloc.rpartition("@")
        address = f"{login}{at}127.0.0.1:{_port(number, PROXY_OFFSETS[server])}"
        # Without a question for TLS first, the proxy sees from the first bytes what a connection is for.
        query = "sslmode=disable" if server == "postgres" else parts.query
        yield variable, urlunsplit(parts._replace(netloc=address, query=query))
    for service, variable in LINKS.items():
        yield variable, f"http://127.0.0.1:{_port(number, PROXY_OFFSETS[service])}"
    yield "EXTERNAL_SERVERS", ",".join(URL_VARIABLES)
    for variable in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET"):
        yield variable, stores.values[variable]


def _proxy(name: str, number: int, stores: Instance, services: Instance) -> FaultProxy:
    if name in LINKS:
        offset = {"data-service": 1, "ai-service": 2}[name]
        target = ("127.0.0.1", _port(number, offset))
    else:
        address = stores.address(name)
        target = (address.host, address.port)
    return FaultProxy(name, _port(number, PROXY_OFFSETS[name]), target)


def _port(number: int, offset: int) -> int:
    return 8000 + 100 * (number - 1) + offset


def _add_workers(services: Instance) -> None:
    """Let supervisord run a second worker of each service beside the first."""
    nothing = Selection(None, None, None, None, None, services.run)
    known = programs(services, nothing)
    supervisor = Supervisor(services)
    supervisor.configure([*known, *(_twin(program) for program in known if f"{program.name}-2" in EXTRA_WORKERS)])
    supervisor.ensure()
    supervisor.start(EXTRA_WORKERS)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if all(supervisor.processes()[name].state == "RUNNING" for name in EXTRA_WORKERS):
            return
        time.sleep(0.1)
    raise AssertionError("the second workers do not start")


def _twin(program: Program) -> Program:
    name = f"{program.name}-2"
    command = [part.replace(f"{program.name}@", f"{name}@") for part in program.command]
    return replace(program, name=name, command=command)
