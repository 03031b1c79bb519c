"""The HTTP client that speaks to the services."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ..app.clients import upstreams
from ..app.clients.pool import Breaker
from ..app.clients.upstreams import Upstreams
from ..app.core.exceptions import UpstreamUnavailable
from .fakes import Clock
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


@pytest.mark.integration
class TestAgainstSockets:
    async def test_who_cannot_be_reached_costs_the_timeout_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upstreams, "CONNECT_SECONDS", 0.3)
        with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            async with opened(f"http://127.0.0.1:{deaf.getsockname()[1]}") as client:
                with pytest.raises(UpstreamUnavailable):
                    await client.json("data-service", "/", seconds=5)
                started = time.perf_counter()
                for _ in range(20):
                    with pytest.raises(UpstreamUnavailable):
                        await client.json("data-service", "/", seconds=5)
                assert time.perf_counter() - started < 0.2

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
