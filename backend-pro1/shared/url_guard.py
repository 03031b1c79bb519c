"""Which URLs may be fetched for a user: public addresses over http and https, and nothing inside our own walls.

The special registries are IANA's (RFC 6890 and its updates). An IPv6 address that leads to an IPv4 one is judged by it.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from shared.addresses import Network
from shared.errors import Invalid

if TYPE_CHECKING:
    from yarl import URL

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

SCHEMES = frozenset({"http", "https"})
RESOLVE_SECONDS = 10
# Names that lead nowhere but inside (RFC 6761, 6762 and 8375, and the one that clouds use for themselves).
_INNER_NAMES = re.compile(r"[^.]*|(.*\.)?(localhost|local|internal|localdomain|lan|home\.arpa)", re.IGNORECASE)
# A host that ends so is taken for an address, by some in octal and by others not.
_NUMBER = re.compile("[0-9]+|0[xX][0-9a-fA-F]*")
_NAT64, _TRANSLATED = ip_network("64:ff9b::/96"), ip_network("::ffff:0:0:0/96")
# What the standard library of some version takes for public: relays, benchmarks, discard, documentation, an
# address inside every machine of a large cloud, and the local form of NAT64, which may lead anywhere.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32"),
        *("64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)


def parse_url(text: str) -> "URL":
    """The URL as it will be fetched.

    Raises:
        Invalid: `url_refused`.
    """
    # It costs a start 30 ms, and few processes fetch anything.
    from yarl import URL

    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError as error:
        raise refused("This is not a URL that can be read.") from error
    if url.scheme not in SCHEMES:
        raise refused("The URL must begin with http:// or https://.")
    if not host or not port:
        raise refused("The URL names no host, or no port that one can connect to.")
    if url.user is not None or url.password is not None:
        raise refused("The URL must not hold a user name or a password.")
    if literal(host) is None and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise refused("Write the address in the URL in its usual form, such as 203.0.113.7.")
    return url.with_fragment(None)


def require_outside(url: "URL", networks: Sequence[Network]) -> None:
    """Refuse early what shows without asking anybody: an address, or a name, that leads inside.

    Names are not looked up here: whoever asks would learn how our own network answers.

    Raises:
        Invalid: `url_refused`.
    """
    host = url.host or ""
    if (address := literal(host)) is not None:
        require_public(address, networks)
    elif not networks and _INNER_NAMES.fullmatch(host.rstrip(".")):
        raise refused("The URL's host is a name of our own network.")


def require_public(address: Address, networks: Sequence[Network]) -> None:
    """Let an address pass that is public, or in one of the networks that the instance allows.

    Raises:
        Invalid: `url_refused`.
    """
    if not is_allowed(address, networks):
        raise refused("The URL leads to an address that is not public.")


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether it may be connected to."""
    inner = list(_inner(address))
    if any(one in network for one in (address, *inner) for network in networks if one.version == network.version):
        return True
    return all(map(_is_public, inner)) if inner else _is_public(address)


def literal(host: str) -> Address | None:
    """The address that a host is, if it is no name."""
    with suppress(ValueError):
        return ip_address(host.partition("%")[0])
    return None


async def resolve(host: str, port: int) -> Sequence[Address]:
    """The addresses of a host, asked for once.

    Raises:
        OSError, TimeoutError: there are none, or nobody says.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = (literal(str(entry[4][0])) for entry in found)
    return list(dict.fromkeys(address for address in addresses if address is not None))


def refused(detail: str) -> Invalid:
    """The error for a URL that is not fetched."""
    return Invalid(detail, code="url_refused")


def _inner(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 address that an IPv6 one leads to, in whichever of the forms that are in use."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    if address in _NAT64 or address in _TRANSLATED:
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _is_public(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    if special or address.is_link_local or address.is_private or not address.is_global:
        return False
    return not any(address in network for network in _REFUSED if address.version == network.version)
