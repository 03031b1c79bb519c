"""Threads that parse at once, as those of the campaign against OpenAPI documents do."""

import ast
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from . import parsing

# Deep enough for its depth to be miscounted.
SOURCE = "\n".join(f"x = (((((((({number} + 1) + 2) + 3) + 4) + 5) + 6) + 7) + 8)" for number in range(300))
THREADS, TIMES = 6, 4


@pytest.fixture
def restless() -> Iterator[None]:
    """Another thread has its turn in the middle of a tree, when garbage is collected."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()

    def look_around(*_: object) -> None:
        sum(range(200))

    sys.setswitchinterval(1e-6)
    gc.set_threshold(20)
    gc.callbacks.append(look_around)
    yield
    gc.callbacks.remove(look_around)
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless")
def test_trees_are_whole_whoever_else_parses() -> None:
    def work(_: int) -> int:
        return sum(len(ast.parse(SOURCE).body) for _ in range(TIMES))

    with parsing.one_at_a_time(), ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(work, range(THREADS))) == [300 * TIMES] * THREADS
    assert ast.parse.__module__ == "ast"
