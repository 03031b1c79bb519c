"""Computation in killable children: the pool that a service or worker awaits, with time, memory and size limits."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from shared.compute.memory import held_bytes
from shared.compute.protocol import (
    HEADER,
    MAX_FRAME_BYTES,
    OUT_OF_MEMORY,
    ComputeFailed,
    Progress,
    encode_frame,
)
from shared.logging import get_logger

log = get_logger(__name__)

OnProgress = Callable[[Progress], Awaitable[None]]

WATCH_SECONDS = 0.2
FAREWELL_SECONDS = 2.0
MEBIBYTE = 1024 * 1024
_IMPORT_ROOT = Path(__file__).parents[2]
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")
_ENDS = {
    "timeout": "The computation took longer than it may; take fewer rows or ask for less at once.",
    "out_of_memory": OUT_OF_MEMORY,
    "answer_too_large": "The result is too large; narrow it down or limit its rows.",
    "crashed": "The process that computed this died; try again, and tell the operator if it happens again.",
}


class ComputePool:
    """Runs functions in children forked from a server process that has loaded `preload`, each child for one job.

    The server starts with the first job (or `open`), and again if it dies. `threads` bounds the math libraries.
    """

    def __init__(self, preload: tuple[str, ...] = (), *, threads: int = 2) -> None:
        self._preload = preload
        self._threads = threads
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    async def open(self) -> None:
        """Start loading the libraries now instead of with the first job."""
        self._ensure_server()

    async def close(self) -> None:
        """Stop the server and every child that still computes."""
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
        async with self._child() as child:
            child.send(encode_frame(order))
            async for message in child.messages():
                if "result" in message:
                    child.finished = True
                    result: dict[str, Any] = message["result"]
                    return result
                await _react(child, message, timeout_seconds, memory_mb, on_progress)
            raise child.failure(None)

    def _cpu(self, timeout_seconds: float) -> int:
        return int(timeout_seconds * self._threads) + 5

    @asynccontextmanager
    async def _child(self) -> "AsyncIterator[_Child]":
        connection, leash = self._fork()
        reader, writer = await asyncio.open_connection(sock=connection, limit=MEBIBYTE)
        child = _Child(reader, writer, leash)
        try:
            yield child
        finally:
            await child.leave()

    def _fork(self) -> tuple[socket.socket, socket.socket]:
        (ours, theirs), (leash, leash_end) = socket.socketpair(), socket.socketpair()
        with theirs, leash_end:
            descriptors = [theirs.fileno(), leash_end.fileno()]
            try:
                socket.send_fds(self._ensure_server(), [b"f"], descriptors)
            except OSError:
                # It died since the last job; a fresh one has not seen this request.
                self._drop_control()
                socket.send_fds(self._ensure_server(), [b"f"], descriptors)
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
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module names
                command, stdin=theirs.fileno(), env=self._environment(), cwd=_IMPORT_ROOT, start_new_session=True
            )
        return ours

    def _environment(self) -> dict[str, str]:
        # A list of what may pass, so that no secret of today or tomorrow reaches code that handles users' data.
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return kept | dict.fromkeys(_THREAD_VARIABLES, str(self._threads))


class _Child:
    """Our end of one child: its frames, its leash, and why it was killed if we did it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leash: socket.socket) -> None:
        self.finished = False
        self._reader = reader
        self._writer = writer
        self._leash = leash
        self._verdict: str | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._watch: asyncio.TimerHandle | None = None

    def send(self, frame: bytes) -> None:
        self._writer.write(frame)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Frames until the connection ends; an oversized one kills the child."""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                (length,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                if length > MAX_FRAME_BYTES:
                    self.kill("answer_too_large")
                    return
                yield orjson.loads(await self._reader.readexactly(length))

    def begin(self, pid: int, timeout_seconds: float, memory_mb: int) -> None:
        """Start the clock and the watch over memory."""
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(timeout_seconds, self.kill, "timeout"))
        self._watch = loop.call_later(WATCH_SECONDS, self._look, pid, memory_mb * MEBIBYTE)

    def _look(self, pid: int, limit: int) -> None:
        if held_bytes(pid) > limit:
            self.kill("out_of_memory")
        else:
            self._watch = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._look, pid, limit)

    def kill(self, verdict: str) -> None:
        """Let the server kill the group; if even the server hangs, stop listening after two seconds."""
        self._verdict = self._verdict or verdict
        self._leash.close()
        self._timers.append(asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self._writer.transport.abort))

    def failure(self, status: int | None) -> ComputeFailed:
        """What to raise for a child that ended with `status` (negative: by that signal) before it answered."""
        code = self._verdict or ("timeout" if status == -signal.SIGXCPU else "crashed")
        if code == "crashed":
            log.warning("compute_child_died", status=status)
        return ComputeFailed(code, _ENDS[code])

    async def leave(self) -> None:
        """Make sure that the child is gone; waits for its death unless it has answered."""
        try:
            if not self.finished:
                self.kill("cancelled")
                async for message in self.messages():
                    if "exit" in message:
                        break
        finally:
            self._leash.close()
            for timer in (*self._timers, *([self._watch] if self._watch else [])):
                timer.cancel()
            self._writer.transport.abort()


def _bury(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(FAREWELL_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


async def _react(
    child: _Child, message: dict[str, Any], timeout_seconds: float, memory_mb: int, on_progress: OnProgress | None
) -> None:
    if "pid" in message:
        child.begin(message["pid"], timeout_seconds, memory_mb)
    elif "progress" in message and on_progress is not None:
        await on_progress(Progress(*message["progress"]))
    elif "error" in message:
        if "trace" in message:
            log.error("compute_function_failed", trace=message["trace"])
        raise ComputeFailed(**message["error"])
    elif "exit" in message:
        raise child.failure(message["exit"])
