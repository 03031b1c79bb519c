"""Lines of requests: of the shape of all others, whatever a client writes into its path, and of one request each."""

import asyncio
import re
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.config import Settings
from shared.logs.context import REQUEST_STATE, current_ids
from shared.middleware.access_log import AccessLog
from shared.middleware.request_id import RequestIdMiddleware
from shared.tracing import SERVER, Start, begin


class Claims:
    """Whose request it is."""

    user = str(UUID(int=7))


async def line_of(path: str, log_format: str = "json", state: dict[str, Any] | None = None) -> bytes:
    written: list[bytes] = []
    log = AccessLog("gateway", Settings(_env_file=None, log_format=log_format, project_id="pro7"), written.append)
    log.add({"method": "GET", "path": path, "state": state or {"request_id": "r1"}}, 200, 5, 0.0015)
    log.flush()
    await asyncio.sleep(0)
    (line,) = written
    assert line.count(b"\n") == 1
    return line


async def test_it_has_the_shape_of_all_lines() -> None:
    line = orjson.loads(await line_of("/a", state={"request_id": "r1", "claims": Claims}))
    assert line.pop("timestamp").endswith("Z")
    assert re.fullmatch(r".+:\d+", line.pop("instance"))
    assert line == {
        "level": "info",
        "event": "request",
        "service": "gateway",
        "project": "pro7",
        "logger": "shared.middleware.access_log",
        "request_id": "r1",
        "user_id": Claims.user,
        "method": "GET",
        "path": "/a",
        "status": 200,
        "duration_ms": 1.5,
        "bytes": 5,
    }


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "path",
    [
        '/\r\n{"event":"forged"}',
        "/\x1b[2J",
        "/\u2028\u2029\x85\x9b",
        "/\ud800",
        "/\u202e",
        "/\x7f\x00",
        "/" + "\u2028" * 9999,
    ],
    ids=range(7),
)
async def test_no_path_ends_a_line_or_paints_a_terminal(path: str, log_format: str) -> None:
    line = await line_of(path, log_format)
    assert len(line) < 3000
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\ud800]", line.decode())
    assert log_format == "console" or orjson.loads(line)["event"] == "request"


@pytest.mark.parametrize(
    "path", ["/x/canary@example.org", "/x/eyJhbGciOiJIcanary", "/sk-canary0123456", "/x?q=canary", "/http://a:canary@b"]
)
async def test_secrets_in_paths_are_masked(path: str) -> None:
    assert b"canary" not in await line_of(path)


async def test_requests_without_traces_name_none() -> None:
    assert "trace_id" not in orjson.loads(await line_of("/a"))
    with begin("GET", {}, Start(SERVER)):
        assert "trace_id" not in orjson.loads(await line_of("/a"))


async def _nothing(*_: Any) -> Any:
    return None


async def test_what_a_request_knows_is_gone_after_it() -> None:
    seen: list[dict[str, str]] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        scope["state"]["claims"] = Claims
        seen.append(current_ids())

    scope = {"type": "http", "headers": [(b"x-request-id", b"r1")]}
    await RequestIdMiddleware(app)(scope, _nothing, _nothing)
    assert seen == [{"request_id": "r1", "user_id": Claims.user}]
    assert (current_ids(), REQUEST_STATE.get()) == ({}, None)
