"""The pace of the garbage collector."""

import gc
from collections.abc import Iterator

import pytest

from shared.garbage import YOUNG, relax_collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_requests_in_flight_are_not_taken_for_garbage() -> None:
    gc.set_threshold(700, 10, 10)
    relax_collector()
    collections = gc.get_stats()[0]["collections"]
    alive = [[] for _ in range(YOUNG // 2)]  # type: ignore[var-annotated]
    assert len(alive) == YOUNG // 2
    assert gc.get_stats()[0]["collections"] - collections <= 1


def test_garbage_is_found_all_the_same() -> None:
    relax_collector()
    before = gc.get_stats()[0]["collections"]
    for _ in range(2 * YOUNG):
        ring: list[object] = []
        ring.append(ring)
    assert gc.get_stats()[0]["collections"] > before
