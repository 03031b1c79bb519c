"""Methods, origins, hosts and paths that nobody should use (A36, A40 to A45)."""

import gzip
import re

import pytest

from .catalogue import Catalogue
from .conftest import Call
from .forge import Forge
from .places import SERVICES, Place
from .raw import request, say
from .wire import Attacker
from .world import ABSENT

pytestmark = pytest.mark.e2e

DOORS = (
    "/api/v1/auth/me",
    "/api/v1/projects",
    "/api/v1/datasets",
    "/api/v1/tasks",
    "/health",
    "/openapi.json",
    "/docs",
)
METHODS = ("TRACE", "PATCH", "PUT", "DELETE", "PROPFIND", "LOCK", "PURGE", "MKCOL", "SEARCH", "OPTIONS")


@pytest.mark.parametrize("method", METHODS)
async def test_methods_that_no_route_has(attacker: Attacker, forge: Forge, method: str) -> None:
    for path in DOORS:
        answer = await attacker.send(method, path, token=forge.good)
        assert answer.status == 405, answer
        assert answer.headers["allow"]
        assert forge.good not in answer.body.decode()


@pytest.mark.parametrize("method", ["FOO", "get", "G\u00c9T", "GET\x00", "A" * 5000, "CONNECT"])
def test_words_that_are_no_method(place: Place, method: str) -> None:
    talk = say(place.gateway, request(method, "/api/v1/auth/me"))
    assert all(status in (400, 401, 404, 405, 431, 501) for status in talk.statuses), talk
    assert talk.replies or talk.closed


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_the_method_is_the_one_that_was_used(attacker: Attacker, forge: Forge, name: str) -> None:
    for method in ("DELETE", "POST"):
        path = "/api/v1/auth/logout" if method == "POST" else "/api/v1/auth/me"
        override = await attacker.send("GET", path, token=forge.good, headers={name: method})
        assert override.status in (200, 405)
        assert (await attacker.send("POST", f"/api/v1/auth/me?_method={method}", token=forge.good)).status == 405
    assert (await attacker.send("GET", "/api/v1/auth/me", token=forge.good)).status == 200


async def test_a_get_with_a_body_is_a_get(attacker: Attacker, forge: Forge) -> None:
    for body in (b'{"limit": 1}', b"x" * 10_000):
        answer = await attacker.send("GET", "/api/v1/projects", token=forge.good, data=body)
        assert answer.status in (200, 400)


async def test_rewritten_paths_are_not_believed(attacker: Attacker, forge: Forge) -> None:
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Host", "X-Script-Name"):
        answer = await attacker.send("GET", "/nothing", token=forge.good, headers={name: "/api/v1/auth/me"})
        assert answer.status == 404
        made = await attacker.send("GET", "/api/v1/projects", token=forge.good, headers={name: "evil.example"})
        assert b"evil.example" not in made.body


PATHS = (
    "/.env",
    "/.git/config",
    "/debug",
    "/debug/pprof",
    "/actuator",
    "/admin",
    "/server-status",
    "/backup.zip",
    "/api/v1/../../.env",
    "/api/v1/datasets/../auth/me",
    "/api/v1/datasets/%2e%2e/%2e%2e/health/detailed",
    "/api/v1/tasks/..%2f..%2fmetrics",
    "/api/v1/upload/..%5c..%5cmetrics",
    "/docs/assets/../../../config.py",
    "/docs/assets/%2e%2e%2f%2e%2e%2fconfig.py",
    "/docs/assets/swagger-ui-bundle.js%00.txt",
    "/api/v1/datasets%00",
    "/api/v1/%F0%9F%98%80",
    "/api/v2/auth/me",
    "/api/v1/auth/me/",
    "/API/V1/auth/me",
    "/" + "a" * 8000,
    "/" + "%41" * 4000,
    "/%ff%fe",
    "/;/api/v1/auth/me",
)


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
async def test_paths_that_lead_nowhere(attacker: Attacker, forge: Forge, path: str) -> None:
    answer = await attacker.send("GET", path, token=forge.good)
    assert answer.status in (400, 404, 405, 422), answer


@pytest.mark.parametrize("end", ["%0A", "%0D", "%0D%0A", "%00", "%20", "/"])
async def test_a_path_is_nothing_but_the_path(attacker: Attacker, forge: Forge, catalogue: Catalogue, end: str) -> None:
    """What a router takes for the path, and a limit or a scope for another, would pass both."""
    for operation in catalogue.operations.values():
        path = re.sub(r"\{\w+\}", ABSENT, operation.path) + end
        answer = await attacker.send(operation.method.upper(), path, token=forge.good)
        # Where the last step may be an id, another operation has the path, and may not have the method.
        assert answer.status in (400, 404, 405, 422), answer


async def test_metrics_answer_to_private_addresses_and_show_no_secret(attackers: Call, place: Place) -> None:
    for service in SERVICES:
        answer = await attackers(place.url(service)).send("GET", "/metrics", headers={"X-Forwarded-For": "8.8.8.8"})
        assert answer.status == 200
        assert b"@example.org" not in answer.body
        assert b"/nothing" not in answer.body


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "https://localhost.evil.example", "http://localhost"]
)
async def test_no_origin_is_let_in_by_default(attacker: Attacker, forge: Forge, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    for path in ("/api/v1/auth/me", "/api/v1/datasets"):
        for answer in (
            await attacker.send("OPTIONS", path, headers=asked),
            await attacker.send("GET", path, token=forge.good, headers={"Origin": origin}),
        ):
            assert "access-control-allow-origin" not in answer.headers
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80@localhost", "127.0.0.1:1", "[::1]", "a" * 300, "-", "x y"]
)
def test_the_host_header_is_written_nowhere(place: Place, forge: Forge, host: str) -> None:
    message = request(
        "POST",
        "/api/v1/projects",
        f"Authorization: Bearer {forge.good}",
        "Content-Type: application/json",
        "Content-Length: 14",
        body=b'{"name": "ab"}',
        host=host,
    )
    talk = say(place.gateway, message)
    assert talk.replies
    for reply in talk.replies:
        assert reply.status in (201, 400)
        assert host.encode() not in reply.body or host == "-"
        assert b"evil" not in reply.head


async def test_compressed_bodies_are_not_unpacked(attacker: Attacker, forge: Forge) -> None:
    bomb = gzip.compress(b'{"name": "' + b"a" * 200_000_000 + b'"}', compresslevel=1)
    small = gzip.compress(b'{"name": "packed"}')
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "x"):
        for body in (small, bomb):
            headers = {"Content-Type": "application/json", "Content-Encoding": coding}
            answer = await attacker.send("POST", "/api/v1/projects", token=forge.good, data=body, headers=headers)
            assert answer.status in (400, 413, 415, 422), answer
