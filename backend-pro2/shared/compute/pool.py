"""Computation in killable children: the pool that a service or worker awaits, with time, memory and size limits."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from shared.compute import timings
from shared.compute.child import RESERVED_MB, RESERVED_VARIABLE
from shared.compute.deaths import counted_deaths
from shared.compute.handle import FAREWELL_SECONDS, MEBIBYTE, Child
from shared.compute.hearing import Overheard, about_log, repeat, report_failure
from shared.compute.protocol import ComputeFailed, Progress, encode_frame
from shared.compute.spares import Spares
from shared.tracing import Span

OnProgress = Callable[[Progress], Awaitable[None]]

# What the fork server is asked for.
FOR_ONE_JOB, FOR_MANY_JOBS = b"f", b"r"
_IMPORT_ROOT = Path(__file__).parents[2]
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS")
# These make their threads anew in each child with its first call, and let them spin: four fifths of a small analysis.
# What gains from more asks for more.
_ONE_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ComputePool:
    """Runs functions in children forked from a server process that has loaded `preload`, each child for one job.

    The server starts with the first job (or `open`), and again if it dies. `threads` bounds the math libraries' loops;
    `reserved_mb` is what libraries may reserve of address space without touching it. `spares` children wait for jobs,
    so that these need not wait for a fork.
    """

    def __init__(
        self, preload: tuple[str, ...] = (), *, threads: int = 2, reserved_mb: int = RESERVED_MB, spares: int = 0
    ) -> None:
        self._preload = preload
        self._threads = threads
        self._reserved_mb = reserved_mb
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._spares = Spares(self.fork, spares)

    async def open(self) -> None:
        """Start loading the libraries now instead of with the first job."""
        self._ensure_server()
        self._spares.refill()

    async def close(self) -> None:
        """Stop the server and every child that still computes."""
        await self._spares.close()
        self._drop_control()
        server, self._server = self._server, None
        if server is not None:
            # Without its control socket it kills its children and ends.
            await asyncio.to_thread(_bury, server)

    async def run(
        self,
        function: str,
        job: dict[str, Any],
        *,
        timeout_seconds: float,
        memory_mb: int,
        on_progress: OnProgress | None = None,
    ) -> dict[str, Any]:
        """Call "module.path:name" with (job, report) in a child; its answer. Job and answer cross as JSON.

        Cancelling kills the child before this returns. Time counts from when the child begins, memory is resident.

        Raises:
            ComputeFailed: there is no answer; `code` says why.
        """
        order = {"function": function, "job": job, "memory_mb": memory_mb, "cpu_seconds": self._cpu(timeout_seconds)}
        order |= about_log()
        with timings.computing(function, order) as computation:
            return await self._compute(order, timeout_seconds, memory_mb, on_progress, computation)

    async def _compute(
        self,
        order: dict[str, Any],
        timeout_seconds: float,
        memory_mb: int,
        on_progress: OnProgress | None,
        computation: Span,
    ) -> dict[str, Any]:
        child = await self._spares.take()
        try:
            with counted_deaths():
                if child.pid is not None:
                    child.begin(child.pid, timeout_seconds, memory_mb)
                child.send(encode_frame(order))
                async for message in child.messages():
                    timings.record(computation, message)
                    if "result" in message:
                        child.finished = True
                        result: dict[str, Any] = message["result"]
                        return result
                    await _react(child, message, timeout_seconds, memory_mb, on_progress)
                raise child.failure(None)
        finally:
            await child.leave()

    async def fork(self, kind: bytes = FOR_ONE_JOB) -> Child:
        """A fresh child, of the kind that its first byte names; the caller lets it `leave`."""
        connection, leash = self._fork(kind)
        reader, writer = await asyncio.open_connection(sock=connection, limit=MEBIBYTE)
        return Child(reader, writer, leash)

    def _cpu(self, timeout_seconds: float) -> int:
        return int(timeout_seconds * self._threads) + 5

    def _fork(self, kind: bytes) -> tuple[socket.socket, socket.socket]:
        (ours, theirs), (leash, leash_end) = socket.socketpair(), socket.socketpair()
        with theirs, leash_end:
            descriptors = [theirs.fileno(), leash_end.fileno()]
            try:
                socket.send_fds(self._ensure_server(), [kind], descriptors)
            except OSError:
                # It died since the last job; a fresh one has not seen this request.
                self._drop_control()
                socket.send_fds(self._ensure_server(), [kind], descriptors)
        return ours, leash

    def _ensure_server(self) -> socket.socket:
        if self._control is None or self._server is None or self._server.poll() is not None:
            self._drop_control()
            self._control = self._start_server()
        return self._control

    def _drop_control(self) -> None:
        control, self._control = self._control, None
        if control is not None:
            control.close()

    def _start_server(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "shared.compute.server", *self._preload]
        with theirs, Overheard() as overheard:
            self._server = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module names
                command,
                stdin=theirs.fileno(),
                stdout=overheard,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=_IMPORT_ROOT,
                start_new_session=True,
            )
        return ours

    def _environment(self) -> dict[str, str]:
        # A list of what may pass, so that no secret of today or tomorrow reaches code that handles users' data.
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        limits = dict.fromkeys(_THREAD_VARIABLES, str(self._threads)) | dict.fromkeys(_ONE_THREAD_VARIABLES, "1")
        return kept | limits | {RESERVED_VARIABLE: str(self._reserved_mb)}


def _bury(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(FAREWELL_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


async def _react(
    child: Child, message: dict[str, Any], timeout_seconds: float, memory_mb: int, on_progress: OnProgress | None
) -> None:
    if "pid" in message:
        child.begin(message["pid"], timeout_seconds, memory_mb)
    elif "progress" in message and on_progress is not None:
        await on_progress(Progress(*message["progress"]))
    elif "log" in message:
        repeat(child.pid, message["log"])
    elif "error" in message:
        report_failure(child.pid, message)
        raise ComputeFailed(**message["error"])
    elif "exit" in message:
        raise child.failure(message["exit"])
