"""Real servers on free ports, inside the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import httpx
import uvicorn
from starlette.types import ASGIApp

from shared.http_protocol import BoundedHttpProtocol

Start = Callable[..., Awaitable[httpx.AsyncClient]]
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class QuietServer(uvicorn.Server):
    """uvicorn that says when it listens, and without its signal handlers, which belong to the test runner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, *, lifespan: Literal["on", "off"] = "off") -> AsyncIterator[str]:
    """The base URL of `app` behind uvicorn."""
    config = uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        port=0,
        lifespan=lifespan,
        ws="none",
        log_config=None,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    running = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def talking(conversation: Conversation) -> AsyncIterator[str]:
    """The base URL of a server that says whatever `conversation` writes, HTTP or not."""
    running: set[asyncio.Task[None]] = set()

    async def hear_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await conversation(reader, writer)
        finally:
            writer.close()

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.ensure_future(hear_out(reader, writer)))

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*running)
