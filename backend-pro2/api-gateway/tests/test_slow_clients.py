"""Slow clients at real sockets, with seconds that take a fiftieth of one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, StreamingResponse

from shared import http_protocol, problems, slow_clients
from shared.middleware.request_id import RequestIdMiddleware
from shared.problems import add_problem_handlers
from shared.slow_clients import BODY, HEAD, Pace

from .fakes_log import LogLines
from .servers import serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

SECOND = 0.02
# A tenth of the real one, which would take too long even so.
ANSWER = Pace("answer", silence=60, window=60, least=60 * 256)
MEGABYTE = 1 << 20
GET = b"GET /%s HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\n\r\n"
POST = b"POST /%s HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\nContent-Length: %d\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
WHOLE = b"".join([POST % (b"count", 3), b"abc"])

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Link]]


class Service:
    """Counts bodies, or holds them; answers endlessly, or hardly."""

    def __init__(self) -> None:
        self.permission = asyncio.Event()
        self.left = asyncio.Event()
        self.app = FastAPI()
        add_problem_handlers(self.app)
        self.app.add_middleware(RequestIdMiddleware)
        for name in ("count", "hold", "flood", "events"):
            self.app.add_api_route(f"/{name}", getattr(self, name), methods=["GET", "POST"], response_model=None)

    async def count(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    async def hold(self, request: Request) -> PlainTextResponse:
        await self.permission.wait()
        return await self.count(request)

    async def flood(self) -> StreamingResponse:
        return StreamingResponse(self._flood())

    async def _flood(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(MEGABYTE)
                await asyncio.sleep(0)
        finally:
            self.left.set()

    async def events(self) -> StreamingResponse:
        return StreamingResponse(self._comments(), media_type="text/event-stream")

    async def _comments(self) -> AsyncIterator[bytes]:
        while True:
            yield b": still here\n\n"
            await asyncio.sleep(15 * SECOND)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> LogLines:
    """What the sweep and the handlers of errors say."""
    log = LogLines()
    monkeypatch.setattr(slow_clients, "log", log)
    monkeypatch.setattr(problems, "log", log)
    return log


@pytest.fixture
async def url(service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(slow_clients, "SWEEP_SECONDS", SECOND)
    monkeypatch.setattr(http_protocol, "ANSWER", ANSWER)
    async with serving(service.app) as url:
        yield url


@pytest.fixture
async def connect(url: str) -> AsyncIterator[Connect]:
    links: list[Link] = []

    async def connect() -> Link:
        address = urlsplit(url)
        links.append(await asyncio.open_connection(address.hostname, address.port))
        return links[-1]

    yield connect
    for _, writer in links:
        writer.close()


async def said_until_the_end(link: Link, piece: bytes = b"", every: float = SECOND) -> bytes:
    """What the server says before it closes, while the client goes on sending `piece`."""
    reader, writer = link
    ending = asyncio.ensure_future(reader.read())
    while not ending.done():
        writer.write(piece)
        await asyncio.sleep(every)
    try:
        return await ending
    except ConnectionError:
        return b""


async def seconds(number: float) -> None:
    await asyncio.sleep(number * SECOND)


async def test_silence_ends_without_a_word(connect: Connect) -> None:
    assert await said_until_the_end(await connect()) == b""


@pytest.mark.parametrize(("start", "piece"), [(HALF, b""), (HALF, b"a"), (WHOLE + HALF, b"")])
async def test_a_head_that_does_not_end(connect: Connect, log: LogLines, start: bytes, piece: bytes) -> None:
    link = await connect()
    link[1].write(start)
    said = await said_until_the_end(link, piece)
    before, _, answer = said.partition(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert before.endswith(b"3 bytes" if start.startswith(WHOLE) else b"")
    assert log.lines == [("info", "slow_clients_cut", {"head": 1, "clients": 1, "addresses": ["127.0.0.1"]})]


async def test_line_ends_between_requests_hold_nothing_and_are_no_request(connect: Connect) -> None:
    link = await connect()
    link[1].write(WHOLE)
    said = await said_until_the_end(link, b"\r\n")
    assert said.endswith(b"3 bytes")


@pytest.mark.parametrize("piece", [b"", b"a"])
async def test_a_body_that_stalls_or_trickles(connect: Connect, log: LogLines, piece: bytes) -> None:
    link = await connect()
    link[1].write(POST % (b"count", 100_000) + bytes(50))
    said = await said_until_the_end(link, piece)
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\nx-request-id: mine\r\n" in said
    assert b'"instance":"/count","code":"request_too_slow","request_id":"mine"' in said
    assert sorted(event for _, event, _ in log.lines) == ["client_disconnected", "slow_clients_cut"]


async def test_a_slow_honest_body_arrives(connect: Connect) -> None:
    reader, writer = await connect()
    size, piece = 80_000, bytes(1000)
    writer.write(POST % (b"count", size))
    for _ in range(size // len(piece)):
        writer.write(piece)
        await seconds(2.5)
    assert b"80000 bytes" in await reader.readuntil(b"bytes")


async def test_an_upload_that_we_hold_back_waits(connect: Connect, service: Service) -> None:
    reader, writer = await connect()
    writer.write(POST % (b"hold", 2 * MEGABYTE) + bytes(MEGABYTE))
    await seconds(2 * BODY.window)
    service.permission.set()
    writer.write(bytes(MEGABYTE))
    assert b"%d bytes" % (2 * MEGABYTE) in await reader.readuntil(b"bytes")


async def test_who_takes_nothing_of_an_answer_is_cut(url: str, service: Service, log: LogLines) -> None:
    address = urlsplit(url)
    with closing(socket.create_connection((address.hostname, address.port))) as link:
        link.sendall(GET % b"flood")
        await service.left.wait()
    assert [fields["answer"] for _, _, fields in log.lines] == [1]


async def test_who_takes_an_answer_slowly_is_served(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(GET % b"flood")
    for _ in range(3 * ANSWER.window // 2):
        assert await reader.read(64 * 1024)
        await seconds(2)


async def test_events_go_on(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(GET % b"events")
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(2 * ANSWER.silence // 15):
        await reader.readuntil(b": still here\n\n")


async def test_idle_connections_are_not_ours(connect: Connect) -> None:
    reader, writer = await connect()
    for _ in range(3):
        writer.write(WHOLE)
        await reader.readuntil(b"3 bytes")
        await seconds(3 * HEAD.window)


async def test_five_hundred_silent_clients_while_others_are_served(connect: Connect, url: str) -> None:
    links = await asyncio.gather(*(connect() for _ in range(500)))
    for number, (_, writer) in enumerate(links):
        writer.write(HALF[: number % 10])
    ends = asyncio.gather(*(said_until_the_end(link) for link in links))
    served = 0
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while not ends.done():
            answer = await client.post("/count", content=b"abc")
            assert answer.text == "3 bytes"
            served += 1
    assert served > 1
    assert {said[:12] for said in await ends} == {b"", b"HTTP/1.1 408"}
