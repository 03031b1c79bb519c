"""Make the next instance: its folder, .env, overlay and column of the README; what was interrupted goes on."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from console import Refusal, answer, note
from environment import ensure_env
from instance import ROOT, RUN, Instance, all_instances, read_facts, write_facts
from ports import holder, is_taken
from project_parts import (
    agrees,
    asks,
    compose_project,
    largest_number,
    make_overlay,
    one_at_a_time,
    overlay_of,
    ports_of,
    show_ports,
    volumes_of,
)

STAMP = str(ROOT / "scripts" / "sync-projects.sh")
# What is under way, so that a second call goes on with it rather than making one more.
UNDER_WAY = RUN / "new-project.json"
RAY_PORTS = 9


@dataclass(frozen=True)
class Plan:
    """The instance that is to be made, and whether an earlier call began with it."""

    instance: Instance
    begun: bool


def new_project(number: int | None, *, yes: bool) -> None:
    """Make the instance with this number, or the next one.

    Raises:
        Refusal: the number is taken or too large, data of an earlier instance is in its place, or the copies drifted.
    """
    with one_at_a_time():
        plan = _plan(number)
        instance = plan.instance
        if not plan.begun:
            _no_drift()
        for warning in _warnings(instance):
            note(f"warning: {warning}")
        if asks(yes=yes) and not agrees(f"Make {_described(instance)}?", otherwise=True):
            raise Refusal("nothing was made")
        write_facts(UNDER_WAY, {"number": instance.number})
        made = list(_make(instance))
        UNDER_WAY.unlink()
    answer("\n".join([f"{instance.name} is made", *(f"  {line}" for line in made), *_next(instance)]))


def under_way() -> int | None:
    """The number of the instance that an interrupted call has left half made."""
    return int(read_facts(UNDER_WAY)["number"]) if UNDER_WAY.exists() else None


def _plan(number: int | None) -> Plan:
    begun = under_way()
    if begun is not None and number in {None, begun}:
        note(f"going on with pro{begun}, which was left half made")
        return Plan(_instance(begun), begun=True)
    if begun is not None:
        raise Refusal(
            f"pro{begun} was left half made: finish it with ./scripts/new-project.sh --number {begun}, "
            f"or remove it with ./scripts/remove-project.sh --project pro{begun}"
        )
    instance = _instance(number if number is not None else _next_number())
    _is_free(instance)
    return Plan(instance, begun=False)


def _instance(number: int) -> Instance:
    return Instance(f"pro{number}", number, ROOT / f"backend-pro{number}")


def _next_number() -> int:
    taken = {instance.number for instance in all_instances()}
    following, most = max(taken) + 1, largest_number()
    if following <= most:
        return following
    free = [str(number) for number in range(2, most) if number not in taken]
    raise Refusal(
        f"pro{most} is the last one whose ports are free: "
        + (f"name a smaller number, --number {' or '.join(free)}" if free else "there is no room for another here")
    )


def _is_free(instance: Instance) -> None:
    name, most = instance.name, largest_number()
    if instance.number > most:
        raise Refusal(f"{name} would collide with the ports of another: the largest number is {most}")
    if instance.code.exists():
        raise Refusal(f"{name} is there already: leave --number out to make the next one")
    if _is_kept(instance):
        return
    if (instance.run / "state.json").exists():
        raise Refusal(
            f"{instance.run} holds data of an earlier {name}, whose secrets are gone: "
            "remove it, or take another --number"
        )
    if volumes := volumes_of(compose_project(instance)):
        raise Refusal(
            f"there are volumes of a {name} before, or of another checkout: take another --number, "
            f"or remove them if nobody needs them, with docker volume rm {' '.join(volumes)}"
        )


def _is_kept(instance: Instance) -> bool:
    """Whether remove-project.sh --keep-data has left its .env, and so the way to its data."""
    return (instance.run / ".env").exists()


def _no_drift() -> None:
    done = subprocess.run([STAMP, "--check"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal("the copies do not match their source, so another is not made:\n" + done.stderr.strip())


def _warnings(instance: Instance) -> Iterator[str]:
    plan = {variable: int(port) for variable, port in ports_of(instance.number).items()}
    wanted = {port: variable for variable, port in plan.items()}
    wanted |= {plan["RAY_PORT"] + offset: "RAY_ADDRESS" for offset in range(RAY_PORTS)}
    for port, variable in sorted(wanted.items()):
        if is_taken(port):
            yield (
                f"port {port} ({variable}) is taken by {holder(port)}: end that before {instance.name} starts, "
                f"or give it another in {instance.env_file}"
            )


def _described(instance: Instance) -> str:
    return f"{instance.name}, with its gateway on port {ports_of(instance.number)['API_GATEWAY_PORT']}"


def _make(instance: Instance) -> Iterator[str]:
    """Each step does nothing where it has been done; yields what is there now."""
    folder = instance.code.name
    if not instance.code.exists():
        done = subprocess.run([STAMP, "--add", str(instance.number)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Refusal(f"the folder could not be stamped:\n{done.stderr.strip()}")
    yield f"{folder}/: services and compose files, stamped from backend-pro1"
    was_kept = _is_kept(instance)
    if was_kept:
        (instance.run / ".env").replace(instance.env_file)
    ensure_env(instance)
    yield f"{folder}/.env: " + ("as it was kept, and so its data" if was_kept else "ports and random secrets, mode 600")
    make_overlay(instance)
    if overlay_of(instance.name).exists():
        yield f"{overlay_of(instance.name).relative_to(ROOT)}/: its Kubernetes overlay, from that of pro1"
    if show_ports():
        yield "README.md: its column in the table of ports"


def _next(instance: Instance) -> list[str]:
    name = instance.name
    return [
        f"  Start it    ./scripts/start-dev.sh --project {name}",
        f"  See it      ./scripts/status.sh --project {name}",
        f"  Keep it     commit {instance.code.name}/ and what changed beside it; .env is never committed",
        f"  Remove it   ./scripts/remove-project.sh --project {name}",
    ]
