"""Names that were probably meant are found in bounded time, whatever names there are."""

import random
import time

from shared.tabular.names import closest


def test_the_name_that_was_meant() -> None:
    assert closest("prise", ["size", "Price", "id"]) == "Price"
    assert closest("nothing like it", ["size", "Price", "id"]) is None
    assert closest("x", []) is None
    assert closest("custumer", [f"column_{number}" for number in range(10_000)] + ["customer"]) == "customer"


def test_hostile_names_take_no_time() -> None:
    names = ["".join(random.Random(number).sample("ab" * 100, 200)) for number in range(2000)]  # noqa: S311 - no secret
    started = time.process_time()
    closest(names[0][::-1], names)
    assert time.process_time() - started < 1
