"""Client addresses: whom to count, and who may be believed about it."""

from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Network = IPv4Network | IPv6Network


def parse_networks(texts: Collection[str]) -> tuple[Network, ...]:
    """Networks from CIDR notation; a bare address is a network of one."""
    return tuple(ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=4096)
def _belongs(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks if network.version == parsed.version)


@lru_cache(maxsize=4096)
def _counted(address: str) -> str:
    # A household gets a whole /64 of IPv6, so single addresses in it are free to change.
    try:
        # A zone says by which of our own interfaces it came.
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def counted_form(address: str) -> str:
    """The form in which requests from this address are counted and logged."""
    return _counted(address)


class AddressResolver:
    """The address to hold a request against: the peer, unless that is a trusted proxy, whose word counts."""

    def __init__(self, trusted_proxies: Collection[str]) -> None:
        networks = parse_networks(trusted_proxies)
        self._any_trusted = bool(networks)
        # By address alone: hashing the networks, too, would cost more than the rest of a request's resolution.
        self._is_trusted = lru_cache(maxsize=4096)(partial(_belongs, networks=networks))

    def of(self, scope: Scope) -> str:
        """The counted form of the client's address."""
        client = scope.get("client")
        peer = client[0] if client else "unknown"
        if not self._any_trusted or not self._is_trusted(peer):
            return _counted(peer)
        return _counted(self._last_untrusted([*_forwarded(scope), peer]))

    def _last_untrusted(self, hops: Sequence[str]) -> str:
        return next((hop for hop in reversed(hops) if not self._is_trusted(hop)), hops[0])


def _forwarded(scope: Scope) -> list[str]:
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for hop in ",".join(headers).split(",") if hop.strip()]


def is_allowed(scope: Scope, networks: tuple[Network, ...]) -> bool:
    """Whether the peer itself, forwarded headers ignored, is in one of the networks."""
    client = scope.get("client")
    return client is not None and _belongs(client[0], networks)
