"""The programs of an instance: what runs, how it is started and how it is stopped."""

import hashlib
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from console import Refusal
from instance import Instance
from layout import HTTP_SERVICES, RAY_METRICS_OFFSET, RULES, ray_folder
from selection import Selection

SERVERS = ("postgres", "redis", "object-store", "prometheus", "ray")
WORKERS = ("data-worker", "ai-worker", "beat", "flower")
SERVICES = (*HTTP_SERVICES, *WORKERS)
ALL = ("postgres", "redis", "object-store", "prometheus", "ray", *SERVICES)
GRACE_SECONDS = 20
# What a worker needs to hand tasks back and to close, beside the time that it gives them.
HANDING_BACK_SECONDS = 20
FLOWER_PASSWORD = re.compile(r"[A-Za-z0-9_.~-]{16,}")
RAY_AGENT_OFFSET = 2
# Every driver and worker takes one, and the kernel keeps it for a minute after its end. 30 to 39 are of other programs.
RAY_WORKER_OFFSETS = (*range(10, 30), *range(40, 88))


@dataclass(frozen=True)
class Program:
    """One supervised process."""

    name: str
    command: list[str]
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    stop_seconds: int = GRACE_SECONDS + 10
    stop_group: bool = False
    user: str = ""


def programs(instance: Instance, selection: Selection) -> list[Program]:
    """Everything the instance runs on this machine, servers first."""
    return [*_servers(instance, selection), *_http_services(instance), *_workers(instance)]


def _servers(instance: Instance, selection: Selection) -> Iterator[Program]:
    run = instance.run
    if selection.postgres:
        yield _postgres(instance, selection)
    if selection.redis:
        conf = run / "redis.conf"
        yield _server("redis", run, [str(selection.redis.program), str(conf)], _digest(conf))
    if selection.object_store:
        launcher = run / "run-object-store.sh"
        yield _server("object-store", run, ["/bin/sh", str(launcher)], _digest(launcher) | {"GOMEMLIMIT": "192MiB"})
    if selection.prometheus:
        yield _prometheus(instance, selection.prometheus.program)
    if instance.ray_enabled and not instance.is_external("ray"):
        yield _ray(instance)


def _server(name: str, run: Path, command: list[str], environment: dict[str, str]) -> Program:
    return Program(name, outlived_by_none(command), run, environment)


