"""Start, stop, purge, look at and speak to instances, each in its mode: processes of this machine, or containers."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from compose import Compose, NoEngine, docker_environment, require_engine
from console import Refusal, answer, note
from container_lifecycle import bring_containers_down, bring_containers_up, purge_containers, volumes
from container_preflight import Plan, examine_containers
from container_status import SERVICES, inspect_containers
from containers import containers, published, running
from environment import ensure_env, inherited
from guides import container_guide, guide
from images import ensure_images
from instance import Instance
from lifecycle import belongings, bring_down, bring_up, locked, purge
from modes import DOCKER, LOCAL, mode_of, remember_mode
from preflight import examine
from rolling import Engine, has_proxy, roll
from selection import Selection
from status import InstanceStatus, inspect


@dataclass(frozen=True)
class Start:
    """How to start: in which mode if one is asked for, and with what."""

    mode: str | None = None
    wheels: bool = False
    restart: bool = False
    servers_only: bool = False


def start(instances: Sequence[Instance], wish: Start) -> None:
    """Check all of them, then start one after the other, then say where everything is.

    Raises:
        Refusal: something is wrong; says what to change.
    """
    inside = [one for one in instances if mode_of(one, wish.mode) == DOCKER]
    outside = [one for one in instances if one not in inside]
    if inside:
        if wish.wheels or wish.servers_only:
            raise Refusal("--wheels is for local mode: leave it out, or add --local")
        require_engine()
    with ExitStack() as locks:
        for instance in instances:
            locks.enter_context(locked(instance))
            # Always: what a cut-off file lacks would else be a published placeholder.
            if done := ensure_env(instance):
                note(done)
        _refuse_beside_containers(outside)
        plans = examine_containers(inside)
        selections = examine(outside, {one.name: local_servers(one, wheels=wish.wheels) for one in outside})
        # Of all of them, since nothing is started when an image is missing.
        for one in inside:
            ensure_images(one, plans[one.name].services)
        guides = [
            _start_inside(one, plans[one.name], wish)
            if one in inside
            else _start_outside(one, selections[one.name], wish)
            for one in instances
        ]
    for text in guides:
        answer(text)


def _start_inside(instance: Instance, plan: Plan, wish: Start) -> str:
    # Behind the proxy one container after another; where there is none, all stop and start.
    rolled = wish.restart and has_proxy(Engine(instance))
    if rolled:
        roll(Engine(instance))
    changed = bring_containers_up(instance, plan, restart=wish.restart and not rolled)
    _note_if_unchanged(instance, changed=changed or rolled)
    return container_guide(instance, [name for name, service in plan.services.items() if service.ports])


def _start_outside(instance: Instance, selection: Selection, wish: Start) -> str:
    remember_mode(instance, LOCAL)
    changed = bring_up(instance, selection, restart=wish.restart, servers_only=wish.servers_only)
    _note_if_unchanged(instance, changed=changed)
    return guide(instance, metrics=selection.prometheus is not None)


def _note_if_unchanged(instance: Instance, *, changed: bool) -> None:
    if not changed:
        note(f"{instance.name} is already up: nothing changed")


def _refuse_beside_containers(instances: Iterable[Instance]) -> None:
    for instance in instances:
        if mode_of(instance) == DOCKER and _has_containers(instance):
            stop = f"./scripts/stop-dev.sh --project {instance.name} --docker"
            raise Refusal(f"nothing was started:\n  {instance.name}: it runs in containers: stop it first with {stop}")


def _has_containers(instance: Instance) -> bool:
    try:
        return bool(containers(instance))
    except NoEngine:
        return False


def local_servers(instance: Instance, *, wheels: bool = False) -> str:
    """Where the servers of local mode come from: auto, system or wheels.

    Raises:
        Refusal: LOCAL_SERVERS is none of these.
    """
    choice = "wheels" if wheels else instance.values.get("LOCAL_SERVERS") or "auto"
    if choice not in {"auto", "system", "wheels"}:
        raise Refusal(f"LOCAL_SERVERS in {instance.env_file} must be auto, system or wheels")
    return choice


def stop(instances: Iterable[Instance], mode: str | None) -> None:
    """Stop them; their data is kept."""
    for instance in instances:
        with locked(instance):
            stopped = (bring_containers_down if mode_of(instance, mode) == DOCKER else bring_down)(instance)
        note(f"{instance.name} is stopped; its data is kept" if stopped else f"{instance.name} was not running")


def delete(instances: Iterable[Instance], mode: str | None, *, only_list: bool) -> None:
    """Delete all that they keep, or only say what that is."""
    for instance in instances:
        if mode_of(instance, mode) == DOCKER:
            _delete_volumes(instance, only_list=only_list)
        else:
            _delete_files(instance, only_list=only_list)


def _delete_volumes(instance: Instance, *, only_list: bool) -> None:
    found = volumes(instance)
    _announce(instance, [f"volume {name} ({size})" for name, size in found.items()], only_list=only_list)
    if not only_list:
        purge_containers(instance)


def _delete_files(instance: Instance, *, only_list: bool) -> None:
    lines = [f"{path} ({_megabytes(path)} MB)" for path in belongings(instance)]
    _announce(instance, lines, only_list=only_list)
    for server in ("postgres", "redis", "object-store"):
        if instance.is_external(server):
            note(f"  not touched: {server} at {instance.url(server)} is an external server")
    if not only_list:
        last = mode_of(instance)
        purge(instance)
        if last == DOCKER:
            # Its containers and volumes are still there.
            remember_mode(instance, DOCKER)


def _announce(instance: Instance, lines: list[str], *, only_list: bool) -> None:
    note(f"{instance.name}: " + ("deletes" if only_list else "deleted") + (":" if lines else " nothing"))
    for line in lines:
        note(f"  {line}")


def _megabytes(path: Path) -> int:
    return (
        sum(file.lstat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink()) // 1_000_000
    )


def look(instance: Instance, mode: str | None) -> InstanceStatus:
    """The state of each of its parts."""
    return inspect_containers(instance) if mode_of(instance, mode) == DOCKER else inspect(instance)


def gateway(instance: Instance, mode: str | None) -> str:
    """Where its API is."""
    return (published(instance) if mode_of(instance, mode) == DOCKER else instance).url("api-gateway")


def make_admin(instance: Instance, mode: str | None, arguments: Sequence[str]) -> int:
    """Run the program that makes an administrator where the instance's services run; its exit code."""
    module = ["-m", "api-gateway.app.create_admin", *arguments]
    if mode_of(instance, mode) == DOCKER:
        # The password comes by standard input, or from a terminal.
        terminal = ["--tty"] if sys.stdin.isatty() else []
        command = ["docker", "exec", "--interactive", *terminal, running(instance, "api-gateway"), "python", *module]
        return subprocess.run(command, env=docker_environment(), check=False).returncode
    if not instance.env_file.exists():
        raise Refusal(f"{instance.name} is not set up yet: run ./scripts/setup.sh")
    environment = inherited() | {"ENV_FILE": str(instance.env_file)}
    return subprocess.run([sys.executable, *module], cwd=instance.code, env=environment, check=False).returncode


