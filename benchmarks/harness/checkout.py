"""A checkout of its own in the scratch directory, with instances in containers or in local mode, removed at the end."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError
from .instance import NUMBER, project_python
from .paths import PROJECT, ROOT, SCRATCH

FOLDER = SCRATCH / "checkout"
PRODUCTION = {"COMPOSE_FILE": "docker-compose.yml:docker-compose.prod.yml", "ENVIRONMENT": "production"}
START_SECONDS, SCRIPT_SECONDS = 1200, 600


@dataclass(frozen=True, slots=True)
class Deployed:
    """An instance of that checkout."""

    number: int
    mode: str

    @property
    def name(self) -> str:
        """Its name."""
        return f"pro{self.number}"

    @property
    def env_file(self) -> Path:
        """Its settings."""
        return FOLDER / f"backend-{self.name}" / ".env"

    @property
    def gateway_url(self) -> str:
        """Where its API is."""
        found = re.search(r"^API_GATEWAY_PORT=(\d+)$", self.env_file.read_text(), re.MULTILINE)
        return f"http://127.0.0.1:{found[1]}" if found else ""

    @property
    def compose_project(self) -> str:
        """The label of its containers."""
        return f"bench-{self.name}"

    def script(self, name: str, *options: str, seconds: int = SCRIPT_SECONDS) -> str:
        """Run one of the project's scripts for it; what it said."""
        return _run((str(FOLDER / "scripts" / name), "--project", self.name, f"--{self.mode}", *options), seconds)

    def launcher(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command of scripts/instances for it."""
        command = [str(project_python()), "scripts/instances", *words, "--project", self.name, f"--{self.mode}"]
        return subprocess.Popen(
            command, cwd=FOLDER, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def require_engine() -> None:
    """Raise when no container engine answers."""
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        raise BenchError("this needs a Docker engine and Compose: start it, or install docker.io and docker-compose")


@contextmanager
def deployed(mode: str, changes: Sequence[Mapping[str, str]]) -> Iterator[list[Deployed]]:
    """One instance for each of `changes`, all ready; removed with their data at the end."""
    if FOLDER.exists():
        raise BenchError(f"{FOLDER} exists: another benchmark runs; if not, purge its instances and remove it")
    _copy_sources()
    made = [Deployed(NUMBER + place, mode) for place in range(len(changes))]
    try:
        for one, change in zip(made, changes, strict=True):
            shutil.copytree(FOLDER / PROJECT.name, one.env_file.parent)
            _run((str(project_python()), "scripts/instances", "env", "--project", one.name), SCRIPT_SECONDS)
            set_variables(one, {"COMPOSE_PROJECT_NAME": one.compose_project, **change})
        for one in made:
            one.script("start-dev.sh", "--yes", seconds=START_SECONDS)
        yield made
    finally:
        for one in made:
            _remove(one)
        shutil.rmtree(FOLDER)


def set_variables(instance: Deployed, changes: Mapping[str, str]) -> None:
    """Change settings, which count from the next start on."""
    text = instance.env_file.read_text()
    for name, value in changes.items():
        text = re.sub(rf"^#?{name}=.*\n", "", text, flags=re.MULTILINE) + f"{name}={value}\n"
    instance.env_file.write_text(text)


def _remove(instance: Deployed) -> None:
    if not instance.env_file.exists():
        return
    instance.script("stop-dev.sh", "--purge", "--yes")
    if instance.mode == "docker":
        for kind in ("backend", "gateway"):
            listed = ("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{instance.compose_project}-{kind}")
            for image in _run(listed, SCRIPT_SECONDS).split():
                _run(("docker", "image", "rm", image), SCRIPT_SECONDS)


def _copy_sources() -> None:
    """What git tracks, and what it would."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not re.match(r"backend-pro(?!1/)", name):
            (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, FOLDER / name, follow_symlinks=False)


def _run(command: Sequence[str], seconds: int) -> str:
    folder = FOLDER if FOLDER.exists() else ROOT
    done = subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise BenchError(f"'{' '.join(command)}' failed:\n{(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "VENV": str(project_python().parents[1])}
