"""The HTTP client that speaks to the services."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import pytest

from ..app.clients import upstreams
from ..app.clients.pool import Breaker
from ..app.clients.upstreams import Upstreams
from ..app.core.exceptions import UpstreamUnavailable
from .fakes import Clock
from .scripted_services import HELLO, Service
from .servers import talking


def test_breaker_refuses_for_a_second_after_a_timeout() -> None:
    clock = Clock()
    breaker = Breaker(clock=lambda: clock.now.timestamp())
    assert not breaker.is_open()
    breaker.trip()
    clock.forward(0.9)
    assert breaker.is_open()
    clock.forward(0.2)
    assert not breaker.is_open()


async def test_refuses_before_it_is_open_and_after_it_is_closed() -> None:
    with pytest.raises(UpstreamUnavailable):
        await Upstreams({"data-service": "http://127.0.0.1:9"}).json("data-service", "/", seconds=1)


@asynccontextmanager
async def opened(base: str) -> AsyncIterator[Upstreams]:
    """A client of one service at `base`."""
    client = Upstreams({"data-service": base})
    await client.open()
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def deaf_address() -> Iterator[tuple[str, int]]:
    """Where attempts to connect are neither accepted nor refused, as with a host that is gone."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        yield deaf.getsockname()


@contextmanager
def closed_address() -> Iterator[tuple[str, int]]:
    """Where attempts to connect are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()


@pytest.mark.integration
class TestAgainstSockets:
    async def test_who_cannot_be_reached_costs_the_timeout_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upstreams, "CONNECT_SECONDS", 0.5)
        with deaf_address() as (host, port):
            async with opened(f"http://{host}:{port}") as client:
                with pytest.raises(UpstreamUnavailable):
                    await client.json("data-service", "/", seconds=5)
                started = time.perf_counter()
                for _ in range(20):
                    with pytest.raises(UpstreamUnavailable):
                        await client.json("data-service", "/", seconds=5)
                assert time.perf_counter() - started < 20 * 0.5 / 2

    async def test_of_several_addresses_one_that_answers_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with deaf_address() as deaf, closed_address() as closed:
            async with talking(Service(HELLO)) as base:
                good = "127.0.0.1", urlsplit(base).port

                async def found(*_: object, **__: object) -> list[object]:
                    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in (closed, deaf, good)]

                monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
                async with opened(base) as client, client.exchange("data-service", "GET", "/", ()) as answer:
                    assert answer.status == 200

    async def test_silence_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upstreams, "SILENCE_SECONDS", 0.2)

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with talking(silent) as base, opened(base) as client:
            with pytest.raises(UpstreamUnavailable):
                async with client.exchange("data-service", "GET", "/", ()):
                    pass

    @pytest.mark.parametrize("body", [b"rubbish", b"\xff"])
    async def test_answer_that_is_no_json(self, body: bytes) -> None:
        async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)

        async with talking(conversation) as base, opened(base) as client:
            with pytest.raises(UpstreamUnavailable):
                await client.json("data-service", "/", seconds=2)
