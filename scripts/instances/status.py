"""The state of every part of an instance: what supervisord says and what the part itself answers."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from instance import Instance
from probes import ask
from programs import ALL, SERVERS
from selection import read_state
from supervisor import Process, Supervisor

# A first start on a slow machine reads a gigabyte of packages from a cold disk.
STARTING_SECONDS = 90
GREEN = frozenset({"healthy", "degraded", "disabled"})


@dataclass(frozen=True)
class Status:
    """One line of the table."""

    service: str
    state: str
    url: str
    version: str
    latency_ms: float | None
    note: str


@dataclass(frozen=True)
class InstanceStatus:
    """One instance: whether anybody started it, and its parts."""

    project: str
    mode: str
    expected: bool
    services: list[Status]

    @property
    def is_green(self) -> bool:
        """Whether every enabled part is healthy or degraded."""
        return all(status.state in GREEN for status in self.services)


def inspect(instance: Instance, services: Iterable[str] = ALL) -> InstanceStatus:
    """Ask every part at once."""
    processes = Supervisor(instance).processes()
    with ThreadPoolExecutor(max_workers=len(ALL)) as pool:
        rows = list(pool.map(lambda service: _status(instance, service, processes), services))
    started = (instance.run / "up").exists()
    return InstanceStatus(instance.name, "local", started or bool(processes), rows)


def as_json(found: Iterable[InstanceStatus]) -> dict[str, object]:
    """The shape that `status.sh --json` promises."""
    return {
        "instances": [
            {"project": one.project, "mode": one.mode, "services": [asdict(status) for status in one.services]}
            for one in found
        ]
    }


def as_table(found: Iterable[InstanceStatus]) -> str:
    """A table for people."""
    rows = [("PROJECT", "SERVICE", "STATE", "URL", "VERSION", "LATENCY", "NOTE")]
    for one in found:
        if not one.expected:
            note = f"./scripts/start-dev.sh --project {one.project}"
            rows.append((one.project, "-", "stopped", "", "", "", note))
            continue
        rows += [(one.project, *_cells(status)) for status in one.services]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(status: Status) -> tuple[str, str, str, str, str, str]:
    latency = "" if status.latency_ms is None else f"{status.latency_ms:.0f} ms"
    return status.service, status.state, status.url, status.version, latency, status.note


def _status(instance: Instance, service: str, processes: dict[str, Process]) -> Status:
    url = "" if service in {"data-worker", "ai-worker", "beat"} else instance.url(service)
    external = service in SERVERS and service != "prometheus" and instance.is_external(service)
    if reason := _disabled(instance, service, processes):
        return Status(service, "disabled", url, "", None, reason)
    process = processes.get(service)
    if not external and (process is None or process.state not in {"RUNNING", "STARTING"}):
        return _not_running(instance, service, url, process)
    started = time.perf_counter()
    reading = ask(instance, service)
    latency = round((time.perf_counter() - started) * 1000, 1)
    if reading.ok:
        notes = [reading.note, "external" if external else _place(instance, service)]
        state = "degraded" if reading.degraded else "healthy"
        return Status(service, state, url, reading.version, latency, "; ".join(filter(None, notes)))
    young = process is not None and process.seconds < STARTING_SECONDS
    return Status(service, "starting" if young else "failed", url, reading.version, None, reading.note)


def _disabled(instance: Instance, service: str, processes: dict[str, Process]) -> str:
    if service == "ray" and not instance.ray_enabled:
        return "RAY_ENABLED is false in .env"
    if service == "flower" and not instance.flower_enabled:
        return "FLOWER_ENABLED is false in .env"
    if service == "prometheus" and processes and service not in processes:
        return "no prometheus on PATH: apt install prometheus, or brew install prometheus"
    return ""


def _not_running(instance: Instance, service: str, url: str, process: Process | None) -> Status:
    if process is None or process.state == "STOPPED":
        return Status(service, "stopped", url, "", None, "")
    # BACKOFF, EXITED, FATAL: it ended by itself.
    note = f"{process.complaint}; ./scripts/logs.sh {service} --project {instance.name}"
    return Status(service, "failed", url, "", None, note)


def _place(instance: Instance, service: str) -> str:
    home = read_state(instance).get("postgres_home", "")
    if service == "postgres" and home and home != str(instance.run):
        return f"data in {home}/postgres"
    return ""
