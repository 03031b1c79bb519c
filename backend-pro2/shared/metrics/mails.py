"""Mails of the outbox, and what became of them."""

from typing import Literal, get_args

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

MAILS = Counter("mails_total", "Mails taken out of the outbox, by what came of them.", ("outcome",), registry=REGISTRY)

Outcome = Literal["sent", "postponed", "failed", "skipped"]

_OUTCOMES = {outcome: MAILS.labels(outcome) for outcome in get_args(Outcome)}


@harmless
def handled(outcome: Outcome) -> None:
    """Count one: `postponed` is tried again, `failed` was the last try, `skipped` is of no use any more."""
    _OUTCOMES[outcome].inc()
