"""What children tell of their time, and what is believed of it."""

from typing import Any

import pytest

from shared.compute import timings
from shared.tracing import Past
from shared.tracing.spans import NoSpan

GOOD = {"name": "child", "started": 10.0, "ended": 12.5, "process": 7, "host": "here"}
PIECE = {**GOOD, "name": "ray.piece", "process": 8}


class Kept(NoSpan):
    """A span that keeps what is added."""

    def __init__(self) -> None:
        self.added: list[tuple[Past, list[Past]]] = []

    def past(self, work: Past, parts: Any = ()) -> None:
        self.added.append((work, list(parts)))


def test_a_job_in_no_trace_is_not_timed() -> None:
    with timings.noted({}):
        timings.note(PIECE)
        assert not timings.is_wanted()
    assert timings.told() == {}


def test_a_job_in_a_trace_tells_when_it_ran_and_what_for() -> None:
    with timings.noted({timings.WANTED: True}):
        timings.note(PIECE)
    child, piece = timings.told()[timings.TOLD]
    assert (child["name"], piece) == ("child", PIECE)
    assert 0 < child["started"] <= child["ended"]


def test_the_next_job_of_a_child_begins_anew() -> None:
    with timings.noted({timings.WANTED: True}):
        timings.note(PIECE)
    with timings.noted({timings.WANTED: True}):
        pass
    assert len(timings.told()[timings.TOLD]) == 1
    with timings.noted({}):
        pass
    assert timings.told() == {}


def test_a_job_that_fails_tells_too() -> None:
    with pytest.raises(ValueError, match="x"), timings.noted({timings.WANTED: True}):
        raise ValueError("x")
    assert [stretch["name"] for stretch in timings.told()[timings.TOLD]] == ["child"]


def test_notes_are_bounded() -> None:
    with timings.noted({timings.WANTED: True}):
        for _ in range(timings.MOST + 10):
            timings.note(PIECE)
    assert len(timings.told()[timings.TOLD]) == timings.MOST + 1


def test_pieces_belong_to_the_child() -> None:
    kept = Kept()
    timings.record(kept, {timings.TOLD: [GOOD, PIECE, PIECE]})
    ((child, pieces),) = kept.added
    assert (child.name, child.started, child.ended, child.attributes) == (
        "child",
        10.0,
        12.5,
        {"process.pid": 7, "host.name": "here"},
    )
    assert [piece.name for piece in pieces] == ["ray.piece", "ray.piece"]


@pytest.mark.parametrize(
    "told",
    [
        None,
        7,
        {"name": "child"},
        [],
        [1],
        ["child"],
        [None],
        [{}],
        [{**GOOD, "name": "SELECT secret"}],
        [{**GOOD, "started": "soon"}],
        [{**GOOD, "ended": 9.0}],
        [{**GOOD, "started": -1.0}],
        [{**GOOD, "ended": float("nan")}],
        [{**GOOD, "ended": float("inf")}],
        [{**GOOD, "process": None}],
        [{**GOOD, "process": 10**30}],
        [{**GOOD, "process": float("inf")}],
    ],
)
def test_what_is_not_as_it_should_be_is_passed_over(told: Any) -> None:
    kept = Kept()
    timings.record(kept, {timings.TOLD: told})
    assert kept.added == []


def test_an_answer_without_times_is_as_good() -> None:
    kept = Kept()
    timings.record(kept, {"result": {}})
    assert kept.added == []
