"""The middleware: a span for each request, in the trace that its client named if that is valid."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.logs.context import current_ids
from shared.middleware.request_id import RequestIdMiddleware
from shared.middleware.tracing import TracingMiddleware
from shared.tracing import current_span_id, current_trace_id, span
from shared.tracing.recording import Recorder
from shared.tracing.sampling import Sampling
from shared.tracing.spans import use_origin

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
VALID = f"00-{TRACE}-00f067aa0ba902b7-01"


class App:
    """Answers with `status`, and notes what it saw."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        self.status = status
        self.error = error
        self.seen: list[tuple[str | None, ...]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ids = current_ids()
        self.seen.append((current_trace_id(), current_span_id(), ids.get("trace_id"), ids.get("span_id")))
        scope["route_template"] = "/users/{user_id}"
        with span("inner"):
            pass
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    use_origin(Recorder({}, Sampling(1.0, "secret", 1000), SimpleSpanProcessor(exporter), "1"))
    yield exporter
    use_origin(None)


async def get(app: ASGIApp, *traceparents: str, path: str = "/users/7", method: str = "GET") -> httpx.Response:
    headers = [(b"traceparent", value.encode()) for value in traceparents] + [(b"x-request-id", b"r1")]
    transport = httpx.ASGITransport(RequestIdMiddleware(TracingMiddleware(app)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, f"{path}?token=secret", headers=headers)


def request_span(exporter: InMemorySpanExporter) -> ReadableSpan:
    return exporter.get_finished_spans()[-1]


def told(exporter: InMemorySpanExporter) -> dict[str, Any]:
    return dict(request_span(exporter).attributes or {})


async def test_a_request_is_told_by_template_and_status(exporter: InMemorySpanExporter) -> None:
    app = App(201)
    await get(app)
    inner, outer = exporter.get_finished_spans()
    assert outer.name == "GET /users/{user_id}"
    assert told(exporter) == {
        "http.request.method": "GET",
        "http.response.status_code": 201,
        "http.route": "/users/{user_id}",
        "request.id": "r1",
        "url.scheme": "http",
    }
    assert inner.parent == outer.context
    assert "secret" not in outer.to_json()
    assert "/users/7" not in outer.to_json()


async def test_the_log_knows_trace_and_span(exporter: InMemorySpanExporter) -> None:
    app = App()
    await get(app)
    ((trace_id, span_id, *logged),) = app.seen
    assert logged == [trace_id, span_id]
    assert trace_id is not None
    assert (current_ids(), current_trace_id()) == ({}, None)


async def test_a_client_s_trace_goes_on(exporter: InMemorySpanExporter) -> None:
    app = App()
    await get(app, VALID)
    assert app.seen[0][0] == TRACE
    parent = request_span(exporter).parent
    assert parent is not None
    assert f"{parent.span_id:016x}" == "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "values", [("00-xyz",), (VALID, VALID), (f"{VALID}, {VALID}",), (VALID.upper(),), ("é",), ("0" * 5000,)]
)
async def test_a_hostile_one_begins_a_new_trace(values: tuple[str, ...], exporter: InMemorySpanExporter) -> None:
    app = App()
    answer = await get(app, *values)
    assert answer.status_code == 200
    assert app.seen[0][0] not in (None, TRACE)
    assert request_span(exporter).parent is None


async def test_who_asks_to_be_left_out_is(exporter: InMemorySpanExporter) -> None:
    app = App()
    await get(app, VALID[:-2] + "00")
    assert app.seen[0][0] == TRACE
    assert app.seen[0][2] == TRACE
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(("status", "is_fault"), [(200, False), (404, False), (500, True), (503, True)])
async def test_faults_of_ours_are_errors(status: int, is_fault: bool, exporter: InMemorySpanExporter) -> None:
    await get(App(status))
    assert told(exporter).get("error.type") == (str(status) if is_fault else None)


async def test_what_breaks_the_application_is_told_by_class(exporter: InMemorySpanExporter) -> None:
    await get(App(error=ValueError("secret")))
    assert told(exporter)["error.type"] == "ValueError"
    assert "secret" not in request_span(exporter).to_json()


async def test_probes_and_odd_methods_bound_the_names(exporter: InMemorySpanExporter) -> None:
    await get(App(), path="/health")
    assert exporter.get_finished_spans() == ()
    await get(App(), method="BREW")
    assert request_span(exporter).name == "other /users/{user_id}"
