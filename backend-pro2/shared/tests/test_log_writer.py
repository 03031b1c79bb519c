"""The writer of lines: nobody waits for it, and what it could not write is counted to the line."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shared.logs.writer import LineWriter
from shared.metrics.logs import LOG_LINES, LOG_LINES_DROPPED

LINE = b'{"event":"x","pad":"' + b"y" * 200 + b'"}\n'
PATIENCE_SECONDS = 60


def report(count: int) -> bytes:
    return b'{"dropped":%d}\n' % count


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def written(level: str) -> float:
    return float(LOG_LINES.labels(level)._value.get())


class Reader:
    """Takes what comes out of a pipe, once it is let."""

    def __init__(self, descriptor: int) -> None:
        self.taken = b""
        self._descriptor = descriptor
        self._thread = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def _read(self) -> None:
        while block := os.read(self._descriptor, 65_536):
            self.taken += block

    @property
    def lines(self) -> list[bytes]:
        return self.taken.splitlines(keepends=True)


@pytest.fixture
def pipe() -> Iterator[tuple[Reader, int]]:
    read, write = os.pipe()
    reader = Reader(read)
    yield reader, write
    os.close(write)


def test_lines_are_written_in_order_and_counted(pipe: tuple[Reader, int]) -> None:
    reader, descriptor = pipe
    reader.begin()
    before = written("error")
    writer = LineWriter(descriptor, report)
    for number in range(5000):
        writer.write(b"%d\n" % number, "error")
    writer.write(b"a\nb\n", "error", 2)
    assert writer.flush(PATIENCE_SECONDS)
    until(lambda: len(reader.lines) == 5002)
    assert reader.lines == [*(b"%d\n" % number for number in range(5000)), b"a\n", b"b\n"]
    until(lambda: written("error") - before == 5002)


def test_a_blocked_pipe_holds_nobody_up_and_the_count_of_what_is_lost_is_true(pipe: tuple[Reader, int]) -> None:
    reader, descriptor = pipe
    before = LOG_LINES_DROPPED._value.get()
    writer = LineWriter(descriptor, report, maximum_waiting=100_000)
    # Far more than the pipe and the queue hold; none of these calls comes back if it waits for a reader.
    for _ in range(10_000):
        writer.write(LINE, "info")
    dropped = writer.dropped
    assert 0 < dropped < 10_000
    assert LOG_LINES_DROPPED._value.get() - before == dropped
    assert not writer.flush(0.05)
    reader.begin()
    until(lambda: b"dropped" in reader.taken)
    lines = reader.lines
    assert lines.count(LINE) == 10_000 - dropped
    assert lines.count(report(dropped)) == len(lines) - (10_000 - dropped) == 1
    writer.write(b"after\n", "info")
    until(lambda: reader.lines[-1] == b"after\n")


def test_a_closed_pipe_loses_lines_and_nothing_else() -> None:
    read, write = os.pipe()
    writer = LineWriter(write, report)
    os.close(read)
    for _ in range(10):
        writer.write(LINE, "info")
    assert writer.flush(PATIENCE_SECONDS)
    until(lambda: writer.dropped == 10)
    os.close(write)


def test_a_full_disk_loses_lines_until_there_is_room(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Reader, int]) -> None:
    reader, descriptor = pipe
    reader.begin()
    room = [5, 0, 0]
    really = os.write

    def write(target: int, data: bytes) -> int:
        if target != descriptor or not room:
            return really(target, data)
        if (left := room.pop(0)) == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(target, data[:left])

    monkeypatch.setattr(os, "write", write)
    writer = LineWriter(descriptor, report)
    writer.write(b"first line\nsecond\nthird\n", "info", 3)
    assert writer.flush(PATIENCE_SECONDS)
    until(lambda: writer.dropped == 2)
    writer.write(b"lost\n", "info")
    assert writer.flush(PATIENCE_SECONDS)
    writer.write(b"fourth\n", "info")
    until(lambda: b"dropped" in reader.taken)
    # The line that was begun is finished, so that no two become one.
    assert reader.lines == [b"first line\n", b"fourth\n", report(3)]


def test_a_pipe_that_somebody_made_impatient_is_waited_for(pipe: tuple[Reader, int]) -> None:
    reader, descriptor = pipe
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)
    writer = LineWriter(descriptor, report)
    for _ in range(2000):
        writer.write(LINE, "info")
    reader.begin()
    assert writer.flush(PATIENCE_SECONDS)
    until(lambda: reader.lines.count(LINE) == 2000)
    assert writer.dropped == 0


def test_after_closing_each_line_is_waited_for(pipe: tuple[Reader, int]) -> None:
    reader, descriptor = pipe
    reader.begin()
    writer = LineWriter(descriptor, report)
    writer.write(b"before\n", "info")
    writer.close()
    until(lambda: reader.lines == [b"before\n"])
    writer.write(b"last words\n", "info")
    assert writer.flush(0)


def test_closing_a_blocked_one_gives_up(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Reader, int]) -> None:
    _, descriptor = pipe
    monkeypatch.setattr("shared.logs.writer.FAREWELL_SECONDS", 0.05)
    writer = LineWriter(descriptor, report)
    for _ in range(1000):
        writer.write(LINE, "info")
    writer.close()
    for _ in range(1000):
        writer.write(LINE, "info")
