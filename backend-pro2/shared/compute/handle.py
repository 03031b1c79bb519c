"""Our end of a computing child: what it says, how long it may, how much memory, and why it was killed."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any

import orjson

from shared.compute.memory import holds_more
from shared.compute.protocol import HEADER, MAX_FRAME_BYTES, OUT_OF_MEMORY, ComputeFailed
from shared.logging import get_logger
from shared.metrics import compute as metrics

log = get_logger(__name__)

WATCH_SECONDS = 0.2
# A look that takes long is followed by a pause of so many times that.
LOOKING_TIMES = 20
FAREWELL_SECONDS = 2.0
MEBIBYTE = 1024 * 1024
_ENDS = {
    "timeout": "The computation took longer than it may; take fewer rows or ask for less at once.",
    "out_of_memory": OUT_OF_MEMORY,
    "answer_too_large": "The result is too large; narrow it down or limit its rows.",
    "crashed": "The process that computed this died; try again, and tell the operator if it happens again.",
}


class Child:
    """Our end of one child: its frames, its leash, and why it was killed if we did it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leash: socket.socket) -> None:
        self.finished = False
        self.pid: int | None = None
        self._reader = reader
        self._writer = writer
        self._leash = leash
        self._verdict: str | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._watch: asyncio.TimerHandle | None = None
        self._heard: asyncio.Future[dict[str, Any] | None] | None = None
        self._has_left = False
        metrics.begun()

    @property
    def is_waiting(self) -> bool:
        """Whether it has come up, and neither spoken nor ended since: it can be given a job."""
        return self._heard is not None and not self._heard.done()

    async def come_up(self) -> None:
        """Hear its first frame, which tells its number, and listen on while it has no job."""
        first = await self._frame()
        if first is not None and "pid" in first:
            self.pid = first["pid"]
            self._heard = asyncio.ensure_future(self._frame())

    def send(self, frame: bytes) -> None:
        """Give it a job."""
        self._writer.write(frame)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Frames until the connection ends; an oversized one kills the child."""
        while True:
            heard, self._heard = self._heard, None
            frame = await (heard or self._frame())
            if frame is None:
                return
            yield frame

    async def _frame(self) -> dict[str, Any] | None:
        try:
            (length,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            if length > MAX_FRAME_BYTES:
                self.kill("answer_too_large")
                return None
            frame: dict[str, Any] = orjson.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            return None
        return frame

    def begin(self, pid: int, timeout_seconds: float, memory_mb: int) -> None:
        """Start the clock and the watch over memory."""
        self.pid = pid
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(timeout_seconds, self.kill, "timeout"))
        self._watch = loop.call_later(WATCH_SECONDS, self._look, pid, memory_mb * MEBIBYTE)

    def _look(self, pid: int, limit: int) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if holds_more(pid, limit):
            self.kill("out_of_memory")
        else:
            pause = max(WATCH_SECONDS, LOOKING_TIMES * (loop.time() - begun))
            self._watch = loop.call_later(pause, self._look, pid, limit)

    def rest(self) -> None:
        """Stop them: the job is done, and the child waits for the next one."""
        for timer in (*self._timers, *([self._watch] if self._watch else [])):
            timer.cancel()
        self._timers.clear()

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
            self.rest()
            self._writer.transport.abort()
            if not self._has_left:
                self._has_left = True
                metrics.left()
