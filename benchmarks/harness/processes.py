"""Start a server for a benchmark, wait until it answers, and end it by its own pid."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from .errors import BenchError
from .paths import ROOT, scratch
from .usage import family

READY_SECONDS = 30.0
STOP_SECONDS = 10.0


class Server:
    """One server process in its own group; leaving the `with` block ends it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        port: int,
        *,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.log = scratch(f"{name}.log")
        _refuse_taken_port(port)
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self.wait_ready()
        except BenchError:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return when the port accepts; raise with the end of the log when the server died or took too long."""
        deadline = time.monotonic() + seconds
        while not accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{self.name} did not start; end of {self.log.name}:\n{_tail(self.log)}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and its descendants; those that ignore SIGTERM are killed."""
        members = family(self.pid)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for member in members[1:]:
            if member.is_running():
                member.kill()


def accepts(port: int) -> bool:
    """Whether something on the loopback interface accepts connections on `port`."""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refuse_taken_port(port: int) -> None:
    if accepts(port):
        raise BenchError(f"port {port} is taken: stop what listens there (lsof -i :{port}) and run again.")


def _tail(path: Path, characters: int = 2000) -> str:
    return path.read_text(errors="replace")[-characters:]
