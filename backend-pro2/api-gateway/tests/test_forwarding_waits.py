"""Which forwarded requests are slow: those whose service took long to answer, not those whose client or body did."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from shared.testing.counting import Moved

from .servers import Start, serving
from .upstream_app import whole

pytestmark = pytest.mark.integration

SLOW_SECONDS, PAUSE_SECONDS = 0.2, 0.5
PATH = "/api/v1/datasets"


async def service(scope: Scope, receive: Receive, send: Send) -> None:
    """Pauses before its answer, or in the middle of it."""
    await whole(receive)
    if scope["path"].endswith("/late"):
        await asyncio.sleep(PAUSE_SECONDS)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    if scope["path"].endswith("/streamed"):
        await asyncio.sleep(PAUSE_SECONDS)
    await send({"type": "http.response.body", "body": b"b"})


async def chunked() -> AsyncIterator[bytes]:
    yield b"a body"


@pytest.mark.parametrize(
    ("method", "path", "body", "is_slow"),
    [
        ("GET", "late", None, True),
        ("POST", "late", b"small", True),
        ("GET", "late?wait=30", None, False),
        ("GET", "streamed", None, False),
        ("GET", "quick", None, False),
        ("POST", "late", chunked, False),
        ("POST", "late", b"x" * (1024 * 1024 + 1), False),
    ],
)
async def test_a_service_that_takes_long_to_answer_makes_it_slow(
    start: Start, method: str, path: str, body: object, is_slow: bool
) -> None:
    async with serving(service) as url:
        client = await start(data=url, slow_request_seconds=SLOW_SECONDS)
        moved = Moved()
        content = chunked() if body is chunked else body
        answer = await client.request(method, f"{PATH}/{path}", content=content)  # type: ignore[arg-type]
        assert answer.content == b"ab"
        told = (await client.get("/metrics")).text
    assert (f'http_slow_requests_total{{method="{method}",path="/api/v1/(data-service)"}} 1.0' in told) is is_slow
    upstream = moved("http_request_part_seconds_total", part="upstream")
    assert (upstream >= PAUSE_SECONDS * 0.9) is is_slow


async def test_a_service_that_is_not_there_is_no_slow_one(start: Start) -> None:
    client = await start(slow_request_seconds=30.0)
    assert (await client.get(f"{PATH}/quick")).status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "http_slow_requests_total{" not in (await client.get("/metrics")).text
