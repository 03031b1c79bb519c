"""What the upgrades of both modes share: numbered steps with their times, and the note of where an upgrade stands."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from compose import docker_environment, execute
from console import Refusal, note
from instance import ROOT, Instance, read_facts, write_facts

REVISION = re.compile(r'^SCHEMA_REVISION = "(\w+)"$', re.MULTILINE)
FREE_BYTES = 2_000_000_000

T = TypeVar("T")


@dataclass
class Steps:
    """Does one thing after the other, and says which and how long it took."""

    total: int
    say: Callable[[str], None] = note
    number: int = 0
    title: str = ""

    def do(self, title: str, work: Callable[[], T]) -> T:
        """Do the next one."""
        self.number += 1
        self.title = title
        self.say(f"[{self.number}/{self.total}] {title}")
        begun = time.monotonic()
        result = work()
        self.say(f"      done in {time.monotonic() - begun:.1f} s")
        return result


@dataclass
class Stand:
    """Where an upgrade stands, kept in the instance's run folder until the next one has begun."""

    file: Path
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Instance) -> "Stand":
        """That of the last upgrade, or an empty one."""
        file = instance.run / "upgrade.json"
        return cls(file, read_facts(file) if file.exists() else {})

    @property
    def is_open(self) -> bool:
        """Whether an upgrade was begun and neither completed nor taken back."""
        return self.facts.get("state") == "begun"

    def put(self, **facts: str) -> None:
        """Write more of it down."""
        self.facts |= facts
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_facts(self.file, self.facts)

    def begin(self, facts: Mapping[str, str]) -> None:
        """A new one; what an interrupted one knows of the way back is kept."""
        self.facts = {**facts, **(self.facts if self.is_open else {})}
        self.put(state="begun")


def wanted_revision(instance: Instance) -> str:
    """The revision of the database that the code of this checkout needs.

    Raises:
        Refusal: the code does not say.
    """
    file = instance.code / "shared" / "schema_revision.py"
    found = REVISION.search(file.read_text())
    if found is None:
        raise Refusal(f"{file} names no SCHEMA_REVISION")
    return found[1]


def require_stamped(instance: Instance) -> None:
    """A copy of backend-pro1 must be what sync-projects.sh makes of it.

    Raises:
        Refusal: it is not.
    """
    if instance.code.name == "backend-pro1" or not (ROOT / ".git").exists():
        return
    done = execute((str(ROOT / "scripts/sync-projects.sh"), "--check"), docker_environment())
    if done.returncode != 0:
        raise Refusal(f"{instance.code.name} is not a copy of backend-pro1: run ./scripts/sync-projects.sh first")


def require_space(folder: Path, what: str, needed: int) -> None:
    """There must be room for what an upgrade writes.

    Raises:
        Refusal: there is not.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refusal(f"{folder} has {free / 1e9:.1f} GB free; {what} may take {needed / 1e9:.1f} GB: make room there")


def back_up(instance: Instance, mode: str) -> str:
    """Make a backup; where it is.

    Raises:
        Refusal: there is none.
    """
    return _command("backup", instance, mode)


def restore(instance: Instance, mode: str, place: str) -> None:
    """Bring back the data of a backup.

    Raises:
        Refusal: it cannot be restored.
    """
    _command("restore", instance, mode, "--from", place, "--replace", "--yes")


def _command(name: str, instance: Instance, mode: str, *options: str) -> str:
    """One of the commands beside this one, as its script calls it."""
    command = [sys.executable, str(ROOT / "scripts/instances"), name, "--project", instance.name, f"--{mode}", "--"]
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"scripts/{name}.sh failed: see above")
    return done.stdout.strip()
