"""Writes log lines from a thread of its own: whoever logs never waits for a pipe, a disk or a terminal."""

import os
import select
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from shared.metrics.logs import LOG_LINES, LOG_LINES_DROPPED

# What may wait; more than that is dropped, and counted.
MAXIMUM_WAITING_BYTES = 8 * 1024 * 1024
BYTES_A_WRITE = 64 * 1024
FAREWELL_SECONDS = 2.0
# How soon a process that is about to end looks again whether all is written.
LOOK_SECONDS = 0.01
STANDARD_OUTPUT = 1
LINE_FEED = 10

Report = Callable[[int], bytes]
Chunk = tuple[bytes, str, int]


class LineWriter:
    """A bounded queue of lines and the thread that empties it into a file descriptor.

    `report` makes the line that says how many were dropped; it follows as soon as lines can be written again.
    """

    def __init__(self, descriptor: int, report: Report, maximum_waiting: int = MAXIMUM_WAITING_BYTES) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._report = report
        self._maximum = maximum_waiting
        # Both can be entered again: a handler of a signal logs in the very thread that it interrupts.
        self._lock = threading.RLock()
        self._chunks: SimpleQueue[Chunk] = SimpleQueue()
        self._waiting = 0
        self._untold = 0
        self._begun = b""
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def write(self, lines: bytes, level: str, count: int = 1) -> None:
        """Have so many lines of a level written, or dropped if too much waits already; returns at once."""
        with self._lock:
            if self._waiting + len(lines) > self._maximum:
                self._drop(count)
                return
            self._waiting += len(lines)
            self._chunks.put((lines, level, count))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="log-lines", daemon=True)
                self._thread.start()
        if self._is_closing:
            self.close()

    def flush(self, seconds: float = FAREWELL_SECONDS) -> bool:
        """Wait until all is written, for so long at most; whether it is."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return not self._waiting

    def close(self) -> None:
        """The process is about to end: write what there is, and from now on wait for each line that still comes."""
        # Unless nothing can be written: the process must end all the same.
        self._is_closing = self.flush()

    def _drop(self, count: int) -> None:
        with self._lock:
            self.dropped += count
            self._untold += count
        LOG_LINES_DROPPED.inc(count)

    def _work(self) -> None:
        while True:
            taken = self._take()
            if self._put(b"".join(lines for lines, _, _ in taken)):
                for _, level, count in taken:
                    LOG_LINES.labels(level).inc(count)
                self._tell()
            with self._lock:
                self._waiting -= sum(len(lines) for lines, _, _ in taken)

    def _take(self) -> list[Chunk]:
        """What waits, up to what is written in one go; at least one."""
        taken = [self._chunks.get()]
        size = len(taken[0][0])
        try:
            while size < BYTES_A_WRITE:
                taken.append(self._chunks.get_nowait())
                size += len(taken[-1][0])
        except Empty:
            return taken
        return taken

    def _tell(self) -> None:
        """Say how many were dropped, once nothing waits any more."""
        if not self._untold or not self._chunks.empty():
            return
        with self._lock:
            untold, self._untold = self._untold, 0
        # Of a report that was begun, the rest follows.
        if not self._put(self._report(untold), counted=False) and not self._begun:
            with self._lock:
                self._untold += untold

    def _put(self, lines: bytes, *, counted: bool = True) -> bool:
        """Write all of it; whether that was possible."""
        text = self._begun + lines
        sent = 0
        try:
            while sent < len(text):
                sent += self._send(text[sent:])
        except OSError:
            lost = self._keep_begun(text, sent)
            if counted:
                self._drop(lost)
            return False
        self._begun = b""
        return True

    def _send(self, text: bytes) -> int:
        try:
            return os.write(self._descriptor, text)
        except BlockingIOError:
            # Somebody who has the same pipe made it so; this thread has all the time of the world.
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            poll.poll()
            return 0

    def _keep_begun(self, text: bytes, sent: int) -> int:
        """Keep the rest of a line of which a part is written; the number of lines that are lost."""
        is_begun = text[sent - 1] != LINE_FEED if sent else bool(self._begun)
        end = text.index(b"\n", sent) + 1 if is_begun else sent
        self._begun = text[sent:end]
        return text.count(b"\n", end)
