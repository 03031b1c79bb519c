"""One function of an engine in a fresh process of the project's own environment."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import BenchError
from .paths import PROJECT, ROOT

PYTHON = ROOT / ".venv" / "bin" / "python"
LIMIT_SECONDS = 1800
# The project's folder is its only import root, so the code is handed over instead of a module of ours.
_CODE = r"""
import importlib, json, re, sys, time
module, _, name = sys.argv[1].partition(":")
function = getattr(importlib.import_module(module), name)
stages = []
def report(done, total, message):
    stages.append((time.perf_counter(), message))
started, cpu = time.perf_counter(), time.process_time()
answer = function(json.loads(sys.argv[2]), report)
seconds = time.perf_counter() - started
# Not ru_maxrss, which a process inherits from the one that started it.
peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) * 1024
told = {name: answer[name] for name in ("rows", "row_count", "took_ms") if isinstance(answer.get(name), int | float)}
marks = [(at - started, message) for at, message in stages]
cpu = time.process_time() - cpu
print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_bytes": peak, "told": told, "marks": marks}))
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of wall clock and processor, peak resident bytes, numbers of the answer, and the stages it reported."""

    seconds: float
    cpu: float
    peak_bytes: int
    told: Mapping[str, float]
    marks: list[tuple[float, str]]


def run_engine(function: str, job: Mapping[str, Any]) -> Figures:
    """Call `function`, which is named as module:name, with `job`."""
    command = [str(PYTHON), "-c", _CODE, function, json.dumps(job)]
    return Figures(**run_json(command, PROJECT))


def run_json(command: list[str], folder: Any = ROOT) -> dict[str, Any]:
    """What a command prints as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False, cwd=folder)
    if done.returncode:
        raise BenchError(f"{command[-2][:80]} failed: {done.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
