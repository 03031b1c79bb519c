"""Whom a request is counted against."""

import pytest
from starlette.types import Scope

from shared.addresses import AddressResolver, is_allowed, parse_networks


def scope(peer: str, *forwarded: str) -> Scope:
    return {"client": (peer, 1), "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded]}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ((), "198.51.100.7", (), "198.51.100.7"),
        ((), "127.0.0.1", ("203.0.113.9",), "127.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        (("10.0.0.0/8",), "10.0.0.1", ("6.6.6.6, 203.0.113.9",), "203.0.113.9"),
        (("10.0.0.0/8",), "10.0.0.1", ("6.6.6.6", "203.0.113.9, 10.0.0.2"), "203.0.113.9"),
        (("10.0.0.0/8",), "198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", (), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", ("10.0.0.3",), "10.0.0.3"),
        (("10.0.0.0/8",), "10.0.0.1", ("not an address",), "unknown"),
        ((), "2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::"),
        ((), "2001:db8:1:2:ffff::1", (), "2001:db8:1:2::"),
        ((), "::ffff:198.51.100.7", (), "198.51.100.7"),
    ],
)
def test_address(trusted: tuple[str, ...], peer: str, forwarded: tuple[str, ...], expected: str) -> None:
    assert AddressResolver(trusted).of(scope(peer, *forwarded)) == expected


def test_without_a_peer() -> None:
    assert AddressResolver(()).of({"client": None, "headers": []}) == "unknown"


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("8.8.8.8", False), ("x", False)],
)
def test_metrics_networks_ignore_forwarded_headers(peer: str, allowed: bool) -> None:
    networks = parse_networks(("127.0.0.0/8", "::1"))
    assert is_allowed(scope(peer, "127.0.0.1"), networks) is allowed
