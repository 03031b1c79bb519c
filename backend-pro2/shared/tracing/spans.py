"""Spans as the code sees them: one line at the place, nothing at all while tracing is off."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Protocol, Self

from .traceparent import Traceparent

Value = str | bool | int | float
Attributes = Mapping[str, Value]

# Kinds by the names of OpenTelemetry: who asks, who answers, who orders, who works it off, and what stays inside.
CLIENT, SERVER, PRODUCER, CONSUMER, INTERNAL = "CLIENT", "SERVER", "PRODUCER", "CONSUMER", "INTERNAL"


@dataclass(frozen=True, slots=True)
class Past:
    """Work that another process has timed, by the system's clock in seconds."""

    name: str
    started: float
    ended: float
    attributes: Attributes


class Span(Protocol):
    """A stretch of work; a context manager, or something to be ended. `is_recorded` says whether notes are kept."""

    is_recorded: ClassVar[bool]

    @property
    def place(self) -> Traceparent | None:
        """Where it stands; None while tracing is off."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def child(self, name: str, kind: str, attributes: Attributes | None) -> "Span":
        """A span inside this one."""

    def past(self, work: Past, parts: Sequence[Past] = ()) -> None:
        """Add a span for work of another process that is over, and spans inside that for its parts."""

    def set(self, name: str, value: Value) -> None:
        """Note something about it."""

    def rename(self, name: str) -> None:
        """Give it the name that only its end tells."""

    def fail(self, code: str) -> None:
        """It went wrong; `code` is a class of errors, never a message."""

    def end(self, error: BaseException | None = None) -> None:
        """For whoever does not use it as a context manager, and so has nothing recorded inside it."""


class NoSpan:
    """What there is while tracing is off, or a trace is not recorded."""

    is_recorded: ClassVar[bool] = False
    place: Traceparent | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def child(self, name: str, kind: str, attributes: Attributes | None) -> Span:  # noqa: ARG002
        """Nothing either."""
        return self

    def past(self, work: Past, parts: Sequence[Past] = ()) -> None:
        """Nothing to add it to."""

    def set(self, name: str, value: Value) -> None:
        """Nothing to note it at."""

    def rename(self, name: str) -> None:
        """Nothing to name."""

    def fail(self, code: str) -> None:
        """Nothing went wrong."""

    def end(self, error: BaseException | None = None) -> None:
        """Nothing to end."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first span of this process in a trace: where the trace comes from, and who this span is if that is fixed."""

    kind: str
    parent: Traceparent | None = None
    is_trusted: bool = False
    trace_id: str | None = None
    span_id: str | None = None
    links: Sequence[Traceparent] = ()


class Origin(Protocol):
    """Where traces begin in this process."""

    def begin(self, name: str, attributes: Attributes | None, start: Start) -> Span:
        """The first span of this process in a trace."""


class NoOrigin:
    """While tracing is off, none begins."""

    def begin(self, name: str, attributes: Attributes | None, start: Start) -> Span:  # noqa: ARG002
        """Nothing."""
        return NOTHING


NOTHING = NoSpan()
CURRENT: ContextVar[Span] = ContextVar("span", default=NOTHING)
_origin: Origin = NoOrigin()


def use_origin(origin: Origin | None) -> None:
    """Have traces begin at `origin` from now on; None: tracing is off."""
    global _origin
    _origin = origin or NoOrigin()


def is_tracing() -> bool:
    """Whether traces begin in this process."""
    return not isinstance(_origin, NoOrigin)


def begin(name: str, attributes: Attributes | None, start: Start) -> Span:
    """A span that begins a trace, or goes on with one of another process."""
    return _origin.begin(name, attributes, start)


def span(name: str, attributes: Attributes | None = None, *, kind: str = INTERNAL) -> Span:
    """A span inside the present one: `with span("dataset.merge", {"rows": 3}) as s:`."""
    return CURRENT.get().child(name, kind, attributes)


@contextmanager
def untraced() -> Iterator[None]:
    """A block that is no part of the present trace, nor are the tasks that it begins: chores that repeat."""
    token = CURRENT.set(NOTHING)
    try:
        yield
    finally:
        CURRENT.reset(token)


def current_span() -> Span:
    """The span that is open here."""
    return CURRENT.get()


def current_place() -> Traceparent | None:
    """Trace and span that are open here; None outside of a trace."""
    return CURRENT.get().place


def current_trace_id() -> str | None:
    """32 hexadecimal digits; None outside of a trace."""
    place = CURRENT.get().place
    return None if place is None else place.trace_id


def current_span_id() -> str | None:
    """16 hexadecimal digits; None outside of a trace."""
    place = CURRENT.get().place
    return None if place is None else place.span_id


def is_sampled() -> bool:
    """Whether the present trace is recorded, so that whoever points at it is not led astray."""
    place = CURRENT.get().place
    return place is not None and place.sampled


def inject() -> str | None:
    """The value of `traceparent` for whoever is asked from here; None outside of a trace."""
    place = CURRENT.get().place
    return None if place is None else str(place)
