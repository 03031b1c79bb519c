"""Requests to the LLM as the egress ledger has them: how they ended, what they took and what they cost."""

from prometheus_client import Counter, Gauge, Histogram

from . import REGISTRY
from .harmless import harmless

# A model may think for minutes before it has said everything.
ANSWER_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)

LLM_REQUESTS = Counter(
    "llm_requests_total", "Requests to the LLM, by how they ended.", ("model", "outcome"), registry=REGISTRY
)
LLM_TOKENS = Counter(
    "llm_tokens_total",
    "Tokens of settled requests; the cached ones are among those that went in.",
    ("model", "direction"),
    registry=REGISTRY,
)
LLM_COST = Counter("llm_cost_usd_total", "What settled requests cost, by LLM_PRICES.", ("model",), registry=REGISTRY)
LLM_REQUEST = Histogram(
    "llm_request_seconds",
    "How long a request took until its answer was whole or given up.",
    ("model",),
    buckets=ANSWER_SECONDS,
    registry=REGISTRY,
)
LLM_FIRST_TOKEN = Histogram(
    "llm_first_token_seconds",
    "How long a request took until the first text came.",
    ("model",),
    buckets=ANSWER_SECONDS,
    registry=REGISTRY,
)
LLM_BREAKER = Gauge(
    "llm_breaker_open",
    "Whether the LLM is taken to be away, so that it is asked now and then only.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
LLM_BUDGET_REFUSALS = Counter(
    "llm_budget_refusals_total", "Requests not sent, since quota or budget did not suffice.", registry=REGISTRY
)

ANSWERED = "answered"
OTHER = "other"


@harmless
def breaker(*, is_open: bool) -> None:
    """Tell how the circuit breaker stands."""
    LLM_BREAKER.set(is_open)
