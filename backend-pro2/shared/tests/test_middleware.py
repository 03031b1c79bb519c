"""Request ids, metrics, access log and the error boundary, each around a small ASGI application."""

import asyncio
import re
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.config import Settings
from shared.errors import Conflict
from shared.middleware.access_log import AccessLog
from shared.middleware.error_boundary import ErrorBoundaryMiddleware
from shared.middleware.metrics import HttpMetrics, MetricsMiddleware
from shared.middleware.request_id import RequestIdMiddleware, request_id_from

SETTINGS = Settings(_env_file=None)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    scope["route_template"] = "/hello/{name}"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"upstream")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def get(app: ASGIApp, path: str = "/hello/ada", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path, headers=headers)


class TestRequestId:
    @pytest.mark.parametrize("header", [b"abc", b"A-1_2.3", b"x" * 64])
    def test_plain_ids_are_kept(self, header: bytes) -> None:
        assert request_id_from(header) == header.decode()

    @pytest.mark.parametrize("header", [None, b"", b"x" * 65, b"a b", b"a\nb", "é".encode(), b"a\r\nset-cookie: x"])
    def test_others_are_replaced(self, header: bytes | None) -> None:
        assert re.fullmatch("[0-9a-f]{32}", request_id_from(header))

    async def test_it_is_returned_once(self) -> None:
        answer = await get(RequestIdMiddleware(hello), **{"x-request-id": "mine"})
        assert answer.headers.get_list("x-request-id") == ["mine"]


class TestMetrics:
    async def test_labels_are_templates_and_lines_hold_paths(self) -> None:
        registry, lines = CollectorRegistry(), list[bytes]()
        log = AccessLog("gateway", SETTINGS, lines.append)
        app = RequestIdMiddleware(MetricsMiddleware(hello, HttpMetrics(registry), log, 1.0))
        for name in ("ada", "bob"):
            await get(app, f"/hello/{name}?q=private")
        text = generate_latest(registry).decode()
        assert 'http_requests_total{method="GET",path="/hello/{name}",status="200"} 2.0' in text
        assert "http_requests_active 0.0" in text
        await asyncio.sleep(0.25)
        entries = [orjson.loads(line) for line in b"".join(lines).splitlines()]
        assert [entry["path"] for entry in entries] == ["/hello/ada", "/hello/bob"]
        assert {"timestamp", "level", "event", "service", "project", "request_id"} <= entries[0].keys()
        assert entries[0]["bytes"] == 5

    async def test_a_request_without_an_answer_counts_as_499(self) -> None:
        async def silent(scope: Scope, receive: Receive, send: Send) -> None:
            raise asyncio.CancelledError

        registry = CollectorRegistry()
        app = MetricsMiddleware(silent, HttpMetrics(registry), AccessLog("s", SETTINGS, lambda _: None), 1.0)
        scope = {"type": "http", "method": "BREW", "path": "/x", "headers": []}
        with pytest.raises(asyncio.CancelledError):
            await app(scope, _never, _drop)
        assert 'http_requests_total{method="other",path="other",status="499"} 1.0' in generate_latest(registry).decode()


class TestErrorBoundary:
    @staticmethod
    def failing(error: Exception) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise error

        return RequestIdMiddleware(ErrorBoundaryMiddleware(app))

    async def test_our_own_errors_are_told(self) -> None:
        answer = await get(self.failing(Conflict("The name is taken.", code="name_taken")), "/p")
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        body = answer.json()
        assert body["code"] == "name_taken"
        assert body["instance"] == "/p"
        assert body["request_id"] == answer.headers["x-request-id"]

    async def test_others_are_not(self) -> None:
        answer = await get(self.failing(RuntimeError("postgresql://user:secret@host")), "/p")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert answer.json()["code"] == "internal_error"

    async def test_after_the_first_byte_the_connection_breaks(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await get(ErrorBoundaryMiddleware(app))


async def _never() -> Any:
    return await asyncio.Event().wait()


async def _drop(_: Any) -> None:
    return None
