"""The commands: env, url, servers, up, down, purge, status, admin, logs, lines."""

import argparse
import json
from collections.abc import Sequence

import backup
import log_lines
import restore
import upgrade
from by_mode import Start, delete, gateway, look, make_admin, show_logs, start, stop
from console import answer, note, reported
from environment import ensure_env
from instance import ROOT, RUN, Instance, all_instances, find, remember
from modes import DOCKER, LOCAL, mode_of
from servers import SYSTEM, candidates
from status import as_json, as_table


def run(arguments: Sequence[str]) -> int:
    """Run one command; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: int(options.command(options)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name)
        sub.set_defaults(command=command)
        sub.add_argument("--project", action="append", default=[])
        # A private instance on another's code, as the tests use: --name test1 --number 93 --code backend-pro1.
        for hidden in ("--name", "--number", "--code"):
            sub.add_argument(hidden, help=argparse.SUPPRESS)
        for flag in dict.fromkeys(("--local", "--docker", *FLAGS.get(name, ()))):
            sub.add_argument(flag, action="store_true")
        if name in WITH_ARGUMENTS:
            sub.add_argument("arguments", nargs="*")
    return parser


def _instances(options: argparse.Namespace) -> list[Instance]:
    if options.name:
        instance = Instance(options.name, int(options.number), ROOT / options.code)
        remember(instance)
        return [instance]
    return find(dict.fromkeys(options.project))


def _mode(options: argparse.Namespace) -> str | None:
    """The mode that is asked for; without, each instance's own."""
    return DOCKER if options.docker else LOCAL if options.local else None


def _env(options: argparse.Namespace) -> int:
    for instance in _instances(options):
        note(ensure_env(instance) or f"{instance.env_file.relative_to(ROOT)} unchanged")
    return 0


def _url(options: argparse.Namespace) -> int:
    for instance in _instances(options):
        answer(gateway(instance, _mode(options)))
    return 0


def _servers(_: argparse.Namespace) -> int:
    for kind in SYSTEM:
        found = candidates(kind, "auto")
        note(f"  {kind:<13} {found[0] if found else 'none on this machine'}")
    return 0


def _up(options: argparse.Namespace) -> int:
    wish = Start(_mode(options), wheels=options.wheels, restart=options.restart, servers_only=options.servers_only)
    start(_instances(options), wish)
    return 0


def _down(options: argparse.Namespace) -> int:
    stop(_instances(options), _mode(options))
    return 0


def _purge(options: argparse.Namespace) -> int:
    delete(_instances(options), _mode(options), only_list=options.list)
    return 0


def _status(options: argparse.Namespace) -> int:
    chosen = _instances(options)
    found = [look(instance, _mode(options)) for instance in chosen or _everything()]
    answer(json.dumps(as_json(found)) if options.json else as_table(found))
    counted = found if chosen else [one for one in found if one.expected]
    return 0 if counted and all(one.is_green for one in counted) else 1


def _admin(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    return make_admin(instance, _mode(options), options.arguments)


def _backup(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    return backup.command(instance, mode_of(instance, _mode(options)), options.arguments)


def _restore(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    return restore.command(instance, mode_of(instance, _mode(options)), options.arguments)


def _upgrade(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    return upgrade.command(instance, mode_of(instance, _mode(options)), options.arguments)


def _roll(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    return upgrade.roll_command(instance, mode_of(instance, _mode(options)))


def _logs(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    show_logs(instance, options.arguments)


def _lines(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    return log_lines.command(instance, mode_of(instance, _mode(options)), options.arguments)


def _isolation(options: argparse.Namespace) -> int:
    # It brings the clients of every server, for which no other command should wait.
    from isolation_check import check

    return check(_instances(options), _mode(options), json_wanted=options.json)


def _everything() -> list[Instance]:
    private = [path.parent.name for path in sorted(RUN.glob("*/instance.json"))]
    return [*all_instances(), *find(private)]


COMMANDS = {
    "env": _env,
    "url": _url,
    "servers": _servers,
    "up": _up,
    "down": _down,
    "purge": _purge,
    "status": _status,
    "admin": _admin,
    "logs": _logs,
    "lines": _lines,
    "backup": _backup,
    "restore": _restore,
    "upgrade": _upgrade,
    "roll": _roll,
    "isolation": _isolation,
}
# What stands after -- is for the program that the command runs.
WITH_ARGUMENTS = ("admin", "logs", "lines", "backup", "restore", "upgrade")
FLAGS = {
    "up": ("--wheels", "--restart", "--servers-only"),
    "purge": ("--list",),
    "status": ("--json",),
    "isolation": ("--json",),
}
