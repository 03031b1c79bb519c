"""The span of a run: in the trace of the request that made the task, linked to the run before it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from shared.logs.context import SPAN_ID, TRACE_ID
from shared.tracing import CONSUMER, Span, Start, Traceparent, begin, parse_traceparent

from .records import Task


@contextmanager
def traced(task: Task) -> Iterator[Span]:
    """A block that runs `task`; its log lines carry the ids."""
    with begin(f"run {task.kind}", _attributes(task), start_of(task)) as span:
        place = span.place
        tokens = (TRACE_ID.set(place.trace_id), SPAN_ID.set(place.span_id)) if place else None
        try:
            yield span
        finally:
            if tokens:
                TRACE_ID.reset(tokens[0])
                SPAN_ID.reset(tokens[1])


def start_of(task: Task) -> Start:
    """Where its present run stands.

    Ids follow from the task and the number of the run, so that one names the run before it, whoever did that one, and
    the runs of a task that no request made are one trace too.
    """
    parent = parse_traceparent(task.traceparent)
    trace_id = parent.trace_id if parent else hashlib.blake2b(task.id.bytes, digest_size=16).hexdigest()
    links = (Traceparent(trace_id, _span_id(task, task.claims - 1), sampled=True),) if task.claims > 1 else ()
    return Start(CONSUMER, parent, is_trusted=True, trace_id=trace_id, span_id=_span_id(task, task.claims), links=links)


def _span_id(task: Task, claim: int) -> str:
    return hashlib.blake2b(f"{task.id} {claim}".encode(), digest_size=8).hexdigest()


def _attributes(task: Task) -> dict[str, str | int]:
    return {
        "messaging.system": "ledger",
        "messaging.operation.name": "process",
        "messaging.destination.name": task.queue,
        "task.id": str(task.id),
        "task.kind": task.kind,
        "task.run": task.claims,
        "task.attempt": task.attempts,
        "request.id": task.request_id or "",
    }
