"""`upgrade` and `roll`: bring a running instance to the code of this checkout, or only replace its containers."""

import argparse
import signal
import sys
from collections.abc import Sequence

from by_mode import local_servers
from console import Refusal, note
from instance import Instance
from lifecycle import locked
from modes import DOCKER
from rolling import Engine, roll
from upgrade_containers import Wish, go_back, upgrade
from upgrade_local import upgrade_local
from upgrade_steps import Stand
from upgrade_world import Containers

# Beside that of starts and stops, which a restore or a roll within an upgrade takes.
LOCK = "upgrade.lock"


def command(instance: Instance, mode: str, arguments: Sequence[str]) -> int:
    """`upgrade`: its options, then the upgrade.

    Raises:
        Refusal: it did not succeed; says what serves now.
    """
    options = _parser().parse_args(arguments)
    if not instance.env_file.exists():
        raise Refusal(f"{instance.name} is not set up yet: run ./scripts/setup.sh")
    wish = Wish(
        backup=not options.no_backup,
        only_check=options.check,
        tag=options.tag,
        restore_database=True if options.restore_database else False if options.yes else None,
    )
    if wish.restore_database and not wish.backup:
        raise Refusal("--restore-database needs the backup that --no-backup leaves out")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if mode != DOCKER:
        _local(instance, wish, back=options.back)
    else:
        _in_containers(instance, wish, back=options.back)
    note(f"{instance.name}: " + ("an upgrade can be made" if options.check else "done"))
    return 0


def _in_containers(instance: Instance, wish: Wish, *, back: bool) -> None:
    world, stand = Containers(instance), Stand.of(instance)
    with locked(instance, LOCK):
        if back:
            go_back(world, stand, wish, _confirm, None)
        else:
            upgrade(world, stand, wish, _confirm)


def _local(instance: Instance, wish: Wish, *, back: bool) -> None:
    if back:
        raise Refusal("in local mode the code is this checkout's: git checkout the revision before, then upgrade again")
    with locked(instance, LOCK):
        upgrade_local(instance, Stand.of(instance), wish, local_servers(instance))


def roll_command(instance: Instance, mode: str) -> int:
    """`roll`: replace the containers of a production instance one by one.

    Raises:
        Refusal: it runs in another mode, or a new container did not get ready.
    """
    if mode != DOCKER:
        raise Refusal(f"{instance.name} runs without containers: ./scripts/start-dev.sh --restart restarts it")
    with locked(instance):
        roll(Engine(instance))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="upgrade", description=__doc__)
    for flag in ("--yes", "--no-backup", "--check", "--back", "--restore-database"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--tag", default="")
    return parser


def _confirm(question: str) -> bool:
    """Ask, where there is somebody to answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower().startswith("y")
