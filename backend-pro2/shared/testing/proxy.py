"""A TCP proxy that tests put before a server to take it away, or to damage what passes."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit, urlunsplit

Damage = Callable[[bytes], bytes]

CHUNK_BYTES = 64 * 1024


class Proxy:
    """Forwards connections to one server until `cut()`, and again after `restore()`.

    `downstream` and `upstream` change the bytes towards the client and the server; after `limit_bytes` towards the
    server a connection breaks. With `tls` it speaks that to its clients.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.downstream: Damage = bytes
        self.upstream: Damage = bytes
        self.limit_bytes: int | None = None
        self._target = (host, port)
        self._tls = tls
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str) -> AsyncIterator[tuple[Self, str]]:
        """A proxy before the server of `url`, and the URL that leads through it."""
        parts = urlsplit(url)
        proxy = cls(parts.hostname or "127.0.0.1", parts.port or 80)
        port = await proxy.start()
        user, at, _ = parts.netloc.rpartition("@")
        try:
            yield proxy, urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
        finally:
            await proxy.close()

    async def start(self) -> int:
        """Listen on a free port of this host; its number."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Break all connections and every new one at once."""
        self._is_cut = True
        for writer in tuple(self._open):
            writer.transport.abort()

    def restore(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    async def close(self) -> None:
        """Stop."""
        self.cut()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        serving = asyncio.create_task(self._forward(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            self._drop(writer)
            return
        self._open.add(far_writer)
        up = asyncio.create_task(self._pump(reader, far_writer, up=True))
        down = asyncio.create_task(self._pump(far_reader, writer, up=False))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for pump in (up, down):
            pump.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        self._drop(writer, far_writer)

    def _drop(self, *ends: asyncio.StreamWriter) -> None:
        for end in ends:
            self._open.discard(end)
            end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, up: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                passed += len(data)
                if up and self.limit_bytes is not None and passed > self.limit_bytes:
                    return
                target.write((self.upstream if up else self.downstream)(data))
                await target.drain()
