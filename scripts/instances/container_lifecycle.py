"""Bring an instance's containers up and watch each part until it works; down again; and delete their data."""

import json
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from compose import LAST_LINES, Compose, docker, execute_docker
from console import Refusal, note
from container_preflight import Plan, foreign_containers
from container_status import SERVICES as RENAMED
from container_status import rows_of
from containers import PROJECT, Container, containers, project_name
from images import ensure_images
from instance import Instance
from modes import DOCKER, forget_mode, remember_mode
from programs import SERVICES
from status import GREEN

# Since the last part that became ready; the first start of a database on a slow disk takes the longest.
PATIENCE_SECONDS = 240
PAUSE_SECONDS = 0.5
# On a machine that is busy a part may be unwell for a while and recover.
UNHEALTHY_SECONDS = 90
# A service that ends that often has not just been early.
RESTARTS = 3
PARTS = {service: part for part, service in RENAMED.items()}


def bring_containers_up(instance: Instance, plan: Plan, *, restart: bool) -> bool:
    """Start what does not run, as the compose files have it now; returns whether anything changed.

    Raises:
        Refusal: an image is missing, or a part does not come up; says which, and shows the end of its log.
    """
    ensure_images(instance, plan.services)
    begun = time.monotonic()
    before = containers(instance)
    remember_mode(instance, DOCKER)
    (instance.run / "up").touch()
    _remove_switched_off(before, plan)
    if restart and before:
        plan.compose.run("stop", *(name for name in plan.services if name in SERVICES))
    _up_and_watch(instance, plan, before)
    lives = {(one.id, one.started_at) for one in before}
    fresh = {one.service for one in containers(instance) if (one.id, one.started_at) not in lives}
    if started := sorted(PARTS.get(name, name) for name in fresh - _jobs(plan)):
        note(f"{instance.name} is ready after {time.monotonic() - begun:.1f} s; started: {', '.join(started)}")
    return bool(started)


def _remove_switched_off(found: Iterable[Container], plan: Plan) -> None:
    """Ray and Flower go when the .env switches them off; Compose would let them run."""
    for container in found:
        if container.service in {"ray-head", "flower"} - set(plan.services):
            docker("stop", container.id)
            docker("rm", container.id)


def _scales(found: Iterable[Container]) -> list[str]:
    """Keep as many containers of a service as somebody asked for by --scale."""
    counts: dict[str, int] = {}
    for container in found:
        counts[container.service] = counts.get(container.service, 0) + 1
    return [word for name, count in counts.items() if count > 1 for word in ("--scale", f"{name}={count}")]


def _up_and_watch(instance: Instance, plan: Plan, before: list[Container]) -> None:
    log = instance.logs / "compose.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = plan.compose.command(
        "--ansi", "never", "up", "--detach", "--no-build", "--remove-orphans", *_scales(before)
    )
    with log.open("w") as file, subprocess.Popen(
        command, cwd=instance.code, env=plan.compose.environment(), stdout=file, stderr=subprocess.STDOUT
    ) as process:  # fmt: skip
        try:
            _Watch(instance, plan, before).until_ready(process, log)
        finally:
            process.terminate()


