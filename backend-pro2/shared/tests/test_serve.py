"""A service as it is really served: which port it takes, and how it stops."""

import asyncio
import signal

import pytest

from shared.config import Settings
from shared.serve import port_of
from shared.testing.served import serving

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def test_each_service_has_the_port_that_the_settings_give_it() -> None:
    settings = Settings(api_gateway_port=1, data_service_port=2, ai_service_port=3, _env_file=None)
    assert [port_of(name, settings) for name in ("api-gateway", "data-service", "ai-service")] == [1, 2, 3]


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"no service 'x'.*api-gateway"):
        port_of("x", Settings(_env_file=None))


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return head.lower()


async def test_a_stopping_service_answers_once_more_on_each_connection_and_takes_no_new_one() -> None:
    async with serving(KEEP_ALIVE_DRAIN_SECONDS="15") as (process, port):
        reader, writer = await connect(port)
        assert b"connection: close" not in await answer(reader, writer)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system likes
            for _ in range(1500):
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                await asyncio.sleep(0.01)
        head = await answer(reader, writer)
        assert head.startswith(b"http/1.1 200")
        assert b"connection: close" in head
        assert await reader.read() == b""
        writer.close()
        assert await asyncio.wait_for(process.wait(), 30) in {0, -signal.SIGTERM}


async def test_idle_connections_are_closed_after_their_time() -> None:
    async with serving(KEEP_ALIVE_DRAIN_SECONDS="0.2") as (process, port):
        reader, writer = await connect(port)
        await answer(reader, writer)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        await asyncio.wait_for(process.wait(), 30)
