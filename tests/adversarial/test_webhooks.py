"""Webhooks as a way in: addresses in every notation, at creation and when a message goes out."""

from collections.abc import Iterator

import httpx
import pytest

from ..e2e.api import Api
from .places import Place
from .wire import own_address

pytestmark = pytest.mark.e2e

INSIDE = [
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("127.0.0.1.", "127.255.255.254", "0.0.0.0", "0", "localhost", "LocalHost.", "x.localhost"),  # noqa: S104 - nothing listens
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "169.254.169.254", "168.63.129.16"),
    *("192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "metadata.google.internal", "metadata"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1]", "[fe80::1%25eth0]"),
    *("[fd00:ec2::254]", "[fc00::1]", "[ff02::1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:7f00:1::1]"),
    *(
        "[::ffff:0:169.254.169.254]",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "127\u30020\u30020\u30021",
        "%31%32%37.0.0.1",
    ),
]
SHAPES = [
    *("ftp://example.org/", "file:///etc/passwd", "gopher://example.org:70/_x", "dict://example.org:11211/", "//a.b/c"),
    *("http://user@example.org/", "http://user:pw@example.org/", "http://example.org@127.0.0.1/", "http:/127.0.0.1"),
    *("http://example.org:0/", "http://example.org:65536/", "http://", "http://[::1", "unix:///run/x.sock", "data:,x"),
    *("http://127.0.0.1#@example.org/", "http://127.0.0.1\\@example.org/", "http://example.org\\.127.0.0.1/"),
]


@pytest.fixture
def person(elsewhere: Place) -> Iterator[Api]:
    """Somebody at the instance that allows no private networks."""
    person = Api(elsewhere.gateway, own_address())
    yield person.signed_up()
    person.client.close()


def refusal(person: Api, method: str, path: str, url: str) -> httpx.Response:
    return person.client.request(method, path, json={"url": url, "events": ["task.failed"]})


def test_no_notation_of_an_inner_address_is_taken(person: Api) -> None:
    project = person.project()
    hooks = f"/projects/{project}/webhooks"
    good = person.ok("POST", hooks, json={"url": "https://hooks.invalid/", "events": ["task.failed"]})
    urls = [f"http://{host}{port}/x" for host in INSIDE for port in ("", ":6379")] + SHAPES
    wrong = []
    for url in urls:
        for method, path in (("POST", hooks), ("PATCH", f"{hooks}/{good['id']}")):
            answer = refusal(person, method, path, url)
            if answer.status_code != 422 or answer.json()["code"] not in ("url_refused", "validation_failed"):
                wrong.append(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert len(person.ok("GET", hooks)["items"]) == 1
