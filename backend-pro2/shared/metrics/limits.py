"""Requests that were turned away since their caller had made too many."""

from prometheus_client import Counter

from . import REGISTRY
from .harmless import harmless

RATE_LIMITED = Counter(
    "rate_limited_total", "Requests answered with 429, by the policy that limits them.", ("policy",), registry=REGISTRY
)

# Told from the start, so that the first refusal is seen as a change.
for _policy in ("default", "anonymous", "auth", "upload", "llm"):
    RATE_LIMITED.labels(_policy)


@harmless
def limited(policy: str) -> None:
    """Count a refusal by the policy of this name."""
    RATE_LIMITED.labels(policy).inc()
