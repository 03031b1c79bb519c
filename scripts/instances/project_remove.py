"""Remove an instance for good: its data, its overlay, its folder with its .env, and its column of the README."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from console import Refusal, answer, note
from instance import ROOT, RUN, Instance, all_instances
from modes import DOCKER, LOCAL, mode_of
from project_new import UNDER_WAY, under_way
from project_parts import (
    agrees,
    asks,
    compose_project,
    containers_of,
    images_of,
    one_at_a_time,
    overlay_of,
    remove_images,
    show_ports,
    volumes_of,
)
from supervisor import Supervisor

SOURCE = "pro1"
BACKUP = ROOT / "scripts" / "backup.sh"
COMMANDS = Path(__file__).parent


@dataclass(frozen=True)
class Wish:
    """What the caller wants: never to be asked, and whether the data stays."""

    yes: bool
    keep_data: bool


def remove_project(name: str, wish: Wish) -> None:
    """Show what goes, ask, and remove it; a second call finishes what was interrupted.

    Raises:
        Refusal: it is no instance of this checkout, or the source; it runs and nobody can be asked; the answer is no.
    """
    with one_at_a_time():
        instance = _removable(name)
        if instance.code.exists():
            images = _images(instance)
            _agree(instance, wish)
            _stop(instance)
            _data(instance, wish)
            remove_images(images)
            _put_aside(instance)
        _finish(instance)
    answer(f"{name} is removed; commit the removal of what git knows of it")
    if wish.keep_data:
        answer(_kept(instance))


def _removable(name: str) -> Instance:
    if name == SOURCE:
        raise Refusal(
            f"{SOURCE} is the source of all others and stays; its data alone goes with "
            f"./scripts/stop-dev.sh --project {SOURCE} --purge"
        )
    known = {instance.name: instance for instance in all_instances()}
    if name in known:
        return known[name]
    if _aside(name).exists():
        return Instance(name, int(name.removeprefix("pro")), ROOT / f"backend-{name}")
    there = " ".join(one for one in known if one != SOURCE) or "none"
    raise Refusal(f"no instance '{name}' to remove; there are: {there}")


def _agree(instance: Instance, wish: Wish) -> None:
    name, running, asked = instance.name, _modes_that_run(instance), asks(yes=wish.yes)
    if running and not asked:
        raise Refusal(f"{name} runs: stop it first, with ./scripts/stop-dev.sh --project {name} --{running[0]}")
    note(f"{name}: removes")
    for line in _belongings(instance):
        note(f"  {line}")
    if wish.keep_data:
        note("Its data stays, and its .env beside it.")
    else:
        note("and its data:")
        _purge(instance, "--list")
    if asked:
        _ask(instance, wish, running=bool(running))
    elif not wish.yes:
        raise Refusal("removing deletes what is listed above: add --yes to confirm")


def _ask(instance: Instance, wish: Wish, *, running: bool) -> None:
    if not wish.keep_data:
        _offer_backup(instance, running=running)
    question = "It runs, and is stopped first. " if running else ""
    if not agrees(f"{question}Remove all of this for ever?", otherwise=False):
        raise Refusal("nothing was removed")


def _offer_backup(instance: Instance, *, running: bool) -> None:
    if not running:
        note(f"To keep a copy of its data, start it and run ./scripts/backup.sh --project {instance.name} before.")
        return
    if not agrees("Make a backup of its data first?", otherwise=True):
        return
    if subprocess.run([BACKUP, "--project", instance.name], check=False).returncode != 0:
        raise Refusal("there is no backup, so nothing was removed")


def _modes_that_run(instance: Instance) -> list[str]:
    found = [LOCAL] if Supervisor(instance).is_running else []
    return found + ([DOCKER] if containers_of(instance) else [])


def _belongings(instance: Instance) -> Iterator[str]:
    yield f"{instance.code.name}/ with all that is in it"
    if instance.env_file.exists() and instance.env_file.is_relative_to(instance.code):
        yield f"{instance.code.name}/.env with its secrets"
    overlay = overlay_of(instance.name)
    if overlay.exists():
        yield f"{overlay.relative_to(ROOT)}/"
    for image in _images(instance):
        yield f"image {image}"
    yield "its column in the README's table of ports"


def _stop(instance: Instance) -> None:
    for mode in _modes_that_run(instance):
        if _call("down", instance, f"--{mode}"):
            raise Refusal(f"{instance.name} could not be stopped, so nothing was removed")


def _data(instance: Instance, wish: Wish) -> None:
    if not wish.keep_data:
        _purge(instance)
    elif instance.env_file.exists():
        instance.run.mkdir(parents=True, exist_ok=True)
        instance.env_file.replace(instance.run / ".env")


def _purge(instance: Instance, *options: str) -> None:
    # Volumes first: the run directory remembers that there were containers.
    modes = [DOCKER] if _ran_in_containers(instance) and volumes_of(compose_project(instance)) else []
    modes += [LOCAL] if instance.run.exists() else []
    if options and not modes:
        note(f"{instance.name}: there is none")
    for mode in modes:
        if _call("purge", instance, f"--{mode}", *options):
            raise Refusal(f"{instance.code.name}/ stays as it is: the data comes first")


def _images(instance: Instance) -> list[str]:
    return images_of(compose_project(instance)) if _ran_in_containers(instance) else []


def _ran_in_containers(instance: Instance) -> bool:
    """Whether this checkout has started any: volumes and images of the same name can be another checkout's."""
    return mode_of(instance) == DOCKER or (instance.logs / "compose.log").exists()


def _call(command: str, instance: Instance, *options: str) -> int:
    words = [sys.executable, str(COMMANDS), command, "--project", instance.name, *options]
    return subprocess.run(words, check=False).returncode


def _aside(name: str) -> Path:
    return RUN / f"removed-{name}"


def _put_aside(instance: Instance) -> None:
    """The folder goes from its place at once, and is deleted afterwards."""
    shutil.rmtree(overlay_of(instance.name), ignore_errors=True)
    shutil.rmtree(_aside(instance.name), ignore_errors=True)
    instance.code.rename(_aside(instance.name))


def _finish(instance: Instance) -> None:
    show_ports()
    if under_way() == instance.number:
        UNDER_WAY.unlink()
    shutil.rmtree(_aside(instance.name))


def _kept(instance: Instance) -> str:
    return (
        f"Its data is where it was, its .env is {instance.run / '.env'}; "
        f"with both it comes back by ./scripts/new-project.sh --number {instance.number}"
    )