class _Watch:
    """Says of each part when it is ready, and raises when one cannot become so."""

    def __init__(self, instance: Instance, plan: Plan, before: Iterable[Container]) -> None:
        self._instance = instance
        self._before = {(one.id, one.started_at): one for one in before}
        self._begun = self._last = time.monotonic()
        self._jobs = _jobs(plan)
        self._wanted = {PARTS.get(name, name) for name in plan.services if name not in self._jobs}
        self._said: set[str] = set()
        self._unhealthy_since: dict[str, float] = {}

    def until_ready(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        """Watch until Compose has done its part and every service works."""
        while True:
            is_done = process.poll() is not None
            found = containers(self._instance)
            self._look_for_failures(found)
            if is_done and process.returncode:
                raise Refusal(f"{self._instance.name}: Compose failed; {log} ends with:{_indented(log.read_text())}")
            waiting = self._still_waiting(found)
            if is_done and not waiting:
                return
            if time.monotonic() - self._last > PATIENCE_SECONDS:
                names = ", ".join(waiting) or "Compose"
                raise Refusal(
                    f"{self._instance.name}: nothing moved for {PATIENCE_SECONDS} s; still waiting for {names}"
                )
            time.sleep(PAUSE_SECONDS)

    def _still_waiting(self, found: list[Container]) -> list[str]:
        rows = [row for row in rows_of(self._instance, found) if row.service in self._wanted]
        fresh = {PARTS.get(one.service, one.service) for one in found if (one.id, one.started_at) not in self._before}
        for row in rows:
            if row.state in GREEN and row.service in fresh - self._said:
                self._last = time.monotonic()
                self._said.add(row.service)
                note(f"  {row.service:<13} ready after {self._last - self._begun:.0f} s")
        return [row.service for row in rows if row.state not in GREEN]

    def _look_for_failures(self, found: list[Container]) -> None:
        for one in found:
            if why := self._failure(one):
                part = PARTS.get(one.service, one.service)
                end = execute_docker("logs", "--tail", str(LAST_LINES), one.id)
                text = _indented(end.stdout + end.stderr)
                raise Refusal(f"{self._instance.name}: {part} {why}; its log ends with:{text}")

    def _failure(self, one: Container) -> str:
        earlier = self._before.get((one.id, one.started_at))
        if one.service in self._jobs:
            # One that failed the last time is run again.
            return f"ended with {one.exit_code}" if not earlier and one.state == "exited" and one.exit_code else ""
        if (
            one.restarts - max((old.restarts for old in self._before.values() if old.id == one.id), default=0)
            >= RESTARTS
        ):
            return f"ends again and again, with {one.exit_code} the last time"
        if one.state == "running" and one.health == "unhealthy":
            since = self._unhealthy_since.setdefault(one.id, time.monotonic())
            is_lasting = time.monotonic() - since > UNHEALTHY_SECONDS
            return f"stays unhealthy ({one.complaint or 'no reason given'})" if is_lasting else ""
        self._unhealthy_since.pop(one.id, None)
        return "is dead" if one.state == "dead" else ""


def _jobs(plan: Plan) -> set[str]:
    return {one.name for one in plan.services.values() if one.is_job}


def _indented(text: str) -> str:
    return "".join(f"\n    {line[:400]}" for line in text.strip().splitlines()[-LAST_LINES:])


def bring_containers_down(instance: Instance) -> bool:
    """Stop and remove the containers; the data stays. Returns whether there were any.

    Raises:
        Refusal: they are another checkout's, or one does not go.
    """
    found = containers(instance)
    _refuse_foreign(instance, found)
    Compose(instance).run("down", "--remove-orphans", every_profile=True)
    (instance.run / "up").unlink(missing_ok=True)
    if left := containers(instance):
        raise Refusal(f"{instance.name}: still there: {', '.join(one.service for one in left)}")
    return bool(found)


def volumes(instance: Instance) -> dict[str, str]:
    """The volumes of the instance and their sizes."""
    label = f"label={PROJECT}={project_name(instance)}"
    ours = docker("volume", "ls", "--quiet", "--filter", label).split()
    if not ours:
        return {}
    sizes = _volume_sizes()
    return {name: sizes.get(name, "size unknown") for name in ours}


def _volume_sizes() -> dict[str, str]:
    try:
        known = json.loads(docker("system", "df", "--verbose", "--format", "{{json .}}"))["Volumes"]
    except Refusal:
        # The engine counts its caches too, and says nothing of volumes where it cannot.
        return {}
    return {volume["Name"]: volume["Size"] for volume in known}


def purge_containers(instance: Instance) -> None:
    """Delete the volumes, and with them all data; other instances' are not touched.

    Raises:
        Refusal: containers of it still run, or one of the volumes is in use.
    """
    if found := containers(instance):
        _refuse_foreign(instance, found)
        raise Refusal(f"{instance.name} still runs: stop it first")
    Compose(instance).run("down", "--volumes", "--remove-orphans", every_profile=True)
    if left := list(volumes(instance)):
        docker("volume", "rm", *left)
    forget_mode(instance)


def _refuse_foreign(instance: Instance, found: list[Container]) -> None:
    if faults := foreign_containers(instance, found):
        raise Refusal("\n  ".join(faults))
