"""Requests whose beginning or end is in doubt: no connection may hold a request that nobody sent (A37 to A46)."""

import pytest

from .forge import Forge
from .places import SERVICES, Place
from .raw import CONNECTING_SECONDS, connect, request, say

pytestmark = pytest.mark.e2e

LOGIN = "/api/v1/auth/login"
SMUGGLED = request("GET", "/smuggled")
BODY = b'{"email": "a@example.org", "password": "x"}'
LONG = b"0\r\n\r\n" + SMUGGLED

FRAMINGS: dict[str, tuple[tuple[str, ...], bytes]] = {
    "CL and TE": (("Content-Length: 5", "Transfer-Encoding: chunked"), LONG),
    "TE and CL": (("Transfer-Encoding: chunked", "Content-Length: 5"), LONG),
    "two CL": (("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}"), SMUGGLED),
    "two CL in one": ((f"Content-Length: 0, {len(SMUGGLED)}",), SMUGGLED),
    "negative CL": (("Content-Length: -1",), SMUGGLED),
    "CL with a sign": (("Content-Length: +0",), SMUGGLED),
    "CL in hex": (("Content-Length: 0x0",), SMUGGLED),
    "CL beyond 64 bits": (("Content-Length: 18446744073709551616",), SMUGGLED),
    "CL with a dot": (("Content-Length: 1.0",), SMUGGLED),
    "TE of another kind": (("Transfer-Encoding: xchunked",), LONG),
    "TE twice": (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), LONG),
    "TE chunked, identity": (("Transfer-Encoding: chunked, identity",), LONG),
    "TE folded": (("Transfer-Encoding:\r\n chunked",), LONG),
    "TE with a vertical tab": (("Transfer-Encoding: \x0bchunked",), LONG),
    "space before the colon": (("Content-Length : 0",), SMUGGLED),
    "obsolete folding": (("X-Folded: a\r\n Content-Length: 0",), SMUGGLED),
    "NUL in a value": (("X-Nul: a\x00b",), SMUGGLED),
    "NUL in a name": (("X-\x00Nul: a",), SMUGGLED),
    "CR in a value": (("X-Cr: a\rb",), SMUGGLED),
    "no colon": (("Nonsense",), SMUGGLED),
    "no name": ((": value",), SMUGGLED),
    "chunk size negative": (("Transfer-Encoding: chunked",), b"-1\r\nx\r\n" + LONG),
    "chunk size too large": (("Transfer-Encoding: chunked",), b"fffffffffffffffff\r\nx\r\n" + LONG),
    "chunk size in words": (("Transfer-Encoding: chunked",), b"ten\r\nx\r\n" + LONG),
    "chunk without an end": (("Transfer-Encoding: chunked",), b"1\r\nxx\r\n" + LONG),
}


@pytest.mark.parametrize("name", FRAMINGS)
@pytest.mark.parametrize("service", SERVICES)
def test_ambiguous_framing_is_refused_and_nothing_is_smuggled(place: Place, service: str, name: str) -> None:
    headers, rest = FRAMINGS[name]
    path = LOGIN if service == "api-gateway" else "/nothing"
    talk = say(place.url(service), request("POST", path, "Content-Type: application/json", *headers, body=rest))
    assert not any(b"/smuggled" in reply.body for reply in talk.replies), talk
    assert talk.closed or len(talk.replies) <= 1, talk
    assert all(reply.status in (400, 401, 404, 413, 415, 422) for reply in talk.replies), talk


