"""On the way to the collector: bounded, counted, and nobody waits."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags

from shared.metrics import REGISTRY
from shared.tracing import batches
from shared.tracing.batches import Batches


def ended() -> ReadableSpan:
    return ReadableSpan("x", SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))


class Gate(SpanExporter):
    """Takes batches only while it is open."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[int] = []
        self.entered = threading.Event()
        self.result = SpanExportResult.SUCCESS
        self.error: Exception | None = None
        self.is_shut = False
        self._gate = threading.Event()
        if is_open:
            self._gate.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        self._gate.wait(30)
        if self.error is not None:
            raise self.error
        self.batches.append(len(spans))
        return self.result

    def shutdown(self) -> None:
        self.is_shut = True
        self._gate.set()


def dropped(reason: str) -> float:
    return REGISTRY.get_sample_value("trace_spans_dropped_total", {"reason": reason}) or 0.0


def exported() -> float:
    return REGISTRY.get_sample_value("trace_spans_exported_total") or 0.0


@pytest.fixture
def hanging() -> Iterator[Gate]:
    gate = Gate(is_open=False)
    yield gate
    gate.shutdown()


def test_the_end_sends_what_waits() -> None:
    gate, before = Gate(), exported()
    queue = Batches(gate)
    for _ in range(300):
        queue.on_end(ended())
    queue.shutdown()
    assert sum(gate.batches) == 300
    assert max(gate.batches) <= batches.BATCH_SPANS
    assert exported() - before == 300
    assert gate.is_shut


def test_spans_leave_by_themselves() -> None:
    gate = Gate()
    queue = Batches(gate)
    queue.on_end(ended())
    assert gate.entered.wait(30)
    queue.shutdown()


def test_a_collector_that_hangs_costs_spans_and_no_memory(hanging: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "FLUSH_SECONDS", 0.2)
    queue, full, shut = Batches(hanging), dropped("queue_full"), dropped("shutdown")
    queue.on_end(ended())
    assert hanging.entered.wait(30)
    for _ in range(batches.MOST_WAITING + 500):
        queue.on_end(ended())
    assert dropped("queue_full") - full == 500
    started = time.monotonic()
    queue.shutdown()
    assert time.monotonic() - started < 10
    assert dropped("shutdown") - shut == batches.MOST_WAITING
    queue.on_end(ended())
    assert dropped("shutdown") - shut == batches.MOST_WAITING + 1


@pytest.mark.parametrize("error", [None, RuntimeError("the library broke")])
def test_what_is_refused_is_counted_and_the_thread_lives_on(error: Exception | None) -> None:
    gate, before = Gate(), dropped("export_failed")
    gate.result, gate.error = SpanExportResult.FAILURE, error
    queue = Batches(gate)
    queue.on_end(ended())
    deadline = time.monotonic() + 30
    while dropped("export_failed") - before < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    gate.result, gate.error = SpanExportResult.SUCCESS, None
    queue.on_end(ended())
    queue.shutdown()
    assert dropped("export_failed") - before == 1
    assert gate.batches[-1] == 1


def test_a_second_end_is_none() -> None:
    queue = Batches(Gate())
    queue.shutdown()
    queue.shutdown()
    assert queue.force_flush()
