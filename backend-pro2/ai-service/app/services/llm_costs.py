"""What requests to the LLM are taken to need before they leave, and what they cost in the end."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from shared.config import Settings

from ..clients.llm_exchange import Exchange, Fault, Usage

# Of prose, SQL and figures a token has three bytes or more; where the server counts, its count is what stays.
BYTES_A_TOKEN = 3
_MILLION = Decimal(1_000_000)
_SMALLEST = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens and money of one request; estimated where the server did not say."""

    usage: Usage
    cost: Decimal
    is_estimated: bool


def estimated_tokens(size: int) -> int:
    """Tokens of a text of so many bytes, rather too many than too few."""
    return -(-size // BYTES_A_TOKEN)


def cost_of(settings: Settings, model: str, usage: Usage) -> Decimal:
    """What these tokens cost by LLM_PRICES; nothing for a model without a price."""
    price = settings.llm_prices.get(model)
    if price is None:
        return Decimal(0)
    cached = price.tokens_in if price.tokens_cached is None else price.tokens_cached
    fresh = usage.tokens_in - usage.tokens_cached
    total = fresh * price.tokens_in + usage.tokens_cached * cached + usage.tokens_out * price.tokens_out
    return (total / _MILLION).quantize(_SMALLEST, ROUND_HALF_UP)


def spent_by(settings: Settings, model: str, exchange: Exchange) -> Spent:
    """What an exchange cost that ended as it did.

    Nothing where nothing left or the server refused; else by the server's count, or ours of what went and came.
    """
    usage, is_estimated = exchange.usage, False
    if usage is None:
        is_free = exchange.error in (Fault.UNREACHABLE, Fault.REFUSED) or not exchange.request
        usage, is_estimated = (Usage(0, 0), False) if is_free else (_estimate(exchange), True)
    return Spent(usage, cost_of(settings, model, usage), is_estimated)


def spent_by_lost(settings: Settings, model: str, request_bytes: int, booked_tokens: int) -> Spent:
    """What a request is taken to have cost of which nobody knows the end: all that was set aside for it."""
    tokens_in = min(estimated_tokens(request_bytes), booked_tokens)
    usage = Usage(tokens_in, booked_tokens - tokens_in)
    return Spent(usage, cost_of(settings, model, usage), is_estimated=True)


def _estimate(exchange: Exchange) -> Usage:
    came = len(exchange.text.encode()) if exchange.text else exchange.response_bytes
    return Usage(estimated_tokens(len(exchange.request)), estimated_tokens(came))
