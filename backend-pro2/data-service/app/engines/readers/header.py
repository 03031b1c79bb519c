"""Whether the first line of a delimited text names the columns, and how they are called then."""

import re
from collections.abc import Sequence
from itertools import pairwise

from shared.tabular.names import Renamed, unique_names

from .notations import MISSING

LOOKED_AT = 1000
_YEAR = re.compile(r"\s*(1[89]|20)\d\d\s*")
_KINDS = (
    re.compile(r"\s*[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?\s*"),
    re.compile(r"\s*(true|false|t|f|yes|no)\s*", re.IGNORECASE),
    re.compile(r"\s*\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{1,4}([T ].*)?\s*"),
)


def has_header(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns.

    It does if it is unlike the values below it. Where all is text, it does unless one of its cells is empty.
    """
    first, rows = records[0], records[1 : LOOKED_AT + 1]
    if not rows:
        return any(_kind(cell) is None for cell in first)
    kinds = [_kind_of([row[index] for row in rows if index < len(row)]) for index in range(len(first))]
    typed = [(kind, cell) for kind, cell in zip(kinds, first, strict=True) if kind is not None and cell.strip()]
    if any(_kind(cell) != kind and not _is_missing(cell) for kind, cell in typed):
        return True
    if typed:
        return _are_years(first)
    return all(cell.strip() for cell in first)


def names(header: Sequence[str], *, named: bool) -> tuple[list[str], list[Renamed]]:
    """The columns' names, and those that could not stay."""
    if named:
        return unique_names(header)
    return [f"column_{number}" for number in range(1, len(header) + 1)], []


def _kind(cell: str) -> int | None:
    """The number of the kind of value, None for text."""
    return next((number for number, form in enumerate(_KINDS) if form.fullmatch(cell)), None)


def _kind_of(cells: Sequence[str]) -> int | None:
    """The kind of all present cells; None for text, a mixture, or nothing."""
    kinds = {_kind(cell) for cell in cells if not _is_missing(cell)}
    return kinds.pop() if len(kinds) == 1 else None


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _are_years(header: Sequence[str]) -> bool:
    """Whether these are a name or two and then years in even steps: numbers, but no data."""
    years = [int(name) for name in header if _YEAR.fullmatch(name)]
    steps = {later - earlier for earlier, later in pairwise(years)}
    return 0 < len(header) - len(years) < len(years) and len(years) > 2 and len(steps) == 1 and 0 not in steps
