"""Traces by OpenTelemetry, behind a small facade; whoever records spans imports this and nothing of OpenTelemetry."""

from .spans import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    PRODUCER,
    SERVER,
    Past,
    Span,
    Start,
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
from .traceparent import Traceparent, parse_traceparent

__all__ = [
    "CLIENT",
    "CONSUMER",
    "INTERNAL",
    "PRODUCER",
    "SERVER",
    "Past",
    "Span",
    "Start",
    "Traceparent",
    "begin",
    "current_span",
    "current_span_id",
    "current_trace_id",
    "inject",
    "is_sampled",
    "is_tracing",
    "parse_traceparent",
    "span",
    "untraced",
]
