"""When a result counts as the known answer."""

import pytest

from comparing import Rows, is_answer

KNOWN: Rows = [["a", 1.0], ["b", 2.5], ["b", 3.0]]


@pytest.mark.parametrize(
    "found",
    [
        [["b", 3.0], ["a", 1], ["b", 2.5]],
        [[2.5, "b"], [1.0000000001, "a"], [3.0, "b"]],
        [["x", "a", 7, "1.0"], ["x", "b", 7, "2.5"], ["x", "b", 7, "3"]],
    ],
    ids=["another order", "columns the other way round", "more columns, exact numbers as text"],
)
def test_equal(found: Rows) -> None:
    assert is_answer(found, KNOWN, ordered=False)


@pytest.mark.parametrize(
    "found",
    [
        [["a", 1.0], ["b", 2.5]],
        [*KNOWN, ["c", 4.0]],
        [["a", 1.0], ["b", 2.5], ["b", 2.5]],
        [["b", 1.0], ["a", 2.5], ["b", 3.0]],
        [["a", 1.0], ["b", 2.50001], ["b", 3.0]],
        [["a"], ["b"], ["b"]],
        [["a", True], ["b", 2.5], ["b", 3.0]],
        [["A", 1.0], ["b", 2.5], ["b", 3.0]],
        [["a", None], ["b", 2.5], ["b", 3.0]],
        [],
    ],
    ids=["fewer", "more", "one twice", "crossed", "off", "a column short", "a truth value", "case", "nothing", "empty"],
)
def test_different(found: Rows) -> None:
    assert not is_answer(found, KNOWN, ordered=False)


def test_the_order_counts_where_it_was_asked_for() -> None:
    assert is_answer(KNOWN, KNOWN, ordered=True)
    assert not is_answer([KNOWN[1], KNOWN[0], KNOWN[2]], KNOWN, ordered=True)


def test_columns_of_the_same_values_are_told_apart_by_rows() -> None:
    known = [[1, 2, "a"], [2, 1, "b"]]
    assert is_answer([["a", 2, 1], ["b", 1, 2]], known, ordered=False)
    assert not is_answer([["a", 2, 2], ["b", 1, 1]], known, ordered=False)


def test_a_row_is_used_once() -> None:
    assert not is_answer([["a"], ["b"], ["b"]], [["a"], ["a"], ["b"]], ordered=False)


def test_a_column_is_used_once() -> None:
    assert not is_answer([[1, "a"], [2, "b"]], [[1, 1], [2, 2]], ordered=False)


def test_nothing_and_truth() -> None:
    assert is_answer([[None, True]], [[None, True]], ordered=False)
    assert not is_answer([[None, 1]], [[None, True]], ordered=False)
    assert is_answer([[1e-12]], [[0]], ordered=False)
