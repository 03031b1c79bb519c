"""The LLM: requests, time, tokens and money."""

from .model import BAD_IF_ANY, Board, Panel, Query, Row, grown, picked, quantile, rate

MONEY = Row(
    "Money and tokens",
    (
        Panel(
            "Cost of the time shown",
            "In the currency of LLM_PRICES; a model without a price is free.",
            "short",
            (Query(grown("llm_cost_usd_total", by="model"), "{{model}}"),),
            kind="stat",
        ),
        Panel(
            "Cost an hour",
            "By model.",
            "short",
            (Query(f"3600 * {rate('llm_cost_usd_total', by='model')}", "{{model}}"),),
            stacked=True,
        ),
        Panel(
            "Cost a day, as of now",
            "If it went on like the last hour.",
            "short",
            (Query(f"24 * sum(increase({picked('llm_cost_usd_total')}[1h]))", "a day"),),
            kind="stat",
        ),
        Panel(
            "Tokens",
            "A minute, by direction.",
            "short",
            (Query(f"60 * {rate('llm_tokens_total', by='direction')}", "{{direction}}"),),
            stacked=True,
        ),
        Panel(
            "Tokens of the time shown",
            "By model and direction.",
            "short",
            (Query(grown("llm_tokens_total", by="model, direction"), "{{model}} {{direction}}"),),
            kind="table",
        ),
        Panel(
            "Refused by a budget",
            "Questions of the time shown that a budget had no room for.",
            "short",
            (Query(grown("llm_budget_refusals_total"), "refused"),),
            kind="stat",
            steps=BAD_IF_ANY,
        ),
    ),
)

REQUESTS = Row(
    "Requests",
    (
        Panel(
            "Requests",
            "A minute, by outcome.",
            "short",
            (Query(f"60 * {rate('llm_requests_total', by='outcome')}", "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Whole answer after",
            "Half and 95 of a hundred take less.",
            "s",
            tuple(
                Query(quantile(share, "llm_request_seconds", by="model"), f"{{{{model}}}} {name}")
                for share, name in ((0.5, "half"), (0.95, "95 %"))
            ),
        ),
        Panel(
            "First words after",
            "95 of a hundred take less.",
            "s",
            (Query(quantile(0.95, "llm_first_token_seconds", by="model"), "{{model}}"),),
        ),
        Panel(
            "Breaker",
            "1 where a worker has given the LLM up for the moment.",
            "short",
            (Query(f"max by (job) ({picked('llm_breaker_open')})", "{{job}}"),),
            kind="stat",
            steps=BAD_IF_ANY,
        ),
    ),
)

LLM = Board(
    "ai-platform-llm",
    "LLM and its cost",
    "What is asked of the language model, how fast it answers, and what that costs.",
    (MONEY, REQUESTS),
)
