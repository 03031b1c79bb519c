"""Cases of one operation, and chains of operations, as schemathesis makes them."""

import random
import unittest
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from .openapi_doors import Door
from .openapi_exchange import Exchange

STEPS = 8
LARGEST_SEED = 2**32


def _settings(size: int, **others: Any) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=size,
        # Nothing raises, so there is nothing to shrink; and what is sent follows from the seed, not from earlier runs.
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        **others,
    )


def singles(operation: Any, mode: GenerationMode, exchange: Exchange, rng: random.Random, size: int) -> None:
    """At most `size` different cases of one operation."""
    strategies = exchange.door.strategies
    key = (operation.label, mode)
    if key not in strategies:
        strategies[key] = operation.as_strategy(generation_mode=mode)

    @hypothesis.seed(rng.randrange(LARGEST_SEED))
    @_settings(size)
    @hypothesis.given(strategies[key])
    def made(case: Any) -> None:
        exchange.made(case)

    try:
        made()
    except (Unsatisfiable, unittest.SkipTest):
        # There is nothing that this operation must refuse by what its document says.
        return


def chains(door: Door, exchange: Exchange, rng: random.Random, size: int) -> None:
    """Some chains of at most STEPS calls."""

    machine = door.machine

    class Chain(machine):  # type: ignore[misc,valid-type]
        # Otherwise all begin with the same few.
        rule_order_seed = rng.randrange(LARGEST_SEED)

        def call(self, case: Any, **_: Any) -> Any:
            response = exchange.called(case, fill=0.3)
            if response is None:
                hypothesis.reject()
            return response

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            exchange.judge(case, response)

    hypothesis.seed(rng.randrange(LARGEST_SEED))(Chain)
    try:
        Chain.run(settings=_settings(size, stateful_step_count=STEPS))
    except Unsatisfiable:
        return
