"""Two commits of this repository, each with services of its own; on one set of stores where their schemas agree."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BenchError
from .instance import OUT_OF_REACH, QUIET, project_python
from .paths import PROJECT, ROOT, SCRATCH, scratch
from .processes import Server, free_port
from .usage import usage

FOLDER = SCRATCH / "compare"
FIRST_NUMBER = 78
SERVICES = ("api-gateway", "data-service", "ai-service")
UNLIMITED = {"QUOTA_TASKS": "100000000", "QUOTA_RUNNING_TASKS": "1000"}
PREPARATION = (("alembic", "-c", "scripts/alembic.ini", "upgrade", "head"), ("shared.prepare", "bucket"))
WORKER_READY, WORKER_SECONDS = " ready.", 60.0


@dataclass(slots=True)
class Side:
    """One commit: its files, the settings that its processes read, and where its services listen."""

    label: str
    commit: str
    number: int
    env_file: Path = Path()
    ports: dict[str, int] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Its checkout."""
        return FOLDER / self.label

    @property
    def project(self) -> Path:
        """Where its processes run."""
        return self.folder / PROJECT.name

    @property
    def schema(self) -> str:
        """The revision of the schema that its code needs; two sides without one cannot be compared by it."""
        path = self.project / "shared" / "schema_revision.py"
        found = re.search(r'SCHEMA_REVISION = "(\w+)"', path.read_text()) if path.exists() else None
        return found[1] if found else self.label

    @property
    def cpu_seconds(self) -> float:
        """Processor time of its services together."""
        return sum(usage(server.pid).cpu_seconds for server in self.servers.values())

    def url(self, service: str) -> str:
        """Where one of its services answers."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def environment(self, ports: Mapping[str, int]) -> dict[str, str]:
        """Settings over those of the file: ports, and each other's addresses."""
        found = {f"{service.upper().replace('-', '_')}_PORT": str(port) for service, port in ports.items()}
        for name in ("data", "ai"):
            found[f"{name.upper()}_SERVICE_URL"] = f"http://127.0.0.1:{ports[f'{name}-service']}"
        return {"ENV_FILE": str(self.env_file), "CACHE_DIR": str(self.folder / "cache"), **found}

    def serve(self, service: str, ports: Mapping[str, int], name: str) -> Server:
        """Start one service, for a `with` block."""
        command = [str(project_python()), "-m", "shared.serve", f"{service}.app.main:app"]
        return Server(name, command, ports[service], cwd=self.project, env=self.environment(ports))

    def run_module(self, *words: str) -> None:
        """Run a module of the project to its end."""
        _run([str(project_python()), "-m", *words], self.project, {"ENV_FILE": str(self.env_file)})

    def launch(self, *words: str) -> None:
        """Its own launcher, for its private instance."""
        named = ("--name", f"compare-{self.label}", "--number", str(self.number), "--code", PROJECT.name)
        _run([str(project_python()), str(self.folder / "scripts" / "instances"), *words, *named], self.folder)


@contextmanager
def both(commits: tuple[str, str]) -> Iterator[tuple[Side, Side]]:
    """A and B with their services; removed with all data at the end."""
    if FOLDER.exists():
        raise BenchError(f"{FOLDER} exists: another comparison runs; if not, end what runs from there and remove it")
    sides = [
        Side(label, _resolved(commit), FIRST_NUMBER + place)
        for place, (label, commit) in enumerate(zip("ab", commits, strict=True))
    ]
    try:
        with ExitStack() as stack:
            for side in sides:
                _extract(side)
            _stores(stack, sides)
            for side in sides:
                _services(stack, side)
            yield sides[0], sides[1]
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


@contextmanager
def worker_of_data(side: Side) -> Iterator[None]:
    """A worker that ingests, while the `with` block runs."""
    log = scratch(f"compare-worker-{side.label}.log")
    command = [str(project_python()), "-m", "celery", "-q", "-A", "data-service.app.worker", "worker"]
    command += [
        "--pool",
        "threads",
        "--without-gossip",
        "--without-mingle",
        "--hostname",
        f"compare-{side.label}@bench",
    ]
    environment = {**os.environ, **side.environment(side.ports), "DATA_WORKER_METRICS_PORT": "0"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=side.project, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + WORKER_SECONDS
        while WORKER_READY not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"the worker of {side.label} did not start; see {log}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def share_stores(sides: list[Side]) -> bool:
    """Whether one set of stores does for both."""
    return sides[0].schema == sides[1].schema


def _stores(stack: ExitStack, sides: list[Side]) -> None:
    for side in sides[:1] if share_stores(sides) else sides:
        side.launch("env")
        side.env_file = side.folder / ".run" / f"compare-{side.label}" / ".env"
        lines = (f"{name}={value}" for name, value in {**OUT_OF_REACH, **QUIET, **UNLIMITED}.items())
        side.env_file.write_text("\n".join([side.env_file.read_text(), *lines, ""]))
        stack.callback(side.launch, "purge")
        stack.callback(side.launch, "down")
        side.launch("up", "--servers-only")
        for words in PREPARATION:
            side.run_module(*words)
    if share_stores(sides):
        sides[1].env_file = sides[0].env_file


def _services(stack: ExitStack, side: Side) -> None:
    side.ports = {service: free_port() for service in SERVICES}
    for service in SERVICES:
        server = side.serve(service, side.ports, f"compare-{side.label}-{service}")
        side.servers[service] = stack.enter_context(server)


def _resolved(commit: str) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"git knows no commit {commit}")
    return done.stdout.strip()


def _extract(side: Side) -> None:
    side.folder.mkdir(parents=True)
    packed = subprocess.run(["git", "archive", side.commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(side.folder, filter="data")


def _run(command: list[str], folder: Path, more: Mapping[str, str] | None = None) -> None:
    environment = {**os.environ, "VENV": str(project_python().parents[1]), **(more or {})}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"'{' '.join(command[1:])}' failed:\n{(done.stderr or done.stdout).strip()[-1500:]}")
