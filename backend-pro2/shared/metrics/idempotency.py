"""Repeated requests that got their first answer once more."""

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

IDEMPOTENT_REPLAYS = Counter(
    "idempotent_replays_total", "Requests answered as the first one with their Idempotency-Key.", registry=REGISTRY
)


@harmless
def replayed() -> None:
    """Count one."""
    IDEMPOTENT_REPLAYS.inc()
