"""The isolation check as a whole: people arrive at every instance, all crossings are tried, the people leave again."""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import isolation_containers
import isolation_files
import isolation_http
import isolation_stores
from console import Refusal, answer, note
from containers import published
from instance import Instance
from isolation import Crossing, Row, Side, examine
from isolation_guests import Guest, arrive, leave
from isolation_report import as_json, as_table, is_isolated
from modes import DOCKER, mode_of

CANNOT_TELL = 2


def all_crossings() -> list[Crossing]:
    """Every crossing, in the order of the matrix."""
    modules = (isolation_http, isolation_stores, isolation_files, isolation_containers)
    return [crossing for module in modules for crossing in module.crossings()]


def check(instances: Sequence[Instance], asked: str | None, *, json_wanted: bool) -> int:
    """Try all, print what came of it; 0 when all was refused, 1 when something was not, 2 when it cannot be tried."""
    try:
        mode = _common_mode(instances, asked)
        rows = _examined(instances, mode)
    except Refusal as refusal:
        note(f"error: {refusal}")
        return CANNOT_TELL
    answer(json.dumps(as_json(rows, mode)) if json_wanted else as_table(rows, mode))
    return 0 if is_isolated(rows) else 1


def _examined(instances: Sequence[Instance], mode: str) -> list[Row]:
    with ExitStack() as stack:
        stack.enter_context(_asked_to_stop())
        sides = [_side(instance, mode, stack) for instance in instances]
        crossings = all_crossings()
        note(f"Trying {len(crossings)} crossings between {', '.join(side.name for side in sides)} ({mode} mode)")
        return examine(crossings, sides)


def _common_mode(instances: Sequence[Instance], asked: str | None) -> str:
    modes = {instance.name: mode_of(instance, asked) for instance in instances}
    if len(set(modes.values())) > 1:
        said = ", ".join(f"{name} in {mode} mode" for name, mode in modes.items())
        raise Refusal(f"{said}: start them in the same one")
    return modes[instances[0].name]


def _side(instance: Instance, mode: str, stack: ExitStack) -> Side:
    found: list[dict[str, Any]] = []
    if mode == DOCKER:
        found = isolation_containers.containers_of(instance)
        if not found:
            start = f"./scripts/start-dev.sh --project {instance.name} --docker"
            raise Refusal(f"{instance.name} has no containers: {start}")
        instance = published(instance)
    guest = arrive(instance)
    stack.callback(_farewell, instance, guest)
    return Side(instance, mode, guest, found)


def _farewell(instance: Instance, guest: Guest) -> None:
    if not leave(instance, guest):
        note(f"{instance.name}: the account {guest.email} could not be deleted; an administrator can do it")


@contextmanager
def _asked_to_stop() -> Iterator[None]:
    """SIGTERM ends the check as Ctrl-C does, so that nobody is left behind."""

    def stop(_: int, __: FrameType | None) -> None:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
