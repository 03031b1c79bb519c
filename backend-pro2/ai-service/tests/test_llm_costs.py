"""What requests are taken to need and cost, and when an LLM that is away is asked again."""

from decimal import Decimal
from typing import Any

import pytest

from shared.config import Settings
from shared.config_llm import LlmPrice

from ..app.clients.llm_exchange import Exchange, ExchangeFailed, Fault, Usage
from ..app.clients.llm_sdk import base_url
from ..app.services.llm_breaker import FAILURES_TO_OPEN, PROBE_SECONDS, LlmBreaker
from ..app.services.llm_costs import cost_of, estimated_tokens, spent_by, spent_by_lost


def settings(**changes: Any) -> Settings:
    price = LlmPrice.model_validate({"in": "3", "out": "15", "cached": "0.3"})
    plain = LlmPrice.model_validate({"in": "3", "out": "15"})
    return Settings(_env_file=None, llm_prices={"m": price, "plain": plain}, **changes)


class TestCosts:
    def test_cached_tokens_have_a_price_of_their_own(self) -> None:
        usage = Usage(1000, 100, 600)
        assert cost_of(settings(), "m", usage) == Decimal("0.002880")
        assert cost_of(settings(), "plain", usage) == Decimal("0.004500")
        assert cost_of(settings(), "another", usage) == 0

    def test_a_costly_call_is_exact(self) -> None:
        assert cost_of(settings(), "m", Usage(9_999_999, 9_999_999)) == Decimal("179.999982")

    @pytest.mark.parametrize(("size", "tokens"), [(0, 0), (1, 1), (3, 1), (4, 2), (3000, 1000)])
    def test_estimates(self, size: int, tokens: int) -> None:
        assert estimated_tokens(size) == tokens

    def test_the_servers_count_comes_first(self) -> None:
        spent = spent_by(settings(), "m", Exchange(request=b"x" * 300, usage=Usage(7, 5), error=Fault.BROKEN))
        assert (spent.usage, spent.is_estimated) == (Usage(7, 5), False)

    @pytest.mark.parametrize("fault", [None, Fault.BROKEN, Fault.TIMEOUT, Fault.IDLE, Fault.CANCELLED])
    def test_without_one_what_went_and_came_is_counted(self, fault: Fault | None) -> None:
        spent = spent_by(settings(), "m", Exchange(request=b"x" * 300, text="ä" * 30, response_bytes=9999, error=fault))
        assert (spent.usage, spent.is_estimated) == (Usage(100, 20), True)

    @pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.REFUSED])
    def test_what_did_not_happen_costs_nothing(self, fault: Fault) -> None:
        spent = spent_by(settings(), "m", Exchange(request=b"x" * 300, error=fault))
        assert (spent.usage, spent.cost, spent.is_estimated) == (Usage(0, 0), Decimal(0), False)

    @pytest.mark.parametrize(("booked", "usage"), [(1000, Usage(100, 900)), (50, Usage(50, 0))])
    def test_what_was_lost_costs_what_was_set_aside(self, booked: int, usage: Usage) -> None:
        spent = spent_by_lost(settings(), "m", 300, booked)
        assert (spent.usage, spent.is_estimated) == (usage, True)


class TestBreaker:
    def test_it_opens_probes_and_closes(self) -> None:
        now = [100.0]
        breaker = LlmBreaker(lambda: now[0])
        for _ in range(FAILURES_TO_OPEN):
            assert breaker.wait() == 0
            breaker.failed()
        assert breaker.wait() == PROBE_SECONDS
        now[0] += PROBE_SECONDS
        # One may try; the others wait for what comes of it.
        assert [breaker.wait() for _ in range(3)] == [0, PROBE_SECONDS, PROBE_SECONDS]
        breaker.failed()
        now[0] += PROBE_SECONDS - 1
        assert breaker.wait() == 1
        now[0] += 1
        assert breaker.wait() == 0
        breaker.succeeded()
        assert [breaker.wait() for _ in range(3)] == [0, 0, 0]

    def test_a_success_between_failures_keeps_it_closed(self) -> None:
        breaker = LlmBreaker()
        for _ in range(FAILURES_TO_OPEN * 2):
            breaker.failed()
            breaker.succeeded()
        assert breaker.wait() == 0

    def test_a_probe_whose_asker_went_away_is_replaced(self) -> None:
        now = [0.0]
        breaker = LlmBreaker(lambda: now[0])
        for _ in range(FAILURES_TO_OPEN):
            breaker.failed()
        now[0] = PROBE_SECONDS
        assert breaker.wait() == 0
        now[0] += PROBE_SECONDS
        assert breaker.wait() == 0


class TestExchange:
    def test_it_keeps_no_more_than_it_may(self) -> None:
        exchange = Exchange()
        exchange.received(b"abc", 5)
        with pytest.raises(ExchangeFailed) as failed:
            exchange.received(b"defg", 5)
        assert (failed.value.fault, exchange.response, exchange.response_bytes) == (Fault.TOO_LARGE, b"abcde", 7)

    @pytest.mark.parametrize(
        ("given", "used"),
        [
            ("", "https://api.openai.com/v1"),
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
            ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
            ("http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1"),
            ("https://llm.example/v1beta/openai/", "https://llm.example/v1beta/openai"),
        ],
    )
    def test_addresses(self, given: str, used: str) -> None:
        assert base_url(settings(openai_base_url=given)) == used
