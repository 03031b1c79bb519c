"""A Celery worker of the project's own environment, for one application, and the process that gives it work."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from .errors import BenchError
from .instance import env_file, project_python
from .paths import PROJECT, scratch
from .usage import usage

READY, READY_SECONDS, STOP_SECONDS = " ready.", 60.0, 30.0


class Load:
    """`python -m shared.testing.task_load`: takes a command a line and answers each with a line of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, command: str) -> Any:
        """The answer to one command."""
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"the process that gives work ended; see {scratch('task_load.log')}")
        return json.loads(line)


class CeleryWorker:
    """One worker process; leaving the `with` block stops it."""

    def __init__(self, application: str) -> None:
        self._log = scratch(f"{application}.log")
        command = [str(project_python()), "-m", "celery", "-q", "-A", application, "worker"]
        command += ["--without-gossip", "--without-mingle", "--hostname", f"{application}@bench"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=PROJECT, env=_environment(), stdout=log, stderr=log)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + READY_SECONDS
        while READY not in self._log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise BenchError(f"the worker did not start; see {self._log}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it and its children have used."""
        return usage(self._process.pid).cpu_seconds

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def load() -> Iterator[Load]:
    """The process that gives work, which ends with its input."""
    command = [str(project_python()), "-m", "shared.testing.task_load"]
    with scratch("task_load.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        yield Load(process)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"ENV_FILE": str(env_file())}
