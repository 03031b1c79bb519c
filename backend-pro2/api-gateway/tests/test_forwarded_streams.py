"""Streams of events through the gateway: as they come, and ended in good order when the gateway stops."""

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from shared.config import Settings
from shared.resources import Resources

from ..app.main import create_app
from .servers import serving

pytestmark = pytest.mark.integration

EVENT = b"event: log\ndata: {}\nid: 1\n\n"


class Endless:
    """A service whose stream says one thing, and then nothing until its client leaves."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            continue
        self.left.set()


async def test_a_gateway_that_stops_ends_its_streams_in_good_order(
    gateway_settings: Settings, resources: Resources
) -> None:
    service = Endless()
    async with serving(service) as url, asyncio.timeout(20):
        settings = gateway_settings.model_copy(update={"ai_service_url": url})
        gateway = serving(create_app(settings, resources), lifespan="on")
        base_url = await gateway.__aenter__()
        async with (
            httpx.AsyncClient(base_url=base_url, timeout=30) as client,
            client.stream("GET", "/api/v1/tasks/x/events") as stream,
        ):
            pieces = stream.aiter_raw()
            # At once, though the answer goes on.
            assert await anext(pieces) == EVENT
            stopping = asyncio.create_task(gateway.__aexit__(None, None, None))
            # A connection that was cut would raise here.
            assert [piece async for piece in pieces] == []
            await stopping
        await service.left.wait()
