"""Has a conversation over a connection of its own, and hears what comes back."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..adversarial.wire import own_address
from .http_answers import Answers, answers_in
from .http_cases import CLOSE, HALF, READ, RESET, Case

# A server that says nothing for so long, and then once more after it has answered somebody else, waits for more.
QUIET_SECONDS = 0.15
# What it owes it may take its time for, on a busy machine.
OWED_SECONDS = 30.0
MOST_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Heard:
    """All that came back, and whether the server ended the connection."""

    data: bytes
    closed: bool

    @property
    def answers(self) -> Answers:
        return answers_in(self.data)


async def converse(url: str, case: Case) -> Heard:
    """Say what the case says, and listen as long as it does."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=(own_address(), 0))
    received = bytearray()
    closed = False
    try:
        closed = not await _say(writer, case)
        if case.ending in (READ, HALF) or closed:
            closed = await _listen(url, reader, received, case.answers or 0)
    finally:
        await _leave(writer, case.ending)
    return Heard(bytes(received), closed)


async def _say(writer: asyncio.StreamWriter, case: Case) -> bool:
    """Whether all of it went out."""
    try:
        for piece in case.pieces:
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), OWED_SECONDS)
            if case.pause:
                await asyncio.sleep(case.pause)
        if case.ending == HALF:
            writer.write_eof()
    except OSError:
        return False
    return True


async def _listen(url: str, reader: asyncio.StreamReader, received: bytearray, owed: int) -> bool:
    """Whether the server ended it."""
    deadline = asyncio.get_running_loop().time() + OWED_SECONDS
    patient = True
    while len(received) < MOST_BYTES:
        chunk = await _next(reader)
        if chunk:
            received += chunk
            patient = True
        elif chunk is not None:
            return True
        elif patient:
            # One on a busy machine may only be slow.
            patient = await _asked(url)
        elif len(answers_in(bytes(received)).replies) >= owed or asyncio.get_running_loop().time() > deadline:
            return False
    return False


async def _next(reader: asyncio.StreamReader) -> bytes | None:
    """What comes; nothing at the end of the connection, None for silence."""
    try:
        return await asyncio.wait_for(reader.read(65536), QUIET_SECONDS)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


async def _asked(url: str) -> bool:
    """Have the server answer somebody else; False, as nothing is left to be waited for after that."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=(own_address(), 0))
    writer.write(b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    return False


async def _leave(writer: asyncio.StreamWriter, ending: str) -> None:
    if ending == RESET:
        link: socket.socket = writer.get_extra_info("socket")
        with suppress(OSError):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    writer.close()
    if ending != CLOSE:
        with suppress(OSError):
            await writer.wait_closed()
