"""The parent's side of a computing child: gives it jobs, and says how each ended, as the services would see it."""

import os
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil

ROOT = Path(__file__).resolve().parents[2]
# Of the processor: on a busy machine the clock says little.
MOST_SECONDS = 20.0
# When even a busy machine has had the time.
MOST_CLOCK_SECONDS = 600.0
LOOK_SECONDS = 0.2
JOBS_A_CHILD = 400
# What goes to a child and comes back, as `shared.compute.protocol` has it: a length, and JSON.
HEADER = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended: `code` is "result", a code of ours, or what became of the process; `bytes` of the answer."""

    code: str
    detail: str = ""
    bytes: int = 0


class ChildProcess:
    """Starts a child when there is none, and another one after each that died."""

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._jobs = 0

    def run(self, function: str, job: dict[str, Any]) -> End:
        """Call `function` ("module:name") with the job."""
        if self._process is None or self._jobs >= JOBS_A_CHILD:
            self.close()
            self._start()
        self._jobs += 1
        process, link = self._started()
        order = orjson.dumps({"function": function, "job": job, "memory_mb": self._memory_mb, **_ABOUT})
        link.sendall(HEADER.pack(len(order)) + order)
        return self._end(process, link)

    def close(self) -> None:
        """End the child."""
        if self._process is not None and self._link is not None:
            self._process.kill()
            self._process.wait()
            self._link.close()
        self._process = self._link = None
        self._jobs = 0

    def _started(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        assert self._process is not None
        assert self._link is not None
        return self._process, self._link

    def _start(self) -> None:
        self._link, theirs = socket.socketpair()
        # As scripts have it for tests; the product's own children get no environment of ours.
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'backend-pro1'}", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.fuzz.child", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL
        )
        theirs.close()

    def _end(self, process: subprocess.Popen[bytes], link: socket.socket) -> End:
        began, used = time.monotonic(), _used(process.pid)
        received = bytearray()
        while True:
            ready, _, _ = select.select([link], [], [], LOOK_SECONDS)
            if ready:
                chunk = link.recv(1 << 20)
                received += chunk
                if not chunk:
                    return self._dead(process)
                if end := _answer_in(received):
                    return end
            if _held(process.pid) > self._memory_mb * 2**20:
                return self._killed("too much memory")
            if _used(process.pid) - used > MOST_SECONDS or time.monotonic() - began > MOST_CLOCK_SECONDS:
                return self._killed("too much time")

    def _killed(self, why: str) -> End:
        self.close()
        return End(why)

    def _dead(self, process: subprocess.Popen[bytes]) -> End:
        code = process.wait()
        self.close()
        return End("crashed", f"its process ended with {code}")


_ABOUT = {"ids": {}, "project": "fuzz", "log_level": "ERROR"}


def _used(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _held(pid: int) -> int:
    """Memory of its own; pages of files the system can drop."""
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(memory.rss - memory.shared)


def _answer_in(received: bytearray) -> End | None:
    """The end of the job, if its frame is there; frames of progress and of log lines are passed over."""
    while len(received) >= HEADER.size:
        (length,) = HEADER.unpack(received[: HEADER.size])
        if len(received) < HEADER.size + length:
            return None
        frame = orjson.loads(received[HEADER.size : HEADER.size + length])
        del received[: HEADER.size + length]
        if "error" in frame:
            failure = frame.get("failure", "")
            return End(frame["error"]["code"], f"{frame['error']['detail']} {failure}".strip(), length)
        if "result" in frame:
            return End("result", "", length)
    return None
