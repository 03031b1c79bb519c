"""A receiver of webhooks on the loopback: notes what comes, and answers as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken"
SILENCE = b""


def answer(status: int, *headers: str, body: str = "") -> bytes:
    """An answer of this status."""
    lines = (f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", body)
    return "\r\n".join(lines).encode()


@dataclass
class Taken:
    """A request that came."""

    line: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """What it says, if it is signed so."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What a test sees of it.

    Attributes:
        answers: of the next requests, each once; then all is well.
        repeated: sent over and over after the answer, `pause` seconds apart.
    """

    port: int = 0
    answers: list[bytes] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    repeated: bytes = b""
    pause: float = 0
    sent: int = 0
    at_once: int = 0
    most_at_once: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event | None = None

    def url(self, path: str = "/hook", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.taken.append(Taken(line, headers, body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.arrived.set()
        try:
            if self.release is not None:
                await self.release.wait()
            await self._answer(writer)
        finally:
            self.at_once -= 1

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        said = self.answers.pop(0) if self.answers else GOOD
        if said == SILENCE:
            await asyncio.sleep(30)
        writer.write(said)
        await writer.drain()
        while self.repeated:
            writer.write(self.repeated)
            self.sent += len(self.repeated)
            await writer.drain()
            await asyncio.sleep(self.pause)


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    state = Receiver()
    serving: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        serving.add(asyncio.ensure_future(state.serve(reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        # Closed sockets leave the loop one turn later.
        await asyncio.sleep(0)
