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


async def test_a_head_that_is_there_at_once_has_the_same_bound(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    reader, writer = connection
    writer.write(START + b"X: " + b"a" * (MAXIMUM_HEAD_BYTES - 100) + b"\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n"))[:12] == b"HTTP/1.1 200"
    await reader.readexactly(1)
    writer.write(START + b"X: " + b"a" * MAXIMUM_HEAD_BYTES + b"\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await reader.read())[:12] == b"HTTP/1.1 431"


class TestTrailers:
    async def test_they_are_no_headers(self) -> None:
        seen: list[tuple[bytes, bytes]] = []

        async def note(scope: Scope, receive: Receive, send: Send) -> None:
            await hello(scope, receive, send)
            seen.extend(scope["headers"])

        async with serving(note) as url:
            answer, _ = await _said(url, CHUNKED + b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\nX-Late: 1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert [name for name, _ in seen] == [b"host", b"transfer-encoding"]


class TestGarbage:
    """What is no HTTP, and when that is said."""

    @pytest.mark.parametrize("requests", [1, 3])
    async def test_behind_requests_it_is_not_taken_for_an_answer(self, requests: int) -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            asked.set()
            await go_on.wait()
            await hello(scope, receive, send)

        async with serving(slow) as url:
            running = asyncio.create_task(_said(url, (START + b"\r\n") * requests + b"\0 no HTTP\r\n\r\n"))
            await asked.wait()
            await asyncio.sleep(0.1)
            go_on.set()
            answer, closed = await running
        assert answer.count(b"HTTP/1.1 200") == answer.count(b"HTTP/1.1") == requests
        assert answer.count(b"connection: close") == 1
        assert closed

    @pytest.mark.parametrize(
        "sent", [b"\0 no HTTP\r\n\r\n", b"GET http:// HTTP/1.1\r\n\r\n", CHUNKED + b"1\r\nx\r\nno size\r\n"]
    )
    async def test_alone_or_as_a_body_it_is_refused(self, sent: bytes) -> None:
        async with serving(hello) as url:
            answer, closed = await _said(url, sent)
        assert answer.startswith(b"HTTP/1.1 400")
        assert closed

    async def test_in_the_middle_of_an_answer_only_the_end_is_understood(self) -> None:
        async def early(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            while (await receive())["type"] == "http.request":
                pass

        async with serving(early) as url:
            address = urlsplit(url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(CHUNKED + b"1\r\nx\r\n")
            await reader.readuntil(b"begun")
            writer.write(b"no size\r\n")
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert b"400" not in await reader.read()
            writer.close()


async def _said(url: str, *sent: bytes) -> tuple[bytes, bool]:
    """All that the server says to the pieces `sent`, and whether it ends the connection by itself."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    heard = bytearray()
    try:
        for piece in sent:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        while piece := await asyncio.wait_for(reader.read(65536), 3):
            heard += piece
    except TimeoutError:
        return bytes(heard), False
    finally:
        writer.close()
    return bytes(heard), True


class TestOffers:
    """Of another protocol, which is not spoken here."""

    OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"

    @pytest.mark.parametrize("size", [1, 60, 100_000])
    @pytest.mark.parametrize(
        "body", [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"\r\n"]
    )
    async def test_the_request_is_answered_as_without_it(self, body: bytes, size: int) -> None:
        one = b"POST / HTTP/1.1\r\nHost: x\r\n" + self.OFFER + body
        last = START + b"Connection: close\r\n\r\n"
        sent = one * 3 + last
        async with serving(hello) as url:
            answer, closed = await _said(url, *(sent[at : at + size] for at in range(0, len(sent), size)))
        count = b"3" if b"abc" in body else b"0"
        assert [part[-1:] for part in answer.split(b"HTTP/1.1 200")[1:]] == [count] * 3 + [b"0"]
        assert closed

    async def test_a_tunnel_is_refused_and_nothing_in_it_is_a_request(self) -> None:
        async with serving(hello) as url:
            answer, closed = await _said(url, b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + START + b"\r\n")
        assert answer.count(b"HTTP/1.1") == answer.count(b"connection: close") == 1
        assert closed
