"""What a run leaves for programs: `results/NAME.json` with its checks, and what no figure means anything without."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from .instance import project_python
from .paths import ROOT, SCRATCH

RESULTS_VARIABLE = "BENCH_RESULTS"
PACKAGES = (
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "asyncpg", "redis", "celery"),
    *("duckdb", "pyarrow", "pandas", "numpy", "scikit-learn", "statsmodels", "ray"),
)
_ASK_VERSIONS = """
import importlib.metadata, json, sys
found = {"python": sys.version.split()[0]}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_BEGUN, _LOAD_BEFORE = time.monotonic(), os.getloadavg()[0]


def results_folder() -> Path:
    """Where records are kept: the scratch directory, unless BENCH_RESULTS names another place."""
    return Path(os.environ.get(RESULTS_VARIABLE) or SCRATCH / "results")


def keep(name: str, checks: Sequence[Mapping[str, Any]]) -> Path:
    """Write the record of this process's run."""
    path = results_folder() / f"{name.removesuffix('.sh')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record(name, checks), indent=1))
    part.replace(path)
    return path


def record(name: str, checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name, time, commit, machine, versions, load and checks."""
    return {
        "name": name.removesuffix(".sh"),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - _BEGUN, 1),
        "commit": commit(),
        "machine": machine(),
        "load": {"before": round(_LOAD_BEFORE, 1), "after": round(os.getloadavg()[0], 1)},
        "packages": _packages(),
        "servers": _servers(),
        "checks": list(checks),
    }


def machine() -> dict[str, Any]:
    """Processors, memory and system."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return {"cores": os.cpu_count(), "memory_gib": memory, "system": platform.platform(terse=True)}


def commit() -> str:
    """The commit that the checkout is at, with `+` when files differ from it; empty without git."""
    found = _answer(["git", "rev-parse", "--short=12", "HEAD"])
    changed = _answer(["git", "status", "--porcelain", "--untracked-files=no"])
    return found + ("+" if found and changed else "")


def _packages() -> dict[str, str]:
    answer = _answer([str(project_python()), "-c", _ASK_VERSIONS, *PACKAGES])
    return dict(json.loads(answer)) if answer else {}


def _servers() -> list[str]:
    """As the launcher finds them: kind, program and version, without where it lies."""
    answer = _answer([str(project_python()), str(ROOT / "scripts" / "instances"), "servers"])
    return [" ".join(line.partition("(")[0].split()[1:]) for line in answer.splitlines()]


def _answer(command: Sequence[str]) -> str:
    """Standard output, or standard error where a program says all there; empty when it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else (done.stdout or done.stderr).strip()