HEADS: dict[str, bytes] = {
    "no host": b"GET /api/v1/auth/me HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "bare line feeds": b"GET /api/v1/auth/me HTTP/1.1\nHost: a\n\n",
    "absolute address": b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": b"GET gopher://x:1/_ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an authority": b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "raw bytes": b"GET /\xff\xfe\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/1.0": b"GET /api/v1/auth/me HTTP/1.0\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "noise": bytes(range(256)) * 20,
    "upgrade to a web socket": b"GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "upgrade to HTTP/2": b"GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_of_no_sensible_request(place: Place, name: str) -> None:
    talk = say(place.gateway, HEADS[name])
    assert all(400 <= reply.status < 500 for reply in talk.replies), talk
    assert not any(b"Traceback" in reply.body for reply in talk.replies)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kilobytes", [512, 8 * 1024])
def test_heads_have_a_bound(place: Place, service: str, kilobytes: int) -> None:
    filler = "a" * kilobytes * 1024
    for message in (
        request("GET", "/api/v1/auth/me", f"Authorization: Bearer {filler}"),
        request("GET", f"/{filler}"),
        request("GET", "/", *(f"X-{number}: {'b' * 1000}" for number in range(kilobytes))),
    ):
        talk = say(place.url(service), message)
        assert talk.closed
        assert talk.statuses in ([], [400], [431]), talk


@pytest.mark.parametrize("path", ["/api/v1/datasets/nothing", "/api/v1/tasks/nothing"])
def test_an_offer_of_another_protocol_takes_nothing_from_whoever_asks_next(place: Place, path: str) -> None:
    for size in (3, 200, 2000):
        offer = request("PATCH", path, "Connection: Upgrade", "Upgrade: h2c", f"Content-Length: {size}")
        assert say(place.gateway, offer + b"x" * size).statuses in ([401], [405])
        for _ in range(3):
            talk = say(place.gateway, request("GET", path))
            assert talk.statuses == [401], talk


PATHS = {"api-gateway": "/api/v1/projects", "data-service": "/process/query", "ai-service": "/analysis/ask"}


@pytest.mark.parametrize("service", SERVICES)
def test_what_stands_in_trailers_is_believed_by_nobody(place: Place, forge: Forge, service: str) -> None:
    head = request("POST", PATHS[service], "Content-Type: application/json", "Transfer-Encoding: chunked")
    trailers = f"Authorization: Bearer {forge.good}\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n".encode()
    talk = say(place.url(service), head + b"2\r\n{}\r\n0\r\n" + trailers)
    assert talk.statuses == [401], talk


def test_ten_gigabytes_are_refused_before_they_are_sent(place: Place, forge: Forge) -> None:
    for path, kind in (("/api/v1/projects", "application/json"), ("/api/v1/auth/login", "application/json")):
        head = request(
            "POST", path, f"Authorization: Bearer {forge.good}", f"Content-Type: {kind}", "Content-Length: 10737418240"
        )
        talk = say(place.gateway, head)
        assert talk.statuses == [413], talk


def test_chunks_without_end_are_cut_off(place: Place, forge: Forge) -> None:
    head = request(
        "POST",
        "/api/v1/projects",
        f"Authorization: Bearer {forge.good}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    talk = say(place.gateway, head, *[chunk] * 200)
    assert talk.statuses in ([], [413]), talk


def test_two_hundred_requests_in_one_breath(place: Place, forge: Forge) -> None:
    one = request("GET", "/api/v1/auth/me", f"Authorization: Bearer {forge.good}")
    talk = say(place.gateway, one * 200)
    assert talk.statuses == [200] * 200
    assert len({reply.body for reply in talk.replies}) == 1
    mixed = b"".join(request("GET", f"/api/v1/projects/{number}") for number in range(50))
    assert say(place.gateway, mixed).statuses == [401] * 50


def test_silent_and_slow_clients_do_not_keep_others_out(place: Place) -> None:
    links = [connect(place.gateway, CONNECTING_SECONDS) for _ in range(200)]
    try:
        for number, link in enumerate(links):
            link.sendall(request("POST", LOGIN, "Content-Length: 100")[: 10 + number % 60])
        assert say(place.gateway, request("GET", "/health", "Connection: close")).statuses == [200]
    finally:
        for link in links:
            link.close()
    assert say(place.gateway, request("GET", "/health", "Connection: close")).statuses == [200]
