"""The threads of the campaign against OpenAPI documents: they parse one at a time, and end when somebody says so."""

import ast
import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from ..adversarial.places import Place
from . import openapi_campaign, parsing
from .report import Report

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


class Interrupted:
    """One of several workers; whoever has a certain batch is interrupted in it."""

    batches = 0

    def __init__(self, *_: object) -> None:
        pass

    def batch(self, _part: str, number: int) -> None:
        Interrupted.batches += 1
        time.sleep(0.01)
        if number == THREADS:
            raise KeyboardInterrupt


def test_who_is_interrupted_waits_for_what_is_under_way_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi_campaign, "Worker", Interrupted)
    campaign = openapi_campaign.Campaign(cast("Place", None), Report("openapi", 1))
    with pytest.raises(KeyboardInterrupt):
        campaign.run("gateway", cases=1)
    assert Interrupted.batches <= 4 * THREADS
