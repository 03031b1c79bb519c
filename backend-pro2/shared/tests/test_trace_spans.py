"""Spans: nothing while tracing is off; parents, ends and bounds while it is on."""

import asyncio
from collections.abc import Generator, Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.tracing import (
    CLIENT,
    SERVER,
    Past,
    Span,
    Start,
    Traceparent,
    begin,
    current_span,
    current_span_id,
    current_trace_id,
    inject,
    is_sampled,
    is_tracing,
    span,
    untraced,
)
from shared.tracing.recording import SPANS_A_TRACE, Recorder
from shared.tracing.sampling import Sampling
from shared.tracing.spans import NOTHING, use_origin

OUTSIDE = Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)


def recorder(exporter: InMemorySpanExporter, ratio: float) -> Recorder:
    return Recorder({"service.name": "things"}, Sampling(ratio, "secret", 1000), SimpleSpanProcessor(exporter), "1.2.3")


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    use_origin(recorder(exporter, 1.0))
    yield exporter
    use_origin(None)


@pytest.fixture
def unsampled() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    use_origin(recorder(exporter, 0.0))
    yield exporter
    use_origin(None)


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {ended.name: ended for ended in exporter.get_finished_spans()}


def parent_of(ended: ReadableSpan, spans: Sequence[ReadableSpan]) -> str | None:
    at = {one.context.span_id: one.name for one in spans if one.context}
    return at.get(ended.parent.span_id) if ended.parent else None


def test_off_there_is_nothing() -> None:
    assert not is_tracing()
    with begin("GET", None, Start(SERVER, parent=OUTSIDE)) as root, span("inner", {"a": 1}) as inner:
        assert root is inner is current_span() is NOTHING
        inner.set("a", 1)
        inner.fail("x")
        assert (current_trace_id(), current_span_id(), inject(), is_sampled()) == (None, None, None, False)


def test_spans_nest_by_where_they_are_opened(exporter: InMemorySpanExporter) -> None:
    with begin("root", None, Start(SERVER)):
        with span("first"), span("second", {"rows": 3}, kind=CLIENT):
            pass
        with span("third"):
            pass
    spans = exporter.get_finished_spans()
    assert {one.name: parent_of(one, spans) for one in spans} == {
        "root": None,
        "first": "root",
        "second": "first",
        "third": "root",
    }
    assert named(exporter)["second"].attributes == {"rows": 3}
    assert named(exporter)["second"].resource.attributes["service.name"] == "things"
    assert len({one.context.trace_id for one in spans if one.context}) == 1


def test_a_trace_of_outside_goes_on(exporter: InMemorySpanExporter) -> None:
    with begin("GET", None, Start(SERVER, parent=OUTSIDE, is_trusted=True)) as root:
        assert current_trace_id() == OUTSIDE.trace_id
        assert inject() == str(root.place)
        assert is_sampled()
    (ended,) = exporter.get_finished_spans()
    assert ended.parent is not None
    assert f"{ended.parent.span_id:016x}" == OUTSIDE.span_id


def test_ids_may_be_fixed_and_runs_linked(exporter: InMemorySpanExporter) -> None:
    start = Start(SERVER, trace_id="a" * 32, span_id="b" * 16, links=(Traceparent("a" * 32, "c" * 16, sampled=True),))
    with begin("run", None, start) as root, span("inner"):
        assert root.place == Traceparent("a" * 32, "b" * 16, sampled=True)
        assert current_span_id() != "b" * 16
    assert [f"{link.context.span_id:016x}" for link in named(exporter)["run"].links] == ["c" * 16]


def test_an_unrecorded_trace_has_ids_and_no_spans(unsampled: InMemorySpanExporter) -> None:
    with begin("GET", None, Start(SERVER)) as root:
        with span("inner") as inner:
            assert inner is NOTHING
            assert inject() == str(root.place)
        assert current_trace_id() is not None
        assert not is_sampled()
        assert str(inject()).endswith("-00")
    assert current_trace_id() is None
    assert unsampled.get_finished_spans() == ()


def test_an_error_is_a_class_and_never_a_message(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), begin("GET", None, Start(SERVER)):
        raise ValueError("secret of somebody")
    (ended,) = exporter.get_finished_spans()
    assert ended.attributes == {"error.type": "ValueError"}
    assert ended.status.is_ok is False
    assert "secret" not in ended.to_json()
    assert ended.events == ()


def test_who_is_cancelled_has_not_failed(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(asyncio.CancelledError), begin("GET", None, Start(SERVER)):
        raise asyncio.CancelledError
    (ended,) = exporter.get_finished_spans()
    assert ended.attributes == {"cancelled": True}
    assert ended.status.is_unset


def test_nothing_goes_on_in_a_trace_that_is_over(exporter: InMemorySpanExporter) -> None:
    with begin("GET", None, Start(SERVER)) as root:
        pass
    assert root.child("late", CLIENT, None) is NOTHING
    root.past(Past("late", 1.0, 2.0, {}))
    assert root.place is None
    assert list(named(exporter)) == ["GET"]


async def test_a_loop_that_a_request_began_leaves_its_trace_with_its_end(exporter: InMemorySpanExporter) -> None:
    go_on = asyncio.Event()

    async def loop() -> Span:
        await go_on.wait()
        with span("late") as late:
            return late

    with begin("GET", None, Start(SERVER)):
        task = asyncio.create_task(loop())
        await asyncio.sleep(0)
    go_on.set()
    assert await task is NOTHING


async def test_what_is_untraced_belongs_to_no_trace(exporter: InMemorySpanExporter) -> None:
    async def beat() -> Span:
        with span("beat") as found:
            return found

    with begin("run", None, Start(SERVER)):
        with untraced():
            task = asyncio.create_task(beat())
        assert await task is NOTHING
        assert current_trace_id() is not None


def test_a_trace_is_bounded(exporter: InMemorySpanExporter) -> None:
    with begin("run", None, Start(SERVER)):
        for _ in range(SPANS_A_TRACE + 50):
            with span("piece"):
                pass
    assert len(exporter.get_finished_spans()) == SPANS_A_TRACE + 1


def test_work_of_other_processes_is_added_with_its_times(exporter: InMemorySpanExporter) -> None:
    with begin("run", None, Start(SERVER)), span("compute") as computation:
        child = Past("child", 100.0, 103.5, {"process.pid": 7})
        computation.past(child, [Past("ray.piece", 101.0, 102.0, {})])
    spans = exporter.get_finished_spans()
    found = {one.name: one for one in spans}
    assert (found["child"].start_time, found["child"].end_time) == (100 * 10**9, 103_500_000_000)
    assert (parent_of(found["child"], spans), parent_of(found["ray.piece"], spans)) == ("compute", "child")


async def test_a_generator_that_is_closed_elsewhere_harms_nobody(exporter: InMemorySpanExporter) -> None:
    def generate() -> Generator[int, None, None]:
        with begin("GET", None, Start(SERVER)):
            yield 1
            yield 2

    generator = generate()

    async def first() -> int:
        return next(generator)

    assert await asyncio.create_task(first()) == 1
    generator.close()
    assert list(named(exporter)) == ["GET"]
