"""Requests to URLs that users name: looked up once, judged, sent to that very address, and nothing is followed."""

import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.addresses import Network
from shared.url_guard import Address, Resolve, literal, require_public

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver
    from yarl import URL


class NoAddress(Exception):
    """The URL's host has no address, or nobody says which."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request.

    Attributes:
        connect_seconds, silence_seconds: limits for the connection and for each pause of the answer.
        tls: whom to trust instead of the system's authorities.
    """

    method: str
    headers: Mapping[str, str]
    connect_seconds: float
    silence_seconds: float
    body: bytes | None = None
    tls: ssl.SSLContext | None = None


async def address_of(url: "URL", networks: Sequence[Network], resolve: Resolve) -> Address:
    """The one address that will be connected to; every one that the host has must be allowed.

    Args:
        networks: private ones that it may lead to.

    Raises:
        Invalid: `url_refused`. NoAddress: there is none.
    """
    host = url.host or ""
    if (found := literal(host)) is not None:
        addresses: Sequence[Address] = [found]
    else:
        try:
            addresses = await resolve(host, url.port or 0)
        except (OSError, UnicodeError) as error:
            raise NoAddress from error
    if not addresses:
        raise NoAddress
    for address in addresses:
        require_public(address, networks)
    return addresses[0]


@asynccontextmanager
async def exchange(url: "URL", address: Address, request: Outgoing) -> AsyncIterator["aiohttp.ClientResponse"]:
    """The answer to a request, from its headers on; the connection ends with the block.

    Raises:
        aiohttp.ClientError, OSError, TimeoutError: there is none.
    """
    import aiohttp

    connector = aiohttp.TCPConnector(
        resolver=_pinned(address),
        use_dns_cache=False,
        force_close=True,
        ssl=True if request.tls is None else request.tls,
    )
    # No proxy from the environment, no cookies, no credentials from a file, and nothing unpacked on the way.
    session = aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=request.connect_seconds, sock_read=request.silence_seconds),
        headers=dict(request.headers),
    )
    async with (
        session,
        session.request(request.method, url, data=request.body, allow_redirects=False) as answer,
    ):
        yield answer


def _pinned(address: Address) -> "AbstractResolver":
    """Knows one address, whatever the host: a second look-up could say another than the one that was judged."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Pinned(AbstractResolver):
        async def resolve(
            self,
            host: str,
            port: int = 0,
            family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - the base's signature
        ) -> list[ResolveResult]:
            found = socket.AF_INET if address.version == 4 else socket.AF_INET6
            return [ResolveResult(hostname=host, host=str(address), port=port, family=found, proto=0, flags=0)]

        async def close(self) -> None:
            """Nothing is open."""

    return Pinned()
