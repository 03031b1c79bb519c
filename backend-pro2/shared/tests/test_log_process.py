"""The log of a real process whose output nobody takes, or that is told to end: answers go on, and counts are true."""

import asyncio
import fcntl
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from shared.testing.served import serving

pytestmark = pytest.mark.integration

# A line of such a path has two kilobytes, so some thousands fill what may wait.
LONG = "%e2%80%a8" * 290
REQUESTS = 8000
CONNECTIONS = 4
OTHERS = 200
QUIET = {"RATE_LIMIT_ANONYMOUS": "1000000", "SLOW_REQUEST_SECONDS": "3600", "KEEP_ALIVE_DRAIN_SECONDS": "0"}


class Output:
    """The far end of a process's standard output; nothing is taken from it before it is asked."""

    def __init__(self) -> None:
        self._read, self.descriptor = os.pipe()
        # As small as it can be.
        fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(self._read, True)
        self.text = b""

    async def take(self, until: bytes) -> None:
        """Read on until this has come."""
        while until not in self.text:
            self.text += await asyncio.to_thread(os.read, self._read, 1 << 20)

    async def rest(self) -> None:
        """Read until everybody who could write is dead."""
        while block := await asyncio.to_thread(os.read, self._read, 1 << 20):
            self.text += block

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text.splitlines()]


@pytest.fixture
async def output() -> AsyncIterator[Output]:
    output = Output()
    yield output
    os.close(output._read)


async def ask(port: int, numbers: range, path: str = "") -> None:
    """So many requests of one connection, each answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        writer.write(f"GET /n{number}-{path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        assert head.startswith(b"HTTP/1.1 404")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
    writer.close()


async def figures(port: int) -> dict[str, float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    pairs = [line.rpartition(" ") for line in text.splitlines() if line.startswith("log_lines")]
    return {name: float(value) for name, _, value in pairs}


@pytest.mark.timeout(300)
async def test_a_blocked_output_stops_no_request_and_what_is_lost_is_counted(output: Output) -> None:
    async with serving(output.descriptor, **QUIET) as (process, port):
        await asyncio.gather(*(ask(port, range(n, REQUESTS, CONNECTIONS), LONG) for n in range(CONNECTIONS)))
        dropped = (await figures(port))["log_lines_dropped_total"]
        assert dropped > 0
        os.close(output.descriptor)
        await output.take(b"log_lines_dropped")
        await ask(port, range(1))
        await end(process)
        await output.rest()
    told = [line["lines"] for line in output.lines if line["event"] == "log_lines_dropped"]
    written = sum(line["event"] == "request" for line in output.lines)
    assert told == [dropped]
    # What waits for the servers that are away says so now and then, and such lines are lost as well.
    assert 0 <= dropped - (REQUESTS + 1 - written) <= OTHERS


async def test_nothing_is_lost_when_it_is_told_to_end(output: Output) -> None:
    async with serving(output.descriptor, **QUIET) as (process, port):
        os.close(output.descriptor)
        reading = asyncio.create_task(output.rest())
        await ask(port, range(500))
        await end(process)
        await reading
    numbers = {line["path"] for line in output.lines if line["event"] == "request"}
    assert numbers == {f"/n{number}-" for number in range(500)}
    assert output.lines[-1]["event"].startswith("Finished server process")


async def end(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGTERM
