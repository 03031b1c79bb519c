"""Clients that keep a connection and hardly say a thing: heads have their deadline, and others are served (A37)."""

import asyncio
import time

import pytest

from .places import SERVICES, Place
from .raw import request
from .wire import own_address

pytestmark = pytest.mark.e2e

SILENT = 300
TRICKLING = 200
DEADLINE_SECONDS = 10
# Beyond what a busy machine needs.
GRACE_SECONDS = 30
HALF = request("POST", "/api/v1/auth/login", "Content-Length: 5")[:-2] + b"X-Endless: "


async def lasted(place: Place, service: str, start: bytes, piece: bytes) -> tuple[float, bytes]:
    """How long a client keeps its connection that says `start` and then a `piece` each second, and its last word."""
    address = place.instance.address(service)
    local = (own_address(), 0)
    # The server may let it in long before a crowd of clients on one loop is told.
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(address.host, address.port, local_addr=local)
    ending = asyncio.ensure_future(reader.read())
    writer.write(start)
    while not ending.done() and time.monotonic() - began < DEADLINE_SECONDS + GRACE_SECONDS:
        writer.write(piece)
        await asyncio.wait([ending], timeout=1)
    writer.close()
    try:
        return time.monotonic() - began, await ending
    except ConnectionError:
        return time.monotonic() - began, b""


async def test_no_connection_is_kept_without_a_request(place: Place) -> None:
    # The module's watch asks all services for their health meanwhile, each time over a connection that is let in.
    crowd = [lasted(place, "api-gateway", b"", b"") for _ in range(SILENT)]
    crowd += [lasted(place, "api-gateway", HALF, b"a") for _ in range(TRICKLING)]
    crowd += [lasted(place, service, start, b"") for service in SERVICES for start in (b"", b"GET", HALF)]
    ends = await asyncio.gather(*crowd)
    times = [seconds for seconds, _ in ends]
    assert min(times) > DEADLINE_SECONDS - 1
    assert max(times) < DEADLINE_SECONDS + GRACE_SECONDS
    assert {word[:12] for _, word in ends} == {b"", b"HTTP/1.1 408"}
    assert all(word == b"" for _, word in ends[:SILENT])
