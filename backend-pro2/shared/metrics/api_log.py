"""Calls that never reached the API log."""

from typing import Literal, get_args

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

API_LOG_ROWS_DROPPED = Counter(
    "api_log_rows_dropped_total", "Calls that never reached the API log.", ("reason",), registry=REGISTRY
)

Reason = Literal["overflow", "refused", "shutdown"]

_REASONS = {reason: API_LOG_ROWS_DROPPED.labels(reason) for reason in get_args(Reason)}


@harmless
def dropped(reason: Reason, rows: int) -> None:
    """Count so many."""
    _REASONS[reason].inc(rows)
