"""Services that say what a test wants them to, and exchanges with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from ..app.clients.exchange import Body, Exchange, request
from ..app.clients.pool import Limits, Pool
from .servers import Conversation, talking

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
PATIENT = Limits(connections=4, place=0.2, connect=1, silence=30, keep_alive=4)
MEBIBYTE = 1 << 20
ENOUGH = 64


class Gone(Exception):
    """The client hung up."""


def body_of(*pieces: bytes) -> Body:
    """A body of these pieces."""
    left = list(pieces)

    async def read() -> tuple[bytes, bool]:
        return left.pop(0), bool(left)

    return read


def endless(read: list[int]) -> Body:
    """A body of mebibytes without end, which notes each that was read."""

    async def body() -> tuple[bytes, bool]:
        read.append(MEBIBYTE)
        await asyncio.sleep(0)
        return bytes(MEBIBYTE), True

    return body


class Service:
    """A service that goes through a script: for each request, on whatever connection, one line of it."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = list(lines)
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says a line for each head that it reads; an empty line is to hang up."""
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                line = self.lines.pop(0)
                writer.write(line)
                if not line:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed += 1


@asynccontextmanager
async def pool_of(
    conversation: Conversation, limits: Limits = PATIENT, sign_of_life: bytes | None = None
) -> AsyncIterator[Pool]:
    async with talking(conversation) as url:
        address = urlsplit(url)
        pool = Pool(address.hostname or "", address.port or 0, limits, sign_of_life=sign_of_life)
        try:
            yield pool
        finally:
            pool.close()
            await asyncio.sleep(0.05)


def to(pool: Pool, method: str = "GET", body: Body | None = None, length: int | None = None) -> Exchange:
    return Exchange("data-service", pool, request(method, b"a", "/", (), body, length))


async def whole(exchange: Exchange) -> bytes:
    """The answer's body."""
    async with exchange as answer:
        return await rest(answer)


async def rest(answer: Exchange) -> bytes:
    """What is left of the answer's body."""
    said, more = [], True
    while more:
        piece, more = await answer.read()
        said.append(piece)
    return b"".join(said)
