"""The numbers of executed results, found by what a text says about them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NotRequired, TypedDict

TOLERANCE = Decimal("0.01")
# Powers of ten turn shares into percents and thousands into units; as literals of a query they prove nothing.
_HARMLESS = frozenset({Decimal(0), Decimal(1), Decimal(100), Decimal(1000)})
_NUMERAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
PERCENT = re.compile(r"percent|pct|%|prozent|per_100|_pc\b", re.IGNORECASE)
SHARE = re.compile(
    r"percent|pct|%|prozent|share|rate|ratio|fraction|proportion|growth|change|anteil|quote|margin|yield|lift|r2|prob"
    r"|p_value|increase|decrease|part",
    re.IGNORECASE,
)
FACTOR = re.compile(r"ratio|factor|times|multiple|fold|odds|lift|growth|faktor", re.IGNORECASE)


class GroundTable(TypedDict):
    """An executed result.

    Of columns that are not `plain` (as they stand in a dataset), cells equal to one of `literals`, which the query
    itself brought in, are nobody's evidence, and columns that are `constant` are none at all. `names` are names that
    the query did not choose: what stands in them is no number.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    literals: NotRequired[Sequence[str]]
    plain: NotRequired[Sequence[bool]]
    constant: NotRequired[Sequence[bool]]
    names: NotRequired[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell is."""

    table: str
    row: int
    column: str

    @property
    def in_row(self) -> tuple[str, int]:
        """The row that it is in."""
        return self.table, self.row


Row = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as a text shows it: its value, and the step between the values that it could show."""

    value: Decimal
    step: Decimal = Decimal(1)

    def scaled(self, factor: Decimal) -> Shown:
        """The number that is meant if it is shown in units of `factor`."""
        return Shown(self.value * factor, self.step * factor)

    def agrees(self, cell: Decimal) -> bool:
        """Whether it is the cell, or the cell rounded to the digits shown and at most a hundredth off."""
        distance = abs(self.value - cell)
        return distance == 0 or (distance <= self.step / 2 and distance <= abs(cell) * TOLERANCE)


class Cells:
    """All numbers of the tables, in order."""

    def __init__(self, tables: Iterable[GroundTable]) -> None:
        found = sorted(
            ((value, place) for table in tables for value, place in numbers_of(table)), key=lambda entry: entry[0]
        )
        self._values = [value for value, _ in found]
        self._places = [place for _, place in found]

    def agreeing(self, shown: Shown) -> Iterator[tuple[Decimal, Place]]:
        """Cells that `shown` may stand for."""
        room = abs(shown.value) * TOLERANCE * 2
        first = bisect_left(self._values, shown.value - room)
        last = bisect_right(self._values, shown.value + room)
        for value, place in zip(self._values[first:last], self._places[first:last], strict=True):
            if shown.agrees(value):
                yield value, place


def numbers_of(table: GroundTable) -> Iterator[tuple[Decimal, Place]]:
    """The table's numbers that are evidence."""
    brought = brought_in(table)
    for number, row in enumerate(table["rows"]):
        for column, (name, cell) in enumerate(zip(table["columns"], row, strict=False)):
            value = as_number(cell)
            if value is not None and not is_made(table, column, is_known=value in brought):
                yield value, Place(table["name"], number, name)


def brought_in(table: GroundTable) -> frozenset[Decimal]:
    """Numbers that the query itself brought in."""
    values = (as_number(text) for text in table.get("literals", ()))
    return frozenset(value for value in values if value is not None) - _HARMLESS


def is_plain(table: GroundTable, column: int) -> bool:
    """Whether the column is one of a dataset, as it stands there."""
    plain = table.get("plain")
    return plain is not None and column < len(plain) and bool(plain[column])


def is_made(table: GroundTable, column: int, *, is_known: bool) -> bool:
    """Whether a cell comes from the query rather than from data; `is_known` says that the query holds its value."""
    constant = table.get("constant", ())
    return (column < len(constant) and bool(constant[column])) or (is_known and not is_plain(table, column))


def as_number(cell: object) -> Decimal | None:
    """A cell as a number: also one that is kept as text, because it has too many digits for JSON."""
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, int | float):
        value = Decimal(repr(cell))
        return value if value.is_finite() else None
    if isinstance(cell, str) and len(cell) <= 100 and _NUMERAL.fullmatch(cell):
        try:
            return Decimal(cell)
        except InvalidOperation:
            return None
    return None


def cell_at(tables: Mapping[str, GroundTable], place: Place) -> Any:
    """What is in a cell."""
    table = tables[place.table]
    return table["rows"][place.row][list(table["columns"]).index(place.column)]
