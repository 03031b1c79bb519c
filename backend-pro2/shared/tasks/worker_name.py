"""Names of worker processes, and whether the process that a name belongs to still lives on this host."""

import os
import socket
import sys
from pathlib import Path

STARTED_FIELD = 19  # of /proc/PID/stat, counted from the state that follows the command; proc(5) counts it as the 22nd


def worker_name(service: str) -> str:
    """`service@host:pid:start`; the start tells this process from others that had or will have its number."""
    pid = os.getpid()
    return f"{service}@{socket.gethostname()}:{pid}:{_started(pid)}"


def is_dead_sibling(name: str, own: str) -> bool:
    """Whether `name` is of our service and host, and of a process that is gone."""
    home, _, identity = name.partition(":")
    pid, _, started = identity.partition(":")
    if home != own.partition(":")[0] or not pid.isdigit():
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    if sys.platform != "linux":
        return _started_portably(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[STARTED_FIELD]


def _started_portably(pid: int) -> str:
    import psutil

    try:
        return str(int(psutil.Process(pid).create_time() * 1000))
    except psutil.NoSuchProcess:
        return ""
