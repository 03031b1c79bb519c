"""Which URLs are fetched: none that lead inside, however they are written."""

from ipaddress import ip_address

import pytest

from shared.addresses import parse_networks
from shared.errors import Invalid
from shared.url_guard import is_allowed, literal, parse_url, require_outside, require_public


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.csv",
        "https://example.org:8443/a.csv?b=c",
        "http://8.8.8.8/a",
        "http://[2606:4700::1111]:81/a",
        "HTTP://EXAMPLE.org/a",
        "https://bücher.example/a",
    ],
)
def test_urls_that_can_be_fetched(url: str) -> None:
    assert parse_url(url + "#part").fragment == ""


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a",
        "file:///etc/passwd",
        "gopher://example.org/",
        "//example.org/a",
        "example.org/a",
        "http://",
        "http:///a",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://:secret@example.org/",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://[::1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://017700000001/",
    ],
)
def test_urls_that_cannot(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_url(url)
    assert caught.value.code == "url_refused"


INSIDE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104 - nothing listens
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "3fff::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::8.8.8.8", "2001:0:808:808:0:0:f7f7:f7f7", "2001:20::1"),
]
OUTSIDE = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside(address: str) -> None:
    with pytest.raises(Invalid) as caught:
        require_public(ip_address(address), ())
    assert caught.value.code == "url_refused"


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_outside(address: str) -> None:
    assert is_allowed(ip_address(address), ())


def test_networks_that_the_operator_allows() -> None:
    networks = parse_networks(["10.1.0.0/16", "fd12::/16"])
    allowed = [
        address
        for address in (*INSIDE, "10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "10.2.0.1")
        if is_allowed(ip_address(address), networks)
    ]
    assert allowed == ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"]


@pytest.mark.parametrize(("host", "address"), [("8.8.8.8", "8.8.8.8"), ("::1", "::1"), ("fe80::1%eth0", "fe80::1")])
def test_hosts_that_are_addresses(host: str, address: str) -> None:
    assert literal(host) == ip_address(address)


def test_hosts_that_are_names() -> None:
    assert [literal(host) for host in ("example.org", "localhost", "127.1", "")] == [None] * 4


INNER = [
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "redis",
    "metadata.google.internal",
    "printer.local",
    "nas.home.arpa",
]


@pytest.mark.parametrize("host", [*INNER, "10.0.0.1", "[::1]", "169.254.169.254"])
def test_what_shows_to_lead_inside_without_a_look_up(host: str) -> None:
    with pytest.raises(Invalid) as caught:
        require_outside(parse_url(f"http://{host}:81/a"), ())
    assert caught.value.code == "url_refused"


def test_names_that_may_lead_anywhere_are_judged_when_they_are_looked_up() -> None:
    for host in ("example.org", "localhost.example.org", "127.0.0.1.nip.io", "internal.example", "8.8.8.8"):
        require_outside(parse_url(f"http://{host}/"), ())
    for host in (*INNER, "10.1.2.3"):
        require_outside(parse_url(f"http://{host}/"), parse_networks(["10.0.0.0/8"]))
