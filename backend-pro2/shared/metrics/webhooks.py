"""Tries to deliver a message to somebody's webhook."""

from typing import Literal, get_args

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

WEBHOOK_DELIVERIES = Counter(
    "webhook_deliveries_total", "Tries to deliver to webhooks, by what came of them.", ("outcome",), registry=REGISTRY
)

Outcome = Literal["delivered", "postponed", "failed"]

_OUTCOMES = {outcome: WEBHOOK_DELIVERIES.labels(outcome) for outcome in get_args(Outcome)}


@harmless
def tried(outcome: Outcome) -> None:
    """Count a try that is in the outbox: `postponed` is made again, `failed` was the last one."""
    _OUTCOMES[outcome].inc()