def _postgres(instance: Instance, selection: Selection) -> Program:
    server = selection.postgres
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(instance.address("postgres").port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "log_timezone": "UTC",
    }
    command = [str(server.program if server else ""), "-D", str(selection.postgres_data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    user = selection.account.name if selection.account else ""
    # INT is PostgreSQL's fast shutdown; TERM would wait for every client to leave.
    return Program("postgres", outlived_by_none(command, "INT"), Path("/"), stop_signal="INT", user=user)


def _prometheus(instance: Instance, program: Path) -> Program:
    run, address = instance.run, instance.address("prometheus")
    command = [
        str(program),
        f"--config.file={run / 'prometheus.yml'}",
        f"--storage.tsdb.path={run / 'prometheus'}",
        "--storage.tsdb.retention.time=15d",
        "--enable-feature=exemplar-storage",
        f"--web.listen-address=127.0.0.1:{address.port}",
        "--log.format=json",
    ]
    # Changed rules, too, are read by a new start.
    return _server("prometheus", run, command, _digest(run / "prometheus.yml", *sorted(RULES.glob("*.yml"))))


def _ray(instance: Instance) -> Program:
    """A Ray head with every port inside the instance's hundred; tokens always, since it listens on all interfaces."""
    port = instance.address("ray").port
    ports = {
        "port": port,
        "dashboard-port": port + 1,
        "dashboard-agent-listen-port": port + RAY_AGENT_OFFSET,
        "dashboard-agent-grpc-port": port + 3,
        "runtime-env-agent-port": port + 4,
        "metrics-export-port": port + RAY_METRICS_OFFSET,
        "object-manager-port": port + 6,
        "node-manager-port": port + 7,
        "ray-client-server-port": port + 8,
        "worker-port-list": ",".join(str(port + offset) for offset in RAY_WORKER_OFFSETS),
    }
    command = [str(_script("ray")), "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--num-gpus=0"]
    command += [f"--{name}={value}" for name, value in ports.items()]
    shown = "true" if instance.ray_dashboard else "false"
    command += [f"--include-dashboard={shown}", "--dashboard-host=127.0.0.1", "--include-log-monitor=false"]
    command += ["--object-store-memory=134217728", f"--temp-dir={ray_folder(instance)}"]
    command += ["--log-color=false", "--disable-usage-stats"]
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": instance.values.get("RAY_AUTH_TOKEN", "")}
    # gRPC's own handling of forks now and then kills a process that the client server starts.
    environment["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    return Program("ray", outlived_by_none(command), instance.run, environment, stop_seconds=15)


def _http_services(instance: Instance) -> Iterator[Program]:
    for name in HTTP_SERVICES:
        command = [*_module("shared.serve"), f"{name}.app.main:app"]
        yield _service(instance, name, command)


def _workers(instance: Instance) -> Iterator[Program]:
    for short in ("data", "ai"):
        command = [*_celery(f"{short}-service"), "worker", "--pool", "threads"]
        command += ["--hostname", worker_name(instance, f"{short}-worker"), "--without-gossip", "--without-mingle"]
        stop_seconds = math.ceil(instance.drain_seconds) + HANDING_BACK_SECONDS
        yield replace(_service(instance, f"{short}-worker", command), stop_seconds=stop_seconds)
    beat = [*_celery("ai-service"), "beat", "--pidfile="]
    yield _service(instance, "beat", beat)
    if instance.flower_enabled:
        yield _flower(instance)


def _flower(instance: Instance) -> Program:
    """Celery's side of the workers in a browser: for looking only, and never without a password."""
    address = instance.address("flower")
    if not FLOWER_PASSWORD.fullmatch(address.password):
        raise Refusal(f"FLOWER_PASSWORD in {instance.env_file} must be 16 or more letters, digits or any of _.~-")
    command = [*_celery("ai-service"), "flower", f"--address={address.host}", f"--port={address.port}"]
    command += ["--read_only=True", "--max_tasks=10000", "--purge_offline_workers=3600"]
    program = _service(instance, "flower", command)
    # In the environment, since every user of the machine sees commands.
    secret = {"FLOWER_BASIC_AUTH": f"{address.user}:{address.password}"}
    return replace(program, environment=program.environment | secret, stop_seconds=10)


def worker_name(instance: Instance, worker: str) -> str:
    """The name under which a worker answers to Celery."""
    return f"{worker}@{instance.name}"


def _service(instance: Instance, name: str, command: list[str]) -> Program:
    environment = {
        "ENV_FILE": str(instance.env_file),
        "PYTHONUNBUFFERED": "1",
    }
    # The digest makes a changed .env a changed program, which the next start restarts.
    environment |= _digest(instance.env_file)
    return Program(name, outlived_by_none(command), instance.code, environment, stop_group=True)


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _celery(service: str) -> list[str]:
    # Its banner is not JSON and would be the start of every log.
    return [*_module("celery"), "--quiet", "-A", f"{service}.app.worker"]


def _script(name: str) -> Path:
    return Path(sys.prefix) / "bin" / name


def _digest(*paths: Path) -> dict[str, str]:
    content = b"".join(path.read_bytes() for path in paths if path.exists())
    return {"CONFIGURATION_DIGEST": hashlib.sha256(content).hexdigest()[:16] if content else ""}


def outlived_by_none(command: list[str], signal: str = "TERM") -> list[str]:
    """The command such that it ends with supervisord, even when that is killed (Linux)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal, *command] if setpriv and os.uname().sysname == "Linux" else command
