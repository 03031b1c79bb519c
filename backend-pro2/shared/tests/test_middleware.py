"""Request ids, metrics, access log and the error boundary, each around a small ASGI application."""

import asyncio
import re
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.config import Settings
from shared.errors import Conflict, PayloadTooLarge
from shared.logging import current_ids
from shared.metrics.http import HttpMetrics
from shared.middleware.access_log import BYTES_A_WRITE, LINES_A_GO, AccessLog
from shared.middleware.answer import Answer
from shared.middleware.body_limit import BodyLimitMiddleware
from shared.middleware.error_boundary import ErrorBoundaryMiddleware
from shared.middleware.metrics import MetricsMiddleware
from shared.middleware.request_id import IDS_A_DRAW, RequestIdMiddleware, RequestIds, request_id_from

SETTINGS = Settings(_env_file=None)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    scope["route_template"] = "/hello/{name}"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"upstream")]})
    await send({"type": "http.response.body", "body": b"hello"})


class Sink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, int, float]] = []

    def add(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        self.taken.append((scope["path"], status, sent, seconds))


async def get(app: ASGIApp, path: str = "/hello/ada", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path, headers=headers)


async def _nothing() -> Message:
    return {"type": "http.request"}


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

    async def test_log_lines_inside_carry_it_and_those_after_do_not(self) -> None:
        seen: list[dict[str, str]] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(current_ids())
            await hello(scope, receive, send)

        await get(RequestIdMiddleware(app), **{"x-request-id": "mine"})
        assert [*seen, current_ids()] == [{"request_id": "mine"}, {}]

    def test_no_two_are_alike(self) -> None:
        ids = RequestIds()
        assert len({ids.new() for _ in range(3 * IDS_A_DRAW)}) == 3 * IDS_A_DRAW


class TestAnswer:
    async def test_one_wrapping_serves_all_layers(self) -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        outer = Answer.of(send)
        outer.headers.append((b"a", b"1"))
        inner = Answer.of(outer)
        inner.headers.append((b"b", b"2"))
        assert inner is outer
        await inner({"type": "http.response.start", "status": 201, "headers": [(b"c", b"3")]})
        await inner({"type": "http.response.body", "body": b"12", "more_body": True})
        await inner({"type": "http.response.body", "body": b"345"})
        assert (outer.status, outer.sent) == (201, 5)
        assert sent[0]["headers"] == [(b"c", b"3"), (b"a", b"1"), (b"b", b"2")]


class TestBodyLimit:
    @staticmethod
    async def post(chunks: list[bytes], limit: int = 10) -> tuple[Scope, int]:
        """The scope afterwards, and how many bytes the application got."""
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        messages.append({"type": "http.request"})
        got = 0

        async def app(_: Scope, receive: Receive, __: Send) -> None:
            nonlocal got
            while (message := await receive()).get("more_body"):
                got += len(message["body"])

        async def receive() -> Any:
            return messages.pop(0)

        scope: Scope = {"type": "http", "path": "/p", "headers": [], "state": {}}
        await BodyLimitMiddleware(app, limit, 100, None)(scope, receive, _drop)
        return scope, got

    @pytest.mark.parametrize(("path", "refused"), [("/files/1", False), ("/files", True), ("/files/1/more", True)])
    async def test_more_where_files_arrive(self, path: str, refused: bool) -> None:
        async def app(_: Scope, __: Receive, ___: Send) -> None:
            """Takes anything."""

        scope: Scope = {"type": "http", "path": path, "headers": [(b"content-length", b"50")], "state": {}}
        limited = BodyLimitMiddleware(app, 10, 100, re.compile("/files/[^/]+"))
        if refused:
            with pytest.raises(PayloadTooLarge):
                await limited(scope, _nothing, _drop)
        else:
            await limited(scope, _nothing, _drop)

    async def test_what_came_is_counted(self) -> None:
        scope, got = await self.post([b"1234", b"", b"56"])
        assert (scope["state"], got) == ({"bytes_in": 6}, 6)

    async def test_nothing_is_said_of_no_body(self) -> None:
        assert (await self.post([]))[0]["state"] == {}

    async def test_an_endless_one_is_cut_off(self) -> None:
        with pytest.raises(HTTPException) as refusal:
            await self.post([b"123456"] * 2)
        assert refusal.value.status_code == 413


class TestMetrics:
    async def test_labels_are_templates_and_lines_hold_paths(self) -> None:
        registry, lines, sink = CollectorRegistry(), list[bytes](), Sink()
        log = AccessLog("gateway", SETTINGS, lines.append)
        app = RequestIdMiddleware(MetricsMiddleware(hello, HttpMetrics(registry), [log, sink], 1.0))
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
        assert [taken[:3] for taken in sink.taken] == [("/hello/ada", 200, 5), ("/hello/bob", 200, 5)]

    async def test_lines_of_many_requests_leave_in_few_writes_and_none_is_lost(self) -> None:
        writes = list[bytes]()
        log = AccessLog("gateway", SETTINGS, writes.append)
        number = 0
        while len(writes) < 2:
            log.add({"method": "GET", "path": f"/{number}"}, 200, 5, 0.001)
            number += 1
            # While requests come in turns of the loop, as they do.
            if number % LINES_A_GO == 0:
                await asyncio.sleep(0)
        assert all(len(written) < 2 * BYTES_A_WRITE for written in writes)
        log.flush()
        paths = [orjson.loads(line)["path"] for line in b"".join(writes).splitlines()]
        assert paths == [f"/{number}" for number in range(number)]

    async def test_lines_are_made_in_slices_that_hold_no_request_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = list[object]()

        def render(line: object) -> bytes:
            made.append(line)
            return b""

        log = AccessLog("gateway", SETTINGS, lambda _: None)
        monkeypatch.setattr(log, "_render", render)
        for _ in range(LINES_A_GO):
            log.add({"method": "GET", "path": "/"}, 200, 5, 0.001)
        assert made == []
        await asyncio.sleep(0)
        assert len(made) == LINES_A_GO

    async def test_nobody_is_told_of_probes(self) -> None:
        sink = Sink()
        app = RequestIdMiddleware(MetricsMiddleware(hello, HttpMetrics(CollectorRegistry()), [sink], 1.0))
        for path in ("/health", "/ready", "/metrics", "/healthy"):
            await get(app, path)
        assert [path for path, *_ in sink.taken] == ["/healthy"]

    def test_the_families_are_those_of_a_counter_and_a_histogram(self) -> None:
        registry = CollectorRegistry()
        metrics = HttpMetrics(registry)
        for seconds in (0.0005, 0.001, 0.002, 99):
            metrics.observe("GET", "/p", 200, seconds, slow=seconds > 1)
        labels = {"method": "GET", "path": "/p"}
        buckets = {"0.001": 2, "0.0025": 3, "60.0": 3, "+Inf": 4}
        for bound, count in buckets.items():
            name = "http_request_duration_seconds_bucket"
            assert registry.get_sample_value(name, {**labels, "le": bound}) == count
        assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 4
        assert registry.get_sample_value("http_request_duration_seconds_sum", labels) == pytest.approx(99.0035)
        assert registry.get_sample_value("http_requests_total", {**labels, "status": "200"}) == 4
        assert registry.get_sample_value("http_slow_requests_total", labels) == 1

    async def test_a_request_without_an_answer_counts_as_499(self) -> None:
        async def silent(scope: Scope, receive: Receive, send: Send) -> None:
            raise asyncio.CancelledError

        registry = CollectorRegistry()
        app = MetricsMiddleware(silent, HttpMetrics(registry), [], 1.0)
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

    async def test_a_database_that_refuses_its_password_is_away_to_clients(self) -> None:
        answer = await get(self.failing(asyncpg.InvalidPasswordError('password of "admin" is wrong')), "/p")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"].isdigit()
        assert "admin" not in answer.text

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
