"""The ids that belong to each log line: variables of a request's, a task's or a child's context."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from shared.tracing import current_span_id, current_trace_id

# Variables of their own, since binding one through structlog costs ten times as much and most requests log nothing.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
USER_ID: ContextVar[str | None] = ContextVar("user_id", default=None)
TASK_ID: ContextVar[str | None] = ContextVar("task_id", default=None)
# Where a trace goes on in a process that records none itself; else the open span tells.
TRACE_ID: ContextVar[str | None] = ContextVar("trace_id", default=None)
SPAN_ID: ContextVar[str | None] = ContextVar("span_id", default=None)
# What the middleware knows of a request; its id and whose it is are looked up only when a line is written.
REQUEST_STATE: ContextVar[Mapping[str, Any] | None] = ContextVar("request_state", default=None)

_VARIABLES = {
    "request_id": REQUEST_ID,
    "trace_id": TRACE_ID,
    "span_id": SPAN_ID,
    "user_id": USER_ID,
    "task_id": TASK_ID,
}
ID_NAMES = frozenset(_VARIABLES)


def current_ids() -> dict[str, str]:
    """Those that there are, in the order of a line."""
    found = {name: variable.get() for name, variable in _VARIABLES.items()}
    if (trace_id := current_trace_id()) is not None:
        found["trace_id"], found["span_id"] = trace_id, current_span_id()
    if (state := REQUEST_STATE.get()) is not None:
        _complete(found, state)
    return {name: value for name, value in found.items() if value is not None}


def _complete(found: dict[str, str | None], state: Mapping[str, Any]) -> None:
    if found["request_id"] is None:
        found["request_id"] = state.get("request_id")
    if found["user_id"] is None and (claims := state.get("claims")):
        found["user_id"] = str(claims.user)


@contextmanager
def with_ids(ids: Mapping[str, str | None]) -> Iterator[None]:
    """Lines written inside carry these; names that are no ids are passed over."""
    with ExitStack() as stack:
        for name, value in ids.items():
            if (variable := _VARIABLES.get(name)) is not None:
                stack.callback(variable.reset, variable.set(value))
        yield
