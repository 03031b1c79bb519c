"""The services behind the gateway: their addresses, connections and health."""

from asyncio import timeout
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from shared.http_protocol import MAXIMUM_HEAD_BYTES

from ..core.exceptions import HeadersTooLarge, UpstreamUnavailable
from .answers import BrokenAnswer
from .exchange import Body, Exchange, Headers, request
from .pool import Limits, Pool

CONNECTIONS = 2000
CONNECT_SECONDS = 2.0
POOL_SECONDS = 5.0
# Longer than any answer is held back: ?wait= blocks for at most 60 s, and event streams send a comment every 15 s. A
# service that gives no sign of life meanwhile is not waited for so long (vigil.py).
SILENCE_SECONDS = 120.0
# Less than the 5 s for which uvicorn keeps an idle connection, so that the gateway never writes into one just closed.
KEEP_ALIVE_SECONDS = 4.0
HEALTH_SECONDS = 1.5
MAXIMUM_DOCUMENT_BYTES = 16 * 1024 * 1024

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Service:
    host: bytes
    prefix: str
    pool: Pool


class Upstreams:
    """Sends requests to services by name, streaming both ways; nothing is followed, decoded or sent twice."""

    def __init__(self, bases: Mapping[str, str]) -> None:
        self._bases = dict(bases)
        self._services: dict[str, _Service] = {}

    async def open(self) -> None:
        """Make the pools; connections are made when wanted."""
        limits = Limits(CONNECTIONS, POOL_SECONDS, CONNECT_SECONDS, SILENCE_SECONDS, KEEP_ALIVE_SECONDS)
        self._services = {name: _service(base, limits) for name, base in self._bases.items()}

    async def close(self) -> None:
        """Cut all connections."""
        for service in self._services.values():
            service.pool.close()
        self._services = {}

    def exchange(
        self,
        service: str,
        method: str,
        path: str,
        headers: Headers,
        body: Body | None = None,
        length: int | None = None,
    ) -> Exchange:
        """A request to a service, sent when the block is entered; `length` is that of the body, None where unknown.

        Raises:
            UpstreamUnavailable: before the gateway has started, or after it has stopped.
            HeadersTooLarge: the service would refuse it unread.
        """
        known = self._services.get(service)
        if known is None:
            raise UpstreamUnavailable(service)
        asked = request(method, known.host, known.prefix + path, headers, body, length)
        if len(asked.head) > MAXIMUM_HEAD_BYTES:
            raise HeadersTooLarge(MAXIMUM_HEAD_BYTES)
        return Exchange(service, known.pool, asked)

    async def json(self, service: str, path: str, *, seconds: float) -> Any:
        """A JSON document of a service, within `seconds`.

        Raises:
            UpstreamUnavailable: it did not come.
        """
        try:
            async with timeout(seconds), self.exchange(service, "GET", path, ()) as answer:
                document = await _whole(answer)
                if not 200 <= answer.status < 300:
                    raise UpstreamUnavailable(service)
                return orjson.loads(document)
        except (BrokenAnswer, TimeoutError, ValueError) as error:
            raise UpstreamUnavailable(service) from error

    def probe(self, service: str) -> Callable[[], Awaitable[None]]:
        """A check of one service's health, for /health/detailed."""

        async def check() -> None:
            await self.json(service, "/health", seconds=HEALTH_SECONDS)

        return check


def _service(base: str, limits: Limits) -> _Service:
    parts = urlsplit(base)
    port = parts.port or _PORTS[parts.scheme]
    host, prefix = parts.netloc.rpartition("@")[2].encode("ascii"), parts.path.rstrip("/")
    alive = request("GET", host, prefix + "/health", ()).head
    pool = Pool(parts.hostname or "", port, limits, tls=parts.scheme == "https", sign_of_life=alive)
    return _Service(host, prefix, pool)


async def _whole(answer: Exchange) -> bytes:
    document, more = bytearray(), True
    while more:
        piece, more = await answer.read()
        document += piece
        if len(document) > MAXIMUM_DOCUMENT_BYTES:
            raise ValueError("too long a document")
    return bytes(document)
