"""Whether a result is the answer that is known to be right, whatever its columns are called, and in which order."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

RELATIVE = 1e-6
ABSOLUTE = 1e-9

Rows = Sequence[Sequence[Any]]


def is_answer(found: Rows, expected: Rows, *, ordered: bool) -> bool:
    """Whether columns of `found` hold the expected rows, no more and no less.

    Columns beside them do no harm: who is asked for a name may show the figure that it goes by.
    """
    if len(found) != len(expected):
        return False
    wanted = list(zip(*expected, strict=True))
    return any(
        _same_rows([[row[place] for place in places] for row in found], expected, ordered=ordered)
        for places in _places(list(zip(*found, strict=True)), wanted, ordered=ordered)
    )


def _places(columns: Rows, wanted: Rows, *, ordered: bool, taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Ways to give each wanted column one of those found, that may hold the same values."""
    if len(taken) == len(wanted):
        yield taken
        return
    for place, column in enumerate(columns):
        if place not in taken and _same_values(column, wanted[len(taken)], ordered=ordered):
            yield from _places(columns, wanted, ordered=ordered, taken=(*taken, place))


def _same_values(found: Sequence[Any], expected: Sequence[Any], *, ordered: bool) -> bool:
    return _same_rows([[value] for value in found], [[value] for value in expected], ordered=ordered)


def _same_rows(found: Rows, expected: Rows, *, ordered: bool) -> bool:
    if ordered:
        return all(_same_row(row, other) for row, other in zip(found, expected, strict=True))
    left = list(found)
    for row in expected:
        match = next((place for place, other in enumerate(left) if _same_row(other, row)), None)
        if match is None:
            return False
        del left[match]
    return True


def _same_row(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    return all(_same(value, other) for value, other in zip(found, expected, strict=True))


def _same(found: Any, expected: Any) -> bool:
    if not _is_number(expected):
        return type(found) is type(expected) and bool(found == expected)
    number = _number(found)
    return number is not None and math.isclose(number, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> float | None:
    """What a cell counts; very exact numbers are told as text."""
    if _is_number(value):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None
