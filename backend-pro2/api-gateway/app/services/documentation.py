"""The instance's OpenAPI document: the gateway's own and those of the services behind it."""

import asyncio
import time
from collections.abc import Callable, Sequence

import orjson

from shared.errors import ServiceUnavailable

from ..clients.upstreams import Upstreams
from ..core.openapi import Document, Part, merge
from ..core.paths import Route

WHOLE_SECONDS = 30.0
PARTIAL_SECONDS = 2.0
FETCH_SECONDS = 5.0


class Documentation:
    """Fetches and merges on demand; a service that is away costs its part of the document, never the whole."""

    def __init__(
        self,
        own: Callable[[], Document],
        upstreams: Upstreams,
        routes: Sequence[Route],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = own
        self._upstreams = upstreams
        self._routes = routes
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._bytes = b""
        self._good_until = 0.0

    async def document(self) -> bytes:
        """The merged document as JSON, at most half a minute old."""
        async with self._fetching:
            if self._clock() >= self._good_until:
                await self._renew()
            return self._bytes

    async def _renew(self) -> None:
        services = sorted({route.service for route in self._routes})
        parts = await asyncio.gather(*(self._part(service) for service in services))
        self._bytes = orjson.dumps(merge(self._own(), parts, self._routes))
        whole = all(part.document is not None for part in parts)
        self._good_until = self._clock() + (WHOLE_SECONDS if whole else PARTIAL_SECONDS)

    async def _part(self, service: str) -> Part:
        try:
            document = await self._upstreams.json(service, "/openapi.json", seconds=FETCH_SECONDS)
        except ServiceUnavailable:
            return Part(service, None)
        return Part(service, document if isinstance(document, dict) else None)
