"""Dates in a text and dates in rows, each as far as it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .cells import GroundTable, Place, as_number

_MONTHS = (
    "january|jan|januar|janvier|enero|gennaio|janeiro",
    "february|feb|februar|février|febrero|febbraio|fevereiro",
    "march|mar|märz|mars|marzo|março",
    "april|apr|avril|abril|aprile",
    "may|mai|mayo|maggio|maio",
    "june|jun|juni|juin|junio|giugno|junho",
    "july|jul|juli|juillet|julio|luglio|julho",
    "august|aug|août|agosto",
    "september|sep|sept|septembre|septiembre|settembre|setembro",
    "october|oct|oktober|okt|octobre|octubre|ottobre|outubro",
    "november|nov|novembre|noviembre|novembro",
    "december|dec|dezember|dez|décembre|diciembre|dicembre|dezembro",
)
_BY_NAME = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split("|")}
_NAME = "(" + "|".join(sorted(_BY_NAME, key=len, reverse=True)) + r")\b\.?"
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "last": 4}
_YEAR = r"((?:1[5-9]|20|21)\d\d)(?!\w|[.,]\d)"
_DAY = r"(\d{1,2})(?:st|nd|rd|th|\.)?"
_END = r"(?![\w]|[.,:/-]\d)"
_FORMS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(form + _END, re.IGNORECASE), members)
    for form, members in (
        (r"(\d{4})-(\d\d)-(\d\d)[t ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:z|\s?utc)?", "year month day time"),
        (r"(\d{4})-(\d\d)-(\d\d)", "year month day"),
        (r"(\d{4})[-/](0[1-9]|1[0-2])", "year month"),
        (rf"{_YEAR}[-\s]?q([1-4])", "year quarter"),
        (rf"q([1-4])[\s/-]*(?:of\s+)?{_YEAR}", "quarter year"),
        (r"q([1-4])", "quarter"),
        (
            rf"(first|second|third|fourth|1st|2nd|3rd|4th)\s+quarter(?:\s+(?:of\s+)?(?:the\s+year\s+)?{_YEAR})?",
            "nth year",
        ),
        (rf"{_DAY}\s+(?:of\s+|de\s+)?{_NAME},?\s+(?:de\s+)?{_YEAR}", "day name year"),
        (rf"{_NAME}\s+{_DAY},?\s+{_YEAR}", "name day year"),
        (rf"{_NAME},?\s+(?:de\s+|of\s+)?{_YEAR}", "name year"),
        (rf"{_NAME}\s+{_DAY}", "name day"),
        (rf"{_DAY}\s+(?:of\s+|de\s+)?{_NAME}", "day name"),
        (r"(\d\d?)[./](\d\d?)[./](\d{4})", "day month year"),
        (r"(\d\d?)/(\d\d?)/(\d{4})", "month day year"),
        (r"(\d\d?:\d\d(?::\d\d)?)(?:\s?[ap]\.?m\.?)?", "time"),
    )
)
_CAPITAL_MONTH = re.compile(r"(?-i:[A-ZÀ-Ý])\w{2,}")
_ISO = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?Z?)?")
_COMPONENTS = {
    "year": re.compile(r"year|jahr|année|annee|año|anno|ano|yr", re.IGNORECASE),
    "quarter": re.compile(r"quarter|quartal|qtr|trimest", re.IGNORECASE),
    "month": re.compile(r"month|monat|mois|mes\b|mese", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class When:
    """A date as far as it is given."""

    year: int | None = None
    quarter: int | None = None
    month: int | None = None
    day: int | None = None
    time: str | None = None

    def within(self, other: When) -> bool:
        """Whether all that this one gives is what `other` is."""
        pairs = (
            (self.year, other.year),
            (self.quarter, other.quarter),
            (self.month, other.month),
            (self.day, other.day),
        )
        if any(mine is not None and mine != its for mine, its in pairs):
            return False
        return self.time is None or (other.time is not None and _clock(other.time).startswith(_clock(self.time)))


@dataclass(frozen=True, slots=True)
class Mention:
    """A date in a text: where, and what it may mean."""

    start: int
    end: int
    meanings: tuple[When, ...]


def mention_at(text: str, place: int) -> Mention | None:
    """The date that begins at `place` of a text with plain digits."""
    found = [
        (match.end(), when)
        for form, members in _FORMS
        if (match := form.match(text, place)) and (when := _when(match, members))
    ]
    if not found:
        return None
    longest = max(end for end, _ in found)
    return Mention(place, longest, tuple(when for end, when in found if end == longest))


def month_at(text: str, place: int) -> Mention | None:
    """A month's name alone, which needs a capital: `may` and `march` are words."""
    found = _CAPITAL_MONTH.match(text, place)
    month = _BY_NAME.get(found[0].lower()) if found else None
    return Mention(place, found.end(), (When(month=month, quarter=None),)) if found and month else None


def year(text: str, start: int, end: int) -> Mention:
    """A number that is a year."""
    return Mention(start, end, (When(year=int(text[start:end])),))


def _when(match: re.Match[str], members: str) -> When | None:
    parts: dict[str, str] = {
        name: value for name, value in zip(members.split(), match.groups(), strict=False) if value is not None
    }
    month = _BY_NAME[parts["name"].lower().rstrip(".")] if "name" in parts else _whole(parts.get("month"))
    day, quarter = _whole(parts.get("day")), _whole(parts.get("quarter"))
    if "nth" in parts:
        quarter = _PLACES[parts["nth"].lower()]
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    return When(_whole(parts.get("year")), quarter, month, day, parts.get("time"))


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _clock(time: str) -> str:
    return time.zfill(5) if time.count(":") == 1 else time.zfill(8)


def dated_rows(table: GroundTable) -> Iterator[tuple[When, Place]]:
    """The dates of the table's rows: from cells that are dates, and from columns of years, quarters and months."""
    columns = list(table["columns"])
    roles = {column: role for column in columns for role, form in _COMPONENTS.items() if form.search(column)}
    for number, row in enumerate(table["rows"]):
        cells = dict(zip(columns, row, strict=False))
        for column, cell in cells.items():
            if (when := of_cell(cell)) is not None:
                yield when, Place(table["name"], number, column)
        if roles:
            yield from _by_parts(cells, roles, table["name"], number)


def _by_parts(
    cells: Mapping[str, object], roles: Mapping[str, str], table: str, row: int
) -> Iterator[tuple[When, Place]]:
    parts: dict[str, int] = {}
    where = ""
    for column, role in roles.items():
        value = as_number(cells[column])
        if value is not None and value == int(value) and abs(value) < 10_000:
            parts[role] = int(value)
            where = where or column
    if parts:
        month = parts.get("month")
        quarter = parts.get("quarter", None if month is None else (month + 2) // 3)
        yield When(parts.get("year"), quarter, month), Place(table, row, where)


def of_cell(cell: object) -> When | None:
    """The date in a cell, which is written as ISO 8601 says."""
    found = _ISO.fullmatch(cell) if isinstance(cell, str) and len(cell) <= 40 else None
    if found is None:
        return None
    month = int(found[2])
    return When(int(found[1]), (month + 2) // 3, month, _whole(found[3]), found[4])
