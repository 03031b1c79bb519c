"""Spans recorded by the OpenTelemetry SDK. Only where a collector is set is this imported, and the SDK with it."""

import random
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import ClassVar, Self

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan

from shared.metrics.traces import TRACE_LIMIT

from .sampling import Sampling
from .spans import CURRENT, NOTHING, Attributes, NoSpan, Past, Span, Start, Value
from .traceparent import Traceparent

# A task that reads ten thousand pieces shall not fill a collector.
SPANS_A_TRACE = 1000
_LIMITS = SpanLimits(max_span_attributes=32, max_span_attribute_length=256, max_links=8)
_NOWHERE = Context()
_SPAN_BITS = 2**64 - 1
_FIXED: ContextVar[tuple[int, int] | None] = ContextVar("fixed_span_ids", default=None)


class _Ids(IdGenerator):
    """Random ids, but for the first span of a trace in this process, whose ids are known before."""

    def generate_trace_id(self) -> int:
        fixed = _FIXED.get()
        return fixed[0] if fixed else _random(128)

    def generate_span_id(self) -> int:
        fixed = _FIXED.get()
        return fixed[1] if fixed else _random(64)


def _random(bits: int) -> int:
    # Ids only have to differ; zero is none.
    return random.getrandbits(bits) or 1


class _Unrecorded(NoSpan):
    """A trace that is not recorded: its ids join the log lines, and cross to other processes."""

    def __init__(self, place: Traceparent) -> None:
        self.place: Traceparent | None = place
        self._token: Token[Span] | None = None

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _leave(self._token)
        self.place = None

    def child(self, name: str, kind: str, attributes: Attributes | None) -> Span:  # noqa: ARG002
        """Nothing."""
        return NOTHING


class _Trace:
    """What the spans of one trace in this process share."""

    __slots__ = ("_left", "tracer")

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self._left = SPANS_A_TRACE

    def has_room(self) -> bool:
        """Whether another span may be recorded."""
        self._left -= 1
        if self._left < 0:
            TRACE_LIMIT.inc()
        return self._left >= 0


class _Recorded:
    """A span of the SDK behind the facade. One that is over has no children, and is nobody's place any more.

    Loops that a request happens to start outlive it by far, and would go on in its trace for ever.
    """

    __slots__ = ("_context", "_is_over", "_place", "_span", "_token", "_trace")

    is_recorded: ClassVar[bool] = True

    def __init__(self, span: SdkSpan, trace: _Trace) -> None:
        self._span = span
        self._trace = trace
        self._context = set_span_in_context(span, _NOWHERE)
        self._is_over = False
        self._token: Token[Span] | None = None
        self._place: Traceparent | None = None

    @property
    def place(self) -> Traceparent | None:
        """Trace and span, as long as it goes on."""
        if self._is_over:
            return None
        if self._place is None:
            own = self._span.get_span_context()
            self._place = Traceparent(f"{own.trace_id:032x}", f"{own.span_id:016x}", sampled=True)
        return self._place

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _leave(self._token)
        self.end(error)

    def child(self, name: str, kind: str, attributes: Attributes | None) -> Span:
        """A span inside this one; nothing after its end, or where the trace is too long already."""
        if self._is_over or not self._trace.has_room():
            return NOTHING
        span = self._trace.tracer.start_span(name, self._context, SpanKind[kind], attributes)
        return _Recorded(span, self._trace)

    def past(self, work: Past, parts: Sequence[Past] = ()) -> None:
        """Add a span for work of another process that is over, and spans inside that for its parts."""
        if not self._is_over:
            around = self._past(work, self._context)
            for part in parts:
                self._past(part, around)

    def _past(self, work: Past, around: Context) -> Context:
        if not self._trace.has_room():
            return around
        started, ended = int(work.started * 1e9), int(work.ended * 1e9)
        span = self._trace.tracer.start_span(work.name, around, attributes=work.attributes, start_time=started)
        span.end(ended)
        return set_span_in_context(span, _NOWHERE)

    def set(self, name: str, value: Value) -> None:
        """Note something about it."""
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Give it the name that only its end tells."""
        self._span.update_name(name)

    def fail(self, code: str) -> None:
        """It went wrong."""
        self._span.set_attribute("error.type", code)
        self._span.set_status(StatusCode.ERROR)

    def end(self, error: BaseException | None = None) -> None:
        """It is over."""
        if isinstance(error, Exception):
            self.fail(type(error).__name__)
        elif error is not None:
            self.set("cancelled", value=True)
        self._is_over = True
        self._span.end()


def _leave(token: Token[Span] | None) -> None:
    if token is not None:
        try:
            CURRENT.reset(token)
        except ValueError:
            # A generator may be closed in another context than it was begun in, where there is nothing to go back to.
            return


class Recorder:
    """The origin of traces in a process that has a collector."""

    def __init__(self, resource: Mapping[str, str], sampling: Sampling, processor: SpanProcessor, version: str) -> None:
        self._sampling = sampling
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource(dict(resource)),
            shutdown_on_exit=False,
            id_generator=_Ids(),
            span_limits=_LIMITS,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("shared.tracing", version)

    def begin(self, name: str, attributes: Attributes | None, start: Start) -> Span:
        """The first span of this process in a trace, recorded or not."""
        parent = start.parent
        drawn = random.getrandbits(192) or 1
        trace_id = parent.trace_id if parent else start.trace_id or f"{drawn >> 64 or 1:032x}"
        span_id = start.span_id or f"{drawn & _SPAN_BITS or 1:016x}"
        if not self._sampling.decide(trace_id, parent, is_trusted=start.is_trusted):
            return _Unrecorded(Traceparent(trace_id, span_id, sampled=False))
        around = _NOWHERE if parent is None else set_span_in_context(NonRecordingSpan(_remote(parent)), _NOWHERE)
        links = [Link(_remote(link)) for link in start.links]
        token = _FIXED.set((int(trace_id, 16), int(span_id, 16)))
        try:
            span = self._tracer.start_span(name, around, SpanKind[start.kind], attributes, links)
        finally:
            _FIXED.reset(token)
        return _Recorded(span, _Trace(self._tracer))

    def close(self) -> None:
        """Send what is recorded, for a bounded time."""
        self._provider.shutdown()


def _remote(place: Traceparent) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(place.trace_id, 16), int(place.span_id, 16), is_remote=True, trace_flags=flags)
