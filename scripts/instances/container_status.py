"""The state of every part of an instance in containers: what the engine says, and what a published part answers."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from compose import NoEngine
from containers import Container, Published, containers, published
from instance import Instance
from modes import DOCKER
from probes import PROBES, ask
from programs import ALL
from status import STARTING_SECONDS, InstanceStatus, Status

# A part of local mode has the same name here, but for this one.
SERVICES = {"ray": "ray-head"}
UNPUBLISHED = frozenset({"data-worker", "ai-worker", "beat", "ray"})
# The worst one counts where a service has several containers.
_ORDER = ("failed", "stopped", "starting", "degraded", "healthy")


def inspect_containers(instance: Instance) -> InstanceStatus:
    """Ask every part at once."""
    started = (instance.run / "up").exists()
    try:
        found = containers(instance)
    except NoEngine as error:
        rows = [Status(part, "stopped", "", "", None, str(error)) for part in ALL]
        return InstanceStatus(instance.name, DOCKER, started, rows)
    return InstanceStatus(instance.name, DOCKER, started or bool(found), rows_of(instance, found))


def rows_of(instance: Instance, found: Iterable[Container]) -> list[Status]:
    """One row a part, in the order of local mode; then parts that only containers have, and jobs that failed."""
    by_service: dict[str, list[Container]] = {}
    for container in found:
        by_service.setdefault(container.service, []).append(container)
    known = [SERVICES.get(part, part) for part in ALL]
    others = [name for name, group in by_service.items() if name not in known and _is_shown(group)]
    view = published(instance)
    with ThreadPoolExecutor(max_workers=len(ALL) + len(others)) as pool:
        return list(pool.map(lambda part: _row(view, part, by_service), (*ALL, *others)))


def _is_shown(group: list[Container]) -> bool:
    return not all(one.is_job and (one.state != "exited" or one.exit_code == 0) for one in group)


def _row(view: Published, part: str, by_service: Mapping[str, list[Container]]) -> Status:
    group = by_service.get(SERVICES.get(part, part), [])
    if not group:
        reason = _disabled(view, part)
        return Status(part, "disabled" if reason else "stopped", "", "", None, reason)
    judged = [_judge(view, part, container) for container in group]
    state, note = min(judged, key=lambda one: _ORDER.index(one[0]))
    if len(group) > 1:
        note = "; ".join(filter(None, (f"{len(group)} containers", note)))
    if part in UNPUBLISHED or part not in PROBES or not _is_reached(part, group, by_service):
        return Status(part, state, "", "", None, note)
    if state != "healthy":
        return Status(part, state, view.url(part), "", None, note)
    return _asked(view, part, group, note)


def _disabled(view: Published, part: str) -> str:
    if part == "ray" and not view.ray_enabled:
        return "RAY_ENABLED is false in .env"
    return "FLOWER_ENABLED is false in .env" if part == "flower" and not view.flower_enabled else ""


def _is_reached(part: str, group: list[Container], by_service: Mapping[str, list[Container]]) -> bool:
    # In production the gateways stand behind a proxy, which has their port.
    proxies = by_service.get("edge", []) if part == "api-gateway" else []
    return any(one.is_published for one in (*group, *proxies))


def _judge(view: Published, part: str, container: Container) -> tuple[str, str]:
    """State and note of one container by what the engine says of it."""
    logs = f"./scripts/logs.sh {part} --project {view.name}"
    if container.state == "running" and container.health in {"", "healthy"}:
        return "healthy", f"restarts: {container.restarts}" if container.restarts else ""
    if container.state == "created" or (container.state == "running" and container.health == "starting"):
        return "starting", ""
    if container.state == "running":
        return "failed", f"unhealthy: {container.complaint}; {logs}"
    if container.state == "restarting":
        return "failed", f"ends with {container.exit_code} again and again; {logs}"
    if container.is_job or container.state == "dead":
        return "failed", f"ended with {container.exit_code}; {logs}"
    return "stopped", f"{container.state} with {container.exit_code}" if container.exit_code else container.state


def _asked(view: Published, part: str, group: list[Container], note: str) -> Status:
    begun = time.perf_counter()
    reading = ask(view, part)
    latency = round((time.perf_counter() - begun) * 1000, 1)
    if reading.ok:
        notes = "; ".join(filter(None, (reading.note, note)))
        return Status(
            part, "degraded" if reading.degraded else "healthy", view.url(part), reading.version, latency, notes
        )
    young = max(one.seconds for one in group) < STARTING_SECONDS
    return Status(part, "starting" if young else "failed", view.url(part), reading.version, None, reading.note)
