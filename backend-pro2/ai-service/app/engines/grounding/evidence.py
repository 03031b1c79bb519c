"""Whether a number in a text is in the results, and in which cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from .cells import FACTOR, PERCENT, SHARE, Cells, GroundTable, Place, Row, Shown
from .dates import When, dated_rows
from .keys import Keys, Naming
from .tokens import Kind, Reading, Token

_HUNDRED = Decimal(100)
_NEAR = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|approx\.?|circa|ca\.?|some|rund|etwa|environ)\s|[~≈]\s?)\Z",
    re.IGNORECASE,
)
_ABOVE = re.compile(r"\b(?:over|above|more than|at least|exceeding|upwards of|mehr als|über)\s\Z", re.IGNORECASE)
_BELOW = re.compile(
    r"\b(?:nearly|almost|under|below|less than|up to|just short of|fewer than|fast|knapp|weniger als)\s\Z",
    re.IGNORECASE,
)
_FALLING = re.compile(
    r"\b(?:decreas\w*|f[ae]ll\w*|dropp?\w*|declin\w*|lower\w*|less|down|loss\w*|lost|los[ei]\w*|reduc\w*|below|fewer|shr[aiu]nk\w*"
    r"|minus|negativ\w*|deficit\w*|worse\w*|inverse\w*|gesunken|sank|cut\w*)\b",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"\b(?:total\w*|overall|altogether|in all|combined|all|out of|entire|whole|insgesamt|gesamt\w*|sum)\b",
    re.IGNORECASE,
)


class Evidence:
    """The cells of executed results, as a text may speak of them."""

    def __init__(self, tables: Sequence[GroundTable]) -> None:
        self.tables: Mapping[str, GroundTable] = {table["name"].lower(): table for table in tables}
        self.keys = Keys.of(tables)
        self._names = _pattern(name for table in tables for name in (table["name"], *table.get("names", ())))
        self._cells = Cells(tables)
        self._dated: list[tuple[When, Place]] = [entry for table in tables for entry in dated_rows(table)]
        self._lone = frozenset((table["name"], 0) for table in tables if len(table["rows"]) == 1)

    def names_in(self, text: str) -> list[tuple[int, int]]:
        """Where names with digits in them stand, which are no numbers."""
        return [found.span() for found in self._names.finditer(text)] if self._names else []

    def dated(self, token: Token) -> Naming | None:
        """The rows of the date that the token may be."""
        for when in token.dates:
            places = [place for date, place in self._dated if when.within(date)]
            if places:
                rows = frozenset(place.in_row for place in places)
                return Naming(token.start, token.end, "\0date", rows, places[0])
        return None

    def cell_of(
        self, token: Token, rows: frozenset[Row] | None, sentence: str, wanted: Place | None = None
    ) -> tuple[Reading, Place] | None:
        """The cell that the token stands for, rather the `wanted` one; it must be in one of `rows`, unless None."""
        may_be_total = rows is not None and _speaks_of_all(sentence)
        first: tuple[Reading, Place] | None = None
        for reading in token.readings:
            for place in self._candidates(reading, token, rows, sentence):
                fits = rows is None or place.in_row in rows or (may_be_total and place.in_row in self._lone)
                if fits and (wanted is None or place == wanted):
                    return reading, place
                first = first or ((reading, place) if fits else None)
        return first

    def _candidates(
        self, reading: Reading, token: Token, rows: frozenset[Row] | None, sentence: str
    ) -> Iterator[Place]:
        match reading.kind:
            case Kind.NUMBER:
                yield from self._numbers(reading.shown, token, sentence)
            case Kind.PERCENT | Kind.PERMILLE | Kind.POINTS:
                yield from self._shares(reading, sentence)
            case Kind.FRACTION:
                yield from self._fractions(reading.shown)
            case Kind.MULTIPLE:
                yield from self._multiples(reading.shown)
            case Kind.ORDINAL:
                yield from self._ranks(reading.shown, rows)

    def _numbers(self, shown: Shown, token: Token, sentence: str) -> Iterator[Place]:
        before = sentence[max(0, token.start - 24) : token.start]
        yield from (place for _, place in self._signed(shown, sentence))
        loose = _loosened(shown)
        if loose is not None:
            for cell, place in self._signed(loose, sentence):
                if (
                    _NEAR.search(before)
                    or (_ABOVE.search(before) and cell >= shown.value)
                    or (_BELOW.search(before) and cell <= shown.value)
                ):
                    yield place

    def _signed(self, shown: Shown, sentence: str) -> Iterator[tuple[Decimal, Place]]:
        yield from self._cells.agreeing(shown)
        # A fall of 5 is a change by -5.
        if shown.value > 0 and _speaks_of_falling(sentence):
            yield from self._cells.agreeing(Shown(-shown.value, shown.step))

    def _shares(self, reading: Reading, sentence: str) -> Iterator[Place]:
        whole = {Kind.PERCENT: _HUNDRED, Kind.PERMILLE: Decimal(1000), Kind.POINTS: Decimal(10000)}[reading.kind]
        for cell, place in self._signed(reading.shown.scaled(1 / whole), sentence):
            if abs(cell) <= 1 or (SHARE.search(place.column) and abs(cell) <= 10):
                yield place
        for cell, place in self._signed(reading.shown, sentence):
            if reading.kind is Kind.PERCENT and _is_percent(cell, place.column):
                yield place

    def _fractions(self, shown: Shown) -> Iterator[Place]:
        for cell, place in self._cells.agreeing(shown):
            if abs(cell) <= 1 or SHARE.search(place.column):
                yield place
        for _, place in self._cells.agreeing(shown.scaled(_HUNDRED)):
            if PERCENT.search(place.column):
                yield place

    def _multiples(self, shown: Shown) -> Iterator[Place]:
        for cell, place in self._cells.agreeing(shown):
            if FACTOR.search(place.column) or cell != cell.to_integral_value():
                yield place

    def _ranks(self, shown: Shown, rows: frozenset[Row] | None) -> Iterator[Place]:
        number = int(shown.value)
        yield from (place for cell, place in self._cells.agreeing(Shown(shown.value)) if cell == shown.value)
        for table in self.tables.values():
            if number <= len(table["rows"]) and (rows is not None or number == 1) and table["columns"]:
                yield Place(table["name"], number - 1, table["columns"][0])


# A sentence is asked for each of its numbers.
@lru_cache(maxsize=8)
def _speaks_of_all(sentence: str) -> bool:
    return _TOTAL.search(sentence) is not None


@lru_cache(maxsize=8)
def _speaks_of_falling(sentence: str) -> bool:
    return _FALLING.search(sentence) is not None


def _is_percent(cell: Decimal, column: str) -> bool:
    """Whether a cell is a percentage as it stands: a count of 42 is not 42 %."""
    if PERCENT.search(column):
        return True
    return abs(cell) > 1 and (SHARE.search(column) is not None or cell != cell.to_integral_value())


def _loosened(shown: Shown) -> Shown | None:
    """The number as `about` makes it: zeros at its end are no digits."""
    if shown.value == 0 or shown.value != shown.value.to_integral_value():
        return None
    digits = f"{abs(shown.value):f}".partition(".")[0]
    zeros = len(digits) - len(digits.rstrip("0"))
    return Shown(shown.value, max(shown.step, Decimal(10) ** zeros)) if zeros else None


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Finds those of the names that have letters and digits, long ones rather than their beginnings."""
    chosen = {name for name in names if any(map(str.isalpha, name)) and any(map(str.isnumeric, name))}
    words = "|".join(re.escape(name) for name in sorted(chosen, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None
