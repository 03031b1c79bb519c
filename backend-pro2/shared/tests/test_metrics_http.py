"""What is told of requests: counts, sizes, exemplars and the parts of slow ones, whatever is asked for."""

import asyncio
import random
import string
from collections.abc import Awaitable, Callable

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from starlette.types import Receive, Scope, Send

from shared.config import Settings
from shared.metrics.http import HttpMetrics
from shared.metrics.parts import NAMES, SPENT, count_parts, spend, waited
from shared.middleware import metrics as middleware
from shared.middleware.metrics import ANSWERED_AFTER, MetricsMiddleware
from shared.testing.counting import Moved
from shared.testing.log_lines import lines_of
from shared.testing.things_app import create_app
from shared.tracing import Traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PART = "http_request_part_seconds_total"

Step = Callable[[Scope], Awaitable[None]]


class Clock:
    """Moves only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


class Failing:
    """A sink that cannot take anything."""

    def add(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        raise OSError("no space left")


async def served(step: Step, *, slow_seconds: float = 1.0, sink: Failing | None = None) -> CollectorRegistry:
    """The registry after one request that did `step` and was answered with five bytes."""
    registry = CollectorRegistry()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await step(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async def send(_: object) -> None:
        """Nobody reads it."""

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "PUT", "path": "/p/1", "route_template": "/p/{id}", "headers": [], "state": {}}
    sinks = [] if sink is None else [sink]
    await MetricsMiddleware(app, HttpMetrics(registry), sinks, slow_seconds)(scope, receive, send)
    return registry


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(middleware, "time", clock)
    return clock


async def test_sizes_are_told_by_method() -> None:
    async def step(scope: Scope) -> None:
        scope["state"]["bytes_in"] = 300

    registry = await served(step)
    for name, sizes in {"request": (300, 256, 1024), "response": (5, 0, 256)}.items():
        total, below, above = sizes
        family = f"http_{name}_size_bytes"
        assert registry.get_sample_value(f"{family}_sum", {"method": "PUT"}) == total
        counted = [
            registry.get_sample_value(f"{family}_bucket", {"method": "PUT", "le": str(float(bound))})
            for bound in (below, above)
        ]
        assert counted == [0, 1]


async def test_a_request_is_active_while_it_is_answered() -> None:
    metrics = HttpMetrics(CollectorRegistry())
    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(metrics.active)
        raise asyncio.CancelledError

    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    with pytest.raises(asyncio.CancelledError):
        await MetricsMiddleware(app, metrics, [], 1.0)(scope, None, None)  # type: ignore[arg-type]
    assert [*seen, metrics.active] == [1, 0]


class TestSlowRequests:
    async def test_their_parts_are_counted_and_logged(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        async def step(_: Scope) -> None:
            clock.now += 3
            spend("redis", 0.5)
            spend("database", 1.0)
            spend("database", 0.25)

        moved, lines = Moved(), lines_of(middleware, monkeypatch)
        registry = await served(step)
        assert registry.get_sample_value("http_slow_requests_total", {"method": "PUT", "path": "/p/{id}"}) == 1
        assert moved.of(PART, "part") == pytest.approx({"redis": 0.5, "database": 1.25, "other": 1.25})
        (line,) = (line for line in lines if line["event"] == "slow_request")
        assert (line["path"], line["seconds"]) == ("/p/{id}", 3)
        assert (line["redis_seconds"], line["database_seconds"], line["other_seconds"]) == (0.5, 1.25, 1.25)

    async def test_parts_of_quick_ones_are_not_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def step(_: Scope) -> None:
            spend("redis", 0.5)

        moved, lines = Moved(), lines_of(middleware, monkeypatch)
        await served(step)
        assert (moved.of(PART, "part"), lines) == ({}, [])

    async def test_one_that_may_last_is_none(self, clock: Clock) -> None:
        async def step(scope: Scope) -> None:
            scope["long_running"] = True
            clock.now += 3

        registry = await served(step)
        assert "http_slow_requests_total{" not in generate_latest(registry).decode()

    @pytest.mark.parametrize(("answered_after", "is_slow"), [(0.5, False), (1.5, True)])
    async def test_a_forwarded_one_is_judged_by_its_head(
        self, clock: Clock, answered_after: float, is_slow: bool
    ) -> None:
        async def step(scope: Scope) -> None:
            scope[ANSWERED_AFTER] = answered_after
            clock.now += 3

        registry = await served(step)
        assert ("http_slow_requests_total{" in generate_latest(registry).decode()) is is_slow

    def test_parts_side_by_side_leave_nothing_for_others(self) -> None:
        assert count_parts({"database": 2.0, "redis": 2.0}, 3.0)["other"] == 0

    async def test_no_request_pays_for_another(self) -> None:
        async def step(_: Scope) -> None:
            spend("upstream", 1.0)
            await asyncio.sleep(0)
            assert waited() == 1.0

        await asyncio.gather(served(step), served(step))
        assert SPENT.get() is None


class TestExemplars:
    @staticmethod
    def trace(monkeypatch: pytest.MonkeyPatch, *, sampled: bool) -> None:
        monkeypatch.setattr(middleware, "current_place", lambda: Traceparent(TRACE, "1" * 16, sampled))

    async def test_a_recorded_trace_is_named_where_the_format_has_a_place_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.trace(monkeypatch, sampled=True)
        registry = await served(_nothing)
        named = [line for line in openmetrics(registry).splitlines() if TRACE in line]
        assert len(named) == 1
        assert named[0].startswith("http_request_duration_seconds_bucket{")
        assert f'# {{trace_id="{TRACE}"}} ' in named[0]
        assert TRACE not in generate_latest(registry).decode()

    async def test_one_that_is_not_recorded_is_not_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trace(monkeypatch, sampled=False)
        assert TRACE not in openmetrics(await served(_nothing))


async def test_what_cannot_be_measured_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(middleware, monkeypatch)
    registry = await served(_nothing, sink=Failing())
    assert [line["event"] for line in lines] == ["request_not_measured"]
    assert registry.get_sample_value("http_requests_active") == 0


async def test_random_paths_and_methods_make_no_series() -> None:
    settings = Settings(_env_file=None, rate_limit_anonymous=1_000_000, redis_timeout_seconds=0.05)
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for path in ("/", "/things/1", "/openapi.json", "/docs"):
            for method in ("GET", "POST", "BREW", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
                await client.request(method, path)
        before, drawn = await series(client), random.Random(9)  # noqa: S311 - no secret
        for _ in range(5_000):
            await client.request(word(drawn, string.ascii_uppercase), f"/{word(drawn)}/{word(drawn)}?{word(drawn)}")
            await client.get(f"/things/{word(drawn)}")
        assert await series(client) == before


def word(drawn: random.Random, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(drawn.choices(letters, k=8))


async def series(client: httpx.AsyncClient) -> set[str]:
    lines = (await client.get("/metrics")).text.splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith("http_") and "/metrics" not in line}


def openmetrics(registry: CollectorRegistry) -> str:
    text: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    return text.decode()


async def _nothing(_: Scope) -> None:
    """A request that does nothing."""


def test_the_parts_are_those_that_the_dashboards_know() -> None:
    assert set(NAMES) == {"admission", "database", "redis", "upstream", "object_store", "other"}
