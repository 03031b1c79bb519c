"""The services behind the gateway, over one pooled HTTP client."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from ..core.exceptions import UpstreamUnavailable

CONNECTIONS = 2000
READ_BUFFER_BYTES = 256 * 1024
CONNECT_SECONDS = 2.0
POOL_SECONDS = 5.0
# Longer than any answer is held back: ?wait= blocks for at most 60 s, and event streams send a comment every 15 s.
SILENCE_SECONDS = 120.0
# Less than the 5 s for which uvicorn keeps an idle connection, so that the gateway never writes into one just closed.
KEEP_ALIVE_SECONDS = 4.0
HEALTH_SECONDS = 1.5

Body = AsyncIterator[bytes] | None


class Breaker:
    """After a connection attempt that timed out, refuses at once for a second instead of making everybody wait."""

    def __init__(self, pause_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause_seconds
        self._clock = clock
        self._until = 0.0

    def is_open(self) -> bool:
        """Whether calls are refused for now."""
        return self._clock() < self._until

    def trip(self) -> None:
        """Refuse for the next second."""
        self._until = self._clock() + self._pause


class Upstreams:
    """Sends requests to services by name, streaming both ways; nothing is followed, decoded or retried with a body."""

    def __init__(self, bases: Mapping[str, str]) -> None:
        self._bases = dict(bases)
        self._breakers = {service: Breaker() for service in bases}
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool; connections are made when wanted."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(
                total=None, connect=POOL_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BUFFER_BYTES,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    @asynccontextmanager
    async def exchange(
        self, service: str, method: str, path: str, headers: Iterable[tuple[str, str]], body: Body = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The service's answer once its head is here; leaving the block frees the connection, early means cutting it.

        Raises:
            UpstreamUnavailable: no connection, or it ended or stayed silent before the head.
        """
        response = await self._send(service, method, path, headers, body)
        try:
            yield response
        except BaseException:
            response.close()
            raise
        response.release()

    async def json(self, service: str, path: str, *, seconds: float) -> Any:
        """A JSON document of a service, within `seconds`.

        Raises:
            UpstreamUnavailable: it did not come.
        """
        try:
            async with asyncio.timeout(seconds), self.exchange(service, "GET", path, ()) as response:
                response.raise_for_status()
                return await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UpstreamUnavailable(service) from error

    def probe(self, service: str) -> Callable[[], Awaitable[None]]:
        """A check of one service's health, for /health/detailed."""

        async def check() -> None:
            await self.json(service, "/health", seconds=HEALTH_SECONDS)

        return check

    async def _send(
        self, service: str, method: str, path: str, headers: Iterable[tuple[str, str]], body: Body
    ) -> aiohttp.ClientResponse:
        breaker = self._breakers[service]
        if self._http is None or breaker.is_open():
            raise UpstreamUnavailable(service)
        url = URL(self._bases[service] + path, encoded=True)
        try:
            return await self._http.request(method, url, headers=headers, data=body, allow_redirects=False)
        except aiohttp.ClientError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                breaker.trip()
            raise UpstreamUnavailable(service) from error
