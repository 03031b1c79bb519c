"""Counts requests to the LLM as the egress ledger has them."""

from shared.config import Settings
from shared.metrics import llm as metrics
from shared.metrics.harmless import harmless

from ..clients.llm_exchange import Exchange, Fault
from .llm_costs import Spent


class LlmMeter:
    """The instruments, with the models that the settings name; all others share a name."""

    def __init__(self, settings: Settings) -> None:
        self._models = frozenset((settings.openai_model, *settings.llm_prices))

    @harmless
    def settled(self, model: str, error: Fault | None, spent: Spent) -> None:
        """Count a request whose end is in the ledger, with its tokens and money."""
        label, usage = self._label(model), spent.usage
        metrics.LLM_REQUESTS.labels(label, error or metrics.ANSWERED).inc()
        tokens = {"input": usage.tokens_in, "output": usage.tokens_out, "cached": usage.tokens_cached}
        for direction, number in tokens.items():
            metrics.LLM_TOKENS.labels(label, direction).inc(number)
        metrics.LLM_COST.labels(label).inc(float(spent.cost))

    @harmless
    def took(self, model: str, exchange: Exchange, seconds: float) -> None:
        """Time a request, and its first text if there was any; one that never left took none."""
        label = self._label(model)
        if exchange.sent_at:
            metrics.LLM_REQUEST.labels(label).observe(seconds)
        if exchange.first_token_ms is not None:
            metrics.LLM_FIRST_TOKEN.labels(label).observe(exchange.first_token_ms / 1000)

    @harmless
    def refused(self) -> None:
        """Count a request for which quota or budget did not suffice."""
        metrics.LLM_BUDGET_REFUSALS.inc()

    def _label(self, model: str) -> str:
        return model if model in self._models else metrics.OTHER
