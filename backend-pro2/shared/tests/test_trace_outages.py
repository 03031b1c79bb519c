"""A collector that is away, refuses or hangs costs spans and nothing else."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.config import Settings
from shared.testing.collector import Collector
from shared.testing.whole_instance import WholeInstance

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

REQUESTS = 300
# The drain of connections and the two seconds of the last spans, many times over.
STOP_SECONDS = 30


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def lost(gateway: str) -> bool:
    """Whether the gateway has counted spans that the collector did not take."""
    lines = httpx.get(f"{gateway}/metrics", timeout=30).text.splitlines()
    (line,) = [line for line in lines if line.startswith('trace_spans_dropped_total{reason="export_failed"}')]
    return float(line.split()[1]) > 0


def answered(gateway: str) -> int:
    """How many of many requests, eight at a time, got the answer that they should."""
    right: list[bool] = []

    def ask() -> None:
        with httpx.Client(base_url=gateway, timeout=60) as client:
            statuses = [client.get("/api/v1/auth/me").status_code for _ in range(REQUESTS // 8)]
        right.extend(status == httpx.codes.UNAUTHORIZED for status in statuses)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(right)


@pytest.mark.parametrize("fault", ["away", "refuses", "hangs"])
def test_requests_are_answered_and_the_end_is_bounded(
    fault: str, server_settings: Settings, collector: Collector, tmp_path: Path
) -> None:
    collector.answer, collector.is_hanging = (403 if fault == "refuses" else 200), fault == "hangs"
    endpoint = "http://127.0.0.1:9" if fault == "away" else collector.url
    variables = {"OTLP_ENDPOINT": endpoint, "TRACE_SAMPLE_RATIO": "1"}
    with WholeInstance(server_settings, tmp_path, only=["api-gateway"], **variables) as instance:
        assert answered(instance.gateway) == REQUESTS // 8 * 8
        waited = threading.Event()
        while not lost(instance.gateway) and not waited.wait(0.5):
            continue
        took = instance.stop()
    assert took["api-gateway"] < STOP_SECONDS
    assert "trace_export_failed" in instance.log("api-gateway")
    assert collector.bodies == []


def test_what_is_asked_while_it_is_away_is_told_when_it_is_back(
    server_settings: Settings, collector: Collector, tmp_path: Path
) -> None:
    collector.answer = 403
    variables = {"OTLP_ENDPOINT": collector.url, "TRACE_SAMPLE_RATIO": "1"}
    with WholeInstance(server_settings, tmp_path, only=["api-gateway"], **variables) as instance:
        httpx.get(f"{instance.gateway}/api/v1/auth/me", timeout=60)
        waited = threading.Event()
        while not lost(instance.gateway) and not waited.wait(0.5):
            continue
        collector.answer = 200
        httpx.get(f"{instance.gateway}/api/v1/auth/me", timeout=60)
        collector.wait_for(bool)


@pytest.mark.parametrize(("ratio", "workers", "is_told"), [("0", "1", False), ("1", "1", True), ("1", "2", True)])
def test_the_ratio_is_the_part_that_leaves(
    ratio: str, workers: str, is_told: bool, server_settings: Settings, collector: Collector, tmp_path: Path
) -> None:
    variables = {"OTLP_ENDPOINT": collector.url, "TRACE_SAMPLE_RATIO": ratio, "HTTP_WORKERS": workers}
    with WholeInstance(server_settings, tmp_path, only=["api-gateway"], **variables) as instance:
        for _ in range(20):
            httpx.get(f"{instance.gateway}/api/v1/auth/me", timeout=60)
        instance.stop()
        lines = instance.log("api-gateway").splitlines()
    assert [span.name for span in collector.spans].count("GET /api/v1/auth/me") == (20 if is_told else 0)
    # Log lines are bound together all the same.
    assert sum('"trace_id"' in line for line in lines if "/api/v1/auth/me" in line) == 20


def test_a_caller_s_wish_is_heard_a_few_times(server_settings: Settings, collector: Collector, tmp_path: Path) -> None:
    variables = {"OTLP_ENDPOINT": collector.url, "TRACE_SAMPLE_RATIO": "0"}
    wish = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with WholeInstance(server_settings, tmp_path, only=["api-gateway"], **variables) as instance:
        for _ in range(100):
            httpx.get(f"{instance.gateway}/api/v1/auth/me", headers=wish, timeout=60)
        instance.stop()
    told = [span for span in collector.spans if span.kind == 2]
    # Ten at once, and ten more in each second that the hundred take.
    assert len(told) >= 10
    assert {span.trace_id for span in told} == {"a" * 32}
