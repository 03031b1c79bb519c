"""Log lines of one request or task from every part of an instance, in order of time."""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import log_parts
from compose import docker_environment
from console import Refusal, note
from containers import containers
from instance import Instance
from layout import ray_folder
from log_text import as_text
from modes import DOCKER

LEVELS = ("debug", "info", "warning", "error", "critical")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# As long ids are cut nowhere; what clients send as theirs may be no longer.
_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TASK = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AGE = re.compile(r"(\d{1,6})([smhd])")
Line = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """Which lines are wanted; what is empty does not matter."""

    request: str = ""
    task: str = ""
    level: str = "debug"
    since: datetime | None = None

    def wants(self, line: Line) -> bool:
        """Whether the line is grave and young enough, whomever it belongs to."""
        level = line.get("level")
        if level in LEVELS and LEVELS.index(level) < LEVELS.index(self.level):
            return False
        return self.since is None or time_of(line) >= self.since


def command(instance: Instance, mode: str, arguments: Sequence[str]) -> int:
    """Show the lines that the arguments ask for; 1 if there are none.

    Raises:
        Refusal: an argument is not what it should be, or there are no logs.
    """
    options = _options(arguments)
    wish = Wish(options.request or "", options.task or "", options.level or "debug", options.since)
    found = gather(list(_sources(instance, mode)), wish)
    coloured = sys.stdout.isatty()
    for line in found:
        text = as_text(line, coloured=True) if coloured else json.dumps(line)
        sys.stdout.write(text + "\n")
    if not found:
        note(f"{instance.name} has no such line: what is older than its files are kept is gone")
    return 0 if found else 1


def gather(sources: Sequence["Source"], wish: Wish) -> list[Line]:
    """The lines of all sources, also those of tasks that the request made, the oldest first."""
    tasks = {wish.task} - {""}
    if wish.request:
        mine = _matching(sources, {wish.request}, "request_id")
        tasks = {str(line["task_id"]) for line in mine if line.get("task_id")}
        others = _matching(sources, tasks, "task_id")
        found = mine + [line for line in others if line.get("request_id") != wish.request]
    elif wish.task:
        found = _matching(sources, tasks, "task_id")
    else:
        found = [line for source in sources for line in source.lines(b"")]
    return sorted((line for line in found if wish.wants(line)), key=time_of)


def _matching(sources: Sequence["Source"], ids: set[str], name: str) -> list[Line]:
    # Each file is read once for each id: a request makes one task, or a few.
    return [line for one in ids for source in sources for line in source.lines(one.encode()) if line.get(name) == one]


def time_of(line: Line) -> datetime:
    """When it was written; what says it in no way that we know stands first."""
    try:
        told = datetime.fromisoformat(str(line.get("timestamp")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return told if told.tzinfo else told.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Source:
    """A log in files, or the output of a container."""

    file: Path | None = None
    container: str = ""

    def lines(self, part: bytes) -> Iterator[Line]:
        """Its lines that are JSON objects and hold these bytes."""
        for text in self._texts():
            if part in text and text.startswith(b"{"):
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                yield line

    def _texts(self) -> Iterator[bytes]:
        if self.file is not None:
            yield from log_parts.lines(self.file)
            return
        reading = ("docker", "logs", self.container)
        with subprocess.Popen(
            reading, env=docker_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as done:
            yield from done.stdout or ()


def _sources(instance: Instance, mode: str) -> Iterator[Source]:
    if mode == DOCKER:
        found = containers(instance)
        if not found:
            raise Refusal(
                f"{instance.name} has no containers: ./scripts/start-dev.sh --project {instance.name} --docker"
            )
        yield from (Source(container=one.id) for one in found)
        return
    if not instance.logs.is_dir():
        raise Refusal(f"{instance.name} has no logs yet: ./scripts/start-dev.sh --project {instance.name}")
    yield from (Source(file) for file in log_parts.logs(instance.logs))
    # What pieces of work say on the cluster is kept by Ray.
    yield from (Source(file) for file in sorted(ray_folder(instance).glob("session_latest/logs/worker-*.out")))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="logs.sh", add_help=False, allow_abbrev=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--request", type=_of(_REQUEST, "1 to 64 letters, digits or any of . _ -"))
    which.add_argument("--task", type=_of(_TASK, "a UUID in small letters"))
    parser.add_argument("--level", choices=LEVELS)
    parser.add_argument("--since", type=_since)
    return parser.parse_args(arguments)


def _of(shape: re.Pattern[str], words: str) -> Any:
    def read(text: str) -> str:
        if not shape.fullmatch(text):
            raise argparse.ArgumentTypeError(f"it must be {words}")
        return text

    return read


def _since(text: str) -> datetime:
    if age := _AGE.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=int(age[1]) * UNITS[age[2]])
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            "it must be an age like 15m, 2h or 1d, or a time like 2026-01-31T12:00Z"
        ) from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)
