"""The files of this repository, as git would take them, and what of them is code."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "backend-pro1"
STAMPED = tuple(f"backend-pro{n}" for n in range(2, 100))


@cache
def files() -> tuple[Path, ...]:
    """Everything that is or would be committed, but for stamped copies of the source."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name and name.split("/")[0] not in STAMPED)
    return tuple(path for path in paths if path.is_file())


def code() -> list[Path]:
    """Python of the repository, tests too."""
    return [path for path in files() if path.suffix == ".py"]


def in_production(path: Path) -> bool:
    """Whether a file is part of what runs: our services, and the scripts that run them."""
    parts = path.relative_to(ROOT).parts
    return parts[0] in {SOURCE.name, "scripts"} and not {"tests", "testing"} & set(parts)


def place(path: Path) -> str:
    """A file by its path in the repository."""
    return path.relative_to(ROOT).as_posix()
