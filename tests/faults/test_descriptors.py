"""Requests of every class leave no descriptor open in any service; nothing else watches for what is not closed."""

import time
from collections import Counter

import pytest

from ..adversarial.places import Place
from .desk import Desk
from .vitals import descriptors

ROUNDS = 8
# Pools keep what they opened, and grow when requests meet; a leak would show once a round at least.
SLACK = 5
PATIENCE_SECONDS = 60.0


def opened(place: Place) -> dict[str, Counter[str]]:
    """What the descriptors of each service lead to, by kind."""
    return {
        service: Counter(one.partition(":")[0] if ":[" in one else "file" for one in descriptors(process))
        for service, process in place.processes().items()
    }


def grown(before: dict[str, Counter[str]], after: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """The services with more open than before, and of what."""
    return {
        service: now - before[service]
        for service, now in after.items()
        if now.total() - before[service].total() > SLACK
    }


@pytest.mark.e2e
def test_nothing_stays_open(place: Place, desk: Desk) -> None:
    desk.warm_up()
    before = opened(place)
    assert len(before) == 3
    for _ in range(ROUNDS):
        desk.warm_up()
    # Idle connections are closed after some seconds.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := grown(before, opened(place))) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == {}


def test_what_grows_is_told_by_kind() -> None:
    before = {"one": Counter(socket=9, file=3), "two": Counter(socket=5)}
    after = {"one": Counter(socket=9 + SLACK, file=4), "two": Counter(socket=5 + SLACK)}
    assert grown(before, after) == {"one": Counter(socket=SLACK, file=1)}
