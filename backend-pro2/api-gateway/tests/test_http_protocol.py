"""Heads that never end, against a real socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from urllib.parse import urlsplit

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.http_protocol import MAXIMUM_HEAD_BYTES

from .servers import serving

pytestmark = pytest.mark.integration

PIECE = b"a" * 16_384
ENOUGH = 1000
PATIENCE_SECONDS = 30
START = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = START.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "path": (b"GET /", PIECE),
    "value": (START + b"X: ", PIECE),
    "fields": (START, b"X: " + PIECE[:1000] + b"\r\n"),
    "chunk extension": (CHUNKED + b"1;", PIECE),
    "trailer": (CHUNKED + b"0\r\nX: ", PIECE),
}


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await Response(f"{size}")(scope, receive, send)


@pytest.fixture
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with serving(hello) as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        yield reader, writer
        writer.close()


async def sent_before_the_end(writer: asyncio.StreamWriter, pieces: Iterator[bytes]) -> int:
    sent = 0
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(piece)
    except OSError:
        pass
    return sent


@pytest.mark.parametrize("kind", ENDLESS)
async def test_what_never_ends_is_cut_off(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], kind: str
) -> None:
    reader, writer = connection
    start, piece = ENDLESS[kind]
    writer.write(start)
    assert await sent_before_the_end(writer, repeat(piece, ENOUGH)) < ENOUGH * len(piece)
    assert reader.at_eof() or reader.exception() is not None or await reader.read(12) in (b"HTTP/1.1 431", b"")


async def test_the_refusal_says_why(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    reader, writer = connection
    writer.write(START + b"X: " + b"a" * MAXIMUM_HEAD_BYTES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"at most 65536 bytes" in answer


async def test_bodies_and_pipelined_requests_are_not_heads(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    reader, writer = connection
    size = 4 * MAXIMUM_HEAD_BYTES
    writer.write(START.replace(b"GET", b"POST") + b"Content-Length: %d\r\n\r\n" % size + b"a" * size)
    assert (await reader.readuntil(b"\r\n\r\n"))[:12] == b"HTTP/1.1 200"
    assert await reader.readexactly(6) == b"262144"
    requests = MAXIMUM_HEAD_BYTES // len(START) * 2
    writer.write((START + b"\r\n") * requests)
    for _ in range(requests):
        assert (await reader.readuntil(b"\r\n\r\n"))[:12] == b"HTTP/1.1 200"
        await reader.readexactly(1)
