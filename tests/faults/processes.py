"""Every process of an instance that can be hurt: also those that listen nowhere, and those below them."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from instance import Instance
from supervisor import Supervisor

COMPUTE = "shared.compute.server"
WAITING = "compute-waiting"
RAY_PARTS = {"raylet": "raylet/raylet", "gcs": "gcs/gcs_server", "ray-worker": "ray::"}


class Processes:
    """Finds them at the moment of asking, by what supervisord started."""

    def __init__(self, *instances: Instance) -> None:
        self._instances = instances

    def program(self, name: str) -> psutil.Process | None:
        """What runs under this name; None while it does not."""
        for instance in self._instances:
            found = Supervisor(instance).processes().get(name)
            if found is not None and found.pid:
                with suppress(psutil.NoSuchProcess):
                    return psutil.Process(found.pid)
        return None

    def family(self, name: str) -> list[psutil.Process]:
        """The same with all below it."""
        leader = self.program(name)
        return [leader, *_below(leader)] if leader is not None else []

    def compute_servers(self, name: str) -> list[psutil.Process]:
        """The fork servers of a worker or service."""
        leader = self.program(name)
        return [one for one in _below(leader, deep=False) if _is_compute(one)] if leader is not None else []

    def compute_children(self, name: str) -> list[psutil.Process]:
        """What computes for it now."""
        return [child for server in self.compute_servers(name) for child in computing(server)]

    def ray(self, part: str) -> list[psutil.Process]:
        """`raylet`, `gcs`, or what works for it: `ray-worker`."""
        return [one for one in self.family("ray") if RAY_PARTS[part] in _command(one)]


def computing(server: psutil.Process) -> list[psutil.Process]:
    """The children of a fork server without those that wait for a job."""
    return [child for child in _below(server) if _name(child) != WAITING]


def kill(processes: Iterable[psutil.Process], how: signal.Signals = signal.SIGKILL) -> int:
    """End them at once, as the kernel would; how many there were."""
    ended = 0
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, how)
            ended += 1
    return ended


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """They stand still while the block runs."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def age(process: psutil.Process) -> float:
    """Seconds since it began, by the clock that its beginning was measured with."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def orphans() -> set[int]:
    """Fork servers of computations, and their children, that nobody owns any more."""
    return {one.pid for one in psutil.process_iter() if _parent(one) == 1 and _is_compute(one)}


def _below(process: psutil.Process, *, deep: bool = True) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=deep)
    except psutil.NoSuchProcess:
        return []
    return found


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _is_compute(process: psutil.Process) -> bool:
    return COMPUTE in _command(process)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0
