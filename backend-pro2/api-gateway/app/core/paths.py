"""Where a public path leads behind the gateway."""

import re
import string
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast
from urllib.parse import quote

_SAFE = string.punctuation


class Route(Protocol):
    """One line of shared.links.GATEWAY_ROUTES."""

    @property
    def gateway_prefix(self) -> str:
        """Public prefix."""

    @property
    def service(self) -> str:
        """Who answers below it."""

    @property
    def upstream_prefix(self) -> str:
        """The prefix there."""


class Target(NamedTuple):
    """A path, still percent-encoded, at one of the services."""

    service: str
    path: str


class PathMap:
    """Maps raw request paths by prefix; whole segments only, and nothing that climbs."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        prefixes = b"|".join(b"(%b)" % re.escape(route.gateway_prefix.encode()) for route in routes)
        self._pattern = re.compile(rb"(?:%b)(?=/|\Z)" % prefixes)

    def target(self, raw_path: bytes) -> Target | None:
        """The target, or None when the path is not a service's."""
        match = self._pattern.match(raw_path)
        if match is None:
            return None
        rest = raw_path[match.end() :]
        if climbs(rest):
            return None
        route = self._routes[cast("int", match.lastindex) - 1]
        return Target(route.service, route.upstream_prefix + ascii_only(rest))


def climbs(raw_path: bytes) -> bool:
    """Whether a segment is `.` or `..`, plain or percent-encoded, so that two parsers could disagree about the path."""
    if b"." not in raw_path and b"%2" not in raw_path:
        return False
    plain = raw_path.lower().replace(b"%2e", b".").replace(b"%2f", b"/").replace(b"%5c", b"/").replace(b"\\", b"/")
    return any(segment in (b".", b"..") for segment in plain.split(b"/"))


def ascii_only(raw: bytes) -> str:
    """Text of a raw path or query; bytes outside ASCII, which some clients send bare, become percent-encoded."""
    return raw.decode("ascii") if raw.isascii() else quote(raw, safe=_SAFE)