def show_logs(instance: Instance, arguments: Sequence[str]) -> NoReturn:
    """Become the program that shows the logs of the containers: options of `logs`, then one part or none for all.

    Raises:
        Refusal: there is no such container; names those that there are.
    """
    options = [word for word in arguments if word.startswith("-")]
    services = [SERVICES.get(word, word) for word in arguments if not word.startswith("-")]
    found = containers(instance)
    there = sorted({one.service for one in found})
    if not there:
        raise Refusal(f"{instance.name} has no containers: ./scripts/start-dev.sh --project {instance.name} --docker")
    if unknown := set(services) - set(there):
        raise Refusal(f"no container of '{unknown.pop()}'; there are: {' '.join(there)}")
    ids = [one.id for one in found if one.service in services]
    if len(ids) == 1 and "--follow" not in options:
        # Without the marks that Compose puts between lines, which programs would trip over.
        os.execvpe("docker", ["docker", "logs", *options, *ids], docker_environment())  # noqa: S606
    options += ["--no-log-prefix"] if services else []
    compose = Compose(instance)
    plain = [] if sys.stdout.isatty() else ["--ansi", "never"]
    command = compose.command(*plain, "logs", *options, *services)
    # Version 1 is Python, and would keep the lines of a pipe to itself for a while.
    environment = compose.environment(every_profile=True) | {"PYTHONUNBUFFERED": "1"}
    os.chdir(instance.code)
    os.execvpe(command[0], command, environment)  # noqa: S606
