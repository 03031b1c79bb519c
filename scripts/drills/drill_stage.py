"""An instance of the drill's own: made, started, stopped and deleted by the commands that people use."""

import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from drill_commands import ROOT, execute, required, run
from drill_mounts import unmount_below
from drill_transcript import DrillError

CODE = "backend-pro1"
# A drill is about stores and services; many people come from one address, and a login need not be dear.
SETTINGS = {
    "RAY_ENABLED": "false",
    "BCRYPT_ROUNDS": "10",
    "RATE_LIMIT_DEFAULT": "100000",
    "RATE_LIMIT_ANONYMOUS": "100000",
    "RATE_LIMIT_AUTH": "10000",
    "RATE_LIMIT_UPLOAD": "100000",
}


@dataclass(frozen=True)
class Stage:
    """A private instance by its name, in this checkout or in one that the drill has made."""

    name: str
    number: int
    root: Path = ROOT
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def run(self) -> Path:
        """Its folder."""
        return self.root / ".run" / self.name

    @property
    def env_file(self) -> Path:
        """Its settings and secrets."""
        return self.run / ".env"

    @property
    def values(self) -> dict[str, str]:
        """Its settings, as they are now."""
        return {name: value or "" for name, value in dotenv_values(self.env_file).items()}

    def script(self, name: str, *options: str | Path) -> str:
        """What one of the scripts answers for this instance.

        Raises:
            DrillError: it failed; holds what it said.
        """
        return run(self.root / "scripts" / f"{name}.sh", "--project", self.name, *options)

    def command(self, name: str, *options: str) -> str:
        """What a command of scripts/instances answers for this instance.

        Raises:
            DrillError: it failed; holds what it said.
        """
        return run(sys.executable, self.root / "scripts" / "instances", name, "--project", self.name, *options)

    def alembic(self, *arguments: str) -> None:
        """Migrate by hand, with the code that is checked out."""
        command = (sys.executable, "-m", "alembic", "-c", "scripts/alembic.ini", *arguments)
        required(command, execute(command, self.root / CODE, ENV_FILE=str(self.env_file)))

    def make(self) -> None:
        """Its .env, with secrets of its own."""
        program = (sys.executable, self.root / "scripts" / "instances")
        run(*program, "env", "--name", self.name, "--number", str(self.number), "--code", CODE)
        write_settings(self.env_file, {**SETTINGS, **self.settings})

    def up(self, *options: str) -> None:
        """Start it and wait until it is ready, as start-dev.sh does; on a busy machine a second call waits once more.

        Raises:
            DrillError: it does not come up.
        """
        try:
            self.command("up", *options)
        except DrillError as error:
            if "is not ready after" not in str(error):
                raise
            self.command("up")

    def down(self) -> None:
        """Stop it; data stays."""
        self.command("down")

    def destroy(self) -> None:
        """Delete all of it, also what an earlier drill has left, small disks included."""
        if (self.run / "instance.json").exists():
            self.down()
        for place in (self.run, *([self.postgres_data] if (self.run / "state.json").exists() else [])):
            unmount_below(place)
        if (self.run / "instance.json").exists():
            self.command("purge")
        shutil.rmtree(self.run, ignore_errors=True)

    @property
    def url(self) -> str:
        """Its gateway."""
        return self.command("url")

    @property
    def postgres_data(self) -> Path:
        """Where its database is, which as root is not in its folder."""
        return Path(json.loads((self.run / "state.json").read_text())["postgres_home"]) / "postgres"

    def states(self) -> dict[str, str]:
        """The state of each part."""
        command = (sys.executable, self.root / "scripts" / "instances", "status", "--project", self.name, "--json")
        found: list[dict[str, Any]] = json.loads(execute(command).stdout)["instances"]
        return {row["service"]: row["state"] for one in found for row in one["services"]}

    def login_of(self, variable: str) -> tuple[str, str]:
        """User and password of an address in the .env."""
        parts = urlsplit(self.values[variable])
        return parts.username or "", parts.password or ""


@contextmanager
def staged(stage: Stage) -> Iterator[Stage]:
    """The instance runs while the block does, and is deleted after it.

    Raises:
        DrillError: another drill of this kind is under way in this checkout.
    """
    with _alone(stage.name):
        stage.destroy()
        try:
            stage.make()
            stage.up()
            yield stage
        finally:
            stage.destroy()


@contextmanager
def _alone(name: str) -> Iterator[None]:
    lock = ROOT / ".run" / f"{name}.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DrillError("another drill of this kind is under way in this checkout") from error
        yield
        lock.unlink()


def write_settings(file: Path, settings: Mapping[str, str]) -> None:
    """Set variables of an .env, at once or not at all; it stays private."""
    text = file.read_text()
    for name, value in settings.items():
        line = f"{name}={value}"
        text, found = re.subn(rf"^#?{name}=.*$", lambda _, line=line: line, text, flags=re.MULTILINE)  # type: ignore[misc]
        text += "" if found else f"{line}\n"
    draft = file.with_name(".env.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    draft.replace(file)
