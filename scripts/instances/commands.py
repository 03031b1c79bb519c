"""The commands of local mode: env, url, servers, up, down, purge, status, admin."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from console import Refusal, answer, note
from environment import ensure_env, inherited
from instance import ROOT, RUN, Instance, all_instances, find, remember
from lifecycle import belongings, bring_down, bring_up, locked, purge
from preflight import examine
from servers import SYSTEM, candidates
from status import as_json, as_table, inspect


def run(arguments: Sequence[str]) -> int:
    """Run one command; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except Refusal as refusal:
        note(f"error: {refusal}")
        return 1
    except OSError as error:
        # A read-only checkout, a full disk: the system's own words and the file.
        note(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return 1
    except KeyboardInterrupt:
        note("interrupted")
        return 130
    return code


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
        for flag in FLAGS.get(name, ()):
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


def _env(options: argparse.Namespace) -> int:
    for instance in _instances(options):
        note(ensure_env(instance) or f"{instance.env_file.relative_to(ROOT)} unchanged")
    return 0


def _url(options: argparse.Namespace) -> int:
    for instance in _instances(options):
        answer(instance.url("api-gateway"))
    return 0


def _servers(_: argparse.Namespace) -> int:
    for kind in SYSTEM:
        found = candidates(kind, "auto")
        note(f"  {kind:<13} {found[0] if found else 'none on this machine'}")
    return 0


def _up(options: argparse.Namespace) -> int:
    instances = _instances(options)
    with ExitStack() as locks:
        for instance in instances:
            locks.enter_context(locked(instance))
            # Always: what a cut-off file lacks would else be a published placeholder.
            if done := ensure_env(instance):
                note(done)
        choices = {instance.name: _choice(instance, wheels=options.wheels) for instance in instances}
        selections = examine(instances, choices)
        for instance in instances:
            selection = selections[instance.name]
            if not bring_up(instance, selection, restart=options.restart, servers_only=options.servers_only):
                note(f"{instance.name} is already up: nothing changed")
    for instance in instances:
        answer(_guide(instance, metrics=selections[instance.name].prometheus is not None))
    return 0


def _choice(instance: Instance, *, wheels: bool) -> str:
    choice = "wheels" if wheels else instance.values.get("LOCAL_SERVERS") or "auto"
    if choice not in {"auto", "system", "wheels"}:
        raise Refusal(f"LOCAL_SERVERS in {instance.env_file} must be auto, system or wheels")
    return choice


def _guide(instance: Instance, *, metrics: bool) -> str:
    gateway, name = instance.url("api-gateway"), instance.name
    return "\n".join(
        [
            f"{name}",
            f"  API         {gateway}/api/v1",
            f"  API docs    {gateway}/docs",
            f"  data, AI    {instance.url('data-service')}  {instance.url('ai-service')}",
            f"  storage     {instance.url('postgres')}  {instance.url('redis')}  {instance.url('object-store')}",
            f"  metrics     {instance.url('prometheus') if metrics else 'no prometheus on this machine'}",
            f"  logs        {instance.logs}",
            f"  Try it      ./scripts/demo.sh --project {name}",
            "  See it      ./scripts/status.sh",
            f"  Stop it     ./scripts/stop-dev.sh --project {name}",
        ]
    )


def _down(options: argparse.Namespace) -> int:
    for instance in _instances(options):
        with locked(instance):
            stopped = bring_down(instance)
        note(f"{instance.name} is stopped; its data is kept" if stopped else f"{instance.name} was not running")
    return 0


def _purge(options: argparse.Namespace) -> int:
    for instance in _instances(options):
        paths = belongings(instance)
        note(f"{instance.name}: " + ("deletes" if options.list else "deleted") + (":" if paths else " nothing"))
        for path in paths:
            note(f"  {path} ({_megabytes(path)} MB)")
        for server in ("postgres", "redis", "object-store"):
            if instance.is_external(server):
                note(f"  not touched: {server} at {instance.url(server)} is an external server")
        if not options.list:
            purge(instance)
    return 0


def _megabytes(path: Path) -> int:
    return (
        sum(file.lstat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink()) // 1_000_000
    )


def _status(options: argparse.Namespace) -> int:
    chosen = _instances(options)
    found = [inspect(instance) for instance in chosen or _everything()]
    answer(json.dumps(as_json(found)) if options.json else as_table(found))
    counted = found if chosen else [one for one in found if one.expected]
    return 0 if counted and all(one.is_green for one in counted) else 1


def _admin(options: argparse.Namespace) -> int:
    (instance,) = _instances(options)
    if not instance.env_file.exists():
        raise Refusal(f"{instance.name} is not set up yet: run ./scripts/setup.sh")
    command = [sys.executable, "-m", "api-gateway.app.create_admin", *options.arguments]
    environment = inherited() | {"ENV_FILE": str(instance.env_file)}
    return subprocess.run(command, cwd=instance.code, env=environment, check=False).returncode


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
}
# What stands after -- is for the program that the command runs.
WITH_ARGUMENTS = ("admin",)
FLAGS = {"up": ("--wheels", "--restart", "--servers-only"), "purge": ("--list",), "status": ("--json",)}
