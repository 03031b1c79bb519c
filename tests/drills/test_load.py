"""What people at work notice: which answers there were, and how long nobody had one."""

import threading
from functools import partial

from drill_load import Load, under_load
from drill_person import Answer

PROBLEM = {"content-type": "application/problem+json"}


def test_answers_are_counted_by_what_they_say() -> None:
    load = Load()
    for answer in (Answer(200), Answer(0), Answer(503, b'{"code": "unavailable"}', PROBLEM), Answer(500, b"oops")):
        load.note(0.0, answer)
    assert load.counts == {"ok": 1, "cut": 1, "503 unavailable": 1, "500": 1}
    assert load.failed == 3
    assert load.unexplained == {"500": 1}


def test_a_gap_is_between_two_successes() -> None:
    load = Load(noticed=[(0.0, 0.5, "ok"), (1.0, 0.0, "cut"), (3.0, 1.0, "ok"), (4.0, 0.25, "ok")])
    assert load.longest_gap() == 3.5
    assert Load().longest_gap() == 0.0


def test_everybody_asks_until_the_block_ends() -> None:
    twice = [threading.Semaphore(0), threading.Semaphore(0)]

    def ask(mine: threading.Semaphore) -> Answer:
        mine.release()
        return Answer(200)

    with under_load([partial(ask, mine) for mine in twice]) as load:
        assert all(mine.acquire(timeout=60) and mine.acquire(timeout=60) for mine in twice)
    assert load.counts["ok"] >= 4
    assert load.errors == []


def test_somebody_who_fails_is_told_of() -> None:
    failed = threading.Event()

    def ask() -> Answer:
        failed.set()
        raise ValueError("no such thing")

    with under_load([ask]) as load:
        assert failed.wait(60)
    assert load.errors == ["ValueError('no such thing')"]
