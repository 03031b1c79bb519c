"""Processes that tests start, and whether others are still alive."""

import subprocess
import sys
from pathlib import Path

from shared.testing.patience import eventually

ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def started(script: str) -> "subprocess.Popen[str]":
    """A Python process of its own group, whose output can be read."""
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0)  # noqa: S603 - ours


async def gone(*pids: int) -> bool:
    """Wait for these processes to end, two seconds at most."""
    await eventually(lambda: not any(map(is_alive, pids)), 2)
    return True
