"""Which rows a sentence speaks of, and which of them each of its numbers belongs to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .cells import GroundTable, Place, Row, as_number, is_made
from .dates import of_cell
from .tokens import tokens_of

LONGEST_KEY = 200
_WORD = re.compile(r"\w+")
# Values that are also everyday words name a row only in quotes.
_EVERYDAY = frozenset(
    [
        "a",
        "an",
        "the",
        "no",
        "yes",
        "all",
        "any",
        "other",
        "others",
        "total",
        "none",
        "and",
        "or",
        "not",
        "in",
        "on",
        "at",
        "by",
        "for",
        "of",
        "to",
        "is",
        "was",
        "it",
        "he",
        "she",
        "they",
        "we",
        "you",
        "i",
        "me",
        "us",
        "new",
        "old",
        "high",
        "low",
        "up",
        "down",
        "more",
        "less",
        "most",
        "least",
        "one",
        "two",
        "it's",
        "with",
        "from",
        "as",
        "but",
        "if",
        "so",
    ]
)
_PREPOSITION = re.compile(
    r"(?:\s[^\W\d_]+){0,4}?\s(?:for|in|of|at|from|by|among|to|with|within|per|für|von|pour|en|de|para)(?:\sthe)?\s[\"'“*_]*",
    re.IGNORECASE,
)
_COMPARING = re.compile(
    r"\b(?:ahead|behind|than|above|below|compared|more|less|fewer|greater|higher|lower|over|exceed\w*|beat\w*|vs|versus)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Key:
    """A text of the results, and the cells that hold it."""

    text: str
    places: tuple[Place, ...]
    has_digits: bool


@dataclass(frozen=True, slots=True)
class Naming:
    """Where a sentence names rows, and which; those of one `dimension` exclude each other."""

    start: int
    end: int
    dimension: str
    rows: frozenset[Row]
    place: Place
    text: str = ""
    has_digits: bool = False


@dataclass(slots=True)
class Keys:
    """The texts by which rows can be named, found by their first word."""

    by_word: dict[str, list[Key]] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: Iterable[GroundTable]) -> Keys:
        """The keys of all tables."""
        places: dict[str, list[Place]] = defaultdict(list)
        for table in tables:
            for text, place in _texts(table):
                places[text].append(place)
        found: dict[str, list[Key]] = defaultdict(list)
        for text, where in places.items():
            first = _WORD.search(text)
            if first is not None:
                found[first[0].casefold()].append(Key(text, tuple(where), bool(tokens_of(text))))
        for keys in found.values():
            keys.sort(key=lambda key: -len(key.text))
        return cls(dict(found))

    def named(self, sentence: str) -> Iterator[Naming]:
        """Every naming in the sentence, the longest where several begin in one place."""
        free = 0
        for word in _WORD.finditer(sentence):
            for key in self.by_word.get(word[0].casefold(), ()):
                start = word.start() - _offset(key.text)
                if start >= free and _stands(sentence, start, key.text):
                    free = start + len(key.text)
                    yield from _namings(key, start, free)
                    break


def _namings(key: Key, start: int, end: int) -> Iterator[Naming]:
    by_column: dict[str, list[Place]] = defaultdict(list)
    for place in key.places:
        by_column[place.column].append(place)
    for column, places in by_column.items():
        rows = frozenset(place.in_row for place in places)
        yield Naming(start, end, column, rows, places[0], key.text, key.has_digits)


def _texts(table: GroundTable) -> Iterator[tuple[str, Place]]:
    figures = [text for text in table.get("literals", ()) if any(letter.isnumeric() for letter in text)]
    for number, row in enumerate(table["rows"]):
        for column, (name, cell) in enumerate(zip(table["columns"], row, strict=False)):
            if not isinstance(cell, str) or as_number(cell) is not None or of_cell(cell) is not None:
                continue
            text = " ".join(cell.split())
            made = is_made(table, column, is_known=any(figure in cell for figure in figures))
            if 0 < len(text) <= LONGEST_KEY and not (made and tokens_of(text)):
                yield text, Place(table["name"], number, name)


def _offset(text: str) -> int:
    first = _WORD.search(text)
    return first.start() if first else 0


def _stands(sentence: str, start: int, text: str) -> bool:
    """Whether the key stands here, not as part of a longer word; short and everyday ones need their very form."""
    end = start + len(text)
    there = sentence[start:end]
    if start < 0 or there.casefold() != text.casefold() or (len(text) <= 3 and there != text):
        return False
    around = sentence[start - 1 : start] + "|" + sentence[end : end + 1]
    before, _, after = around.partition("|")
    if (before.isalnum() and text[0].isalnum()) or (after.isalnum() and text[-1].isalnum()):
        return False
    if len(text) == 1 or text.casefold() in _EVERYDAY:
        return bool(before) and before in "\"'“‘«*`" and bool(after) and after in "\"'”’»*`"
    return True


def bound(namings: Sequence[Naming], numbers: Sequence[tuple[int, int]], sentence: str) -> list[frozenset[Row] | None]:
    """For each number the rows that it must be in; None: the sentence names none."""
    dimensions: Mapping[str, list[Naming]] = _by_dimension(namings)
    limits = [_limits(names, numbers, sentence) for names in dimensions.values()]
    return [_together([limit[number] for limit in limits]) for number in range(len(numbers))]


def _by_dimension(namings: Sequence[Naming]) -> dict[str, list[Naming]]:
    found: dict[str, list[Naming]] = defaultdict(list)
    for naming in sorted(namings, key=lambda naming: naming.start):
        found[naming.dimension].append(naming)
    return found


def _together(limits: Sequence[frozenset[Row]]) -> frozenset[Row] | None:
    """Rows that meet every dimension which their own table has."""
    if not limits:
        return None
    tables = {table for rows in limits for table, _ in rows}
    kept: set[Row] = set()
    for table in tables:
        own = [{row for row in rows if row[0] == table} for rows in limits]
        kept |= set.intersection(*(rows for rows in own if rows))
    return frozenset(kept)


def _limits(names: Sequence[Naming], numbers: Sequence[tuple[int, int]], sentence: str) -> list[frozenset[Row]]:
    """For each number the rows of the naming that it belongs to, within one dimension."""
    return [_of_number(number, names, numbers, sentence) for number in range(len(numbers))]


def _of_number(
    number: int, names: Sequence[Naming], numbers: Sequence[tuple[int, int]], sentence: str
) -> frozenset[Row]:
    start, end = numbers[number]
    next_number = numbers[number + 1][0] if number + 1 < len(numbers) else len(sentence) + 1
    ahead = next((name for name in names if end <= name.start < next_number), None)
    if ahead is not None and _leads_to(sentence[end : ahead.start]):
        return ahead.rows
    group = _group_before(start, names, numbers)
    if not group:
        return ahead.rows if ahead is not None else _all_rows(names)
    place = _place_behind(group, number, numbers, names)
    return group[place].rows if place is not None else _all_rows(group)


def _leads_to(between: str) -> bool:
    """Whether the words between a number and a naming tie the two together: 42 units were sold in DE."""
    return _PREPOSITION.fullmatch(between) is not None and _COMPARING.search(between) is None


def _group_before(start: int, names: Sequence[Naming], numbers: Sequence[tuple[int, int]]) -> list[Naming]:
    """The namings before the number that have no other number between them."""
    before = [name for name in names if name.end <= start]
    if not before:
        return []
    barrier = max((end for begin, end in numbers if end <= before[-1].start), default=0)
    return [name for name in before if name.start >= barrier]


def _place_behind(
    group: Sequence[Naming], number: int, numbers: Sequence[tuple[int, int]], names: Sequence[Naming]
) -> int | None:
    """Which of a group a number belongs to if as many numbers follow as there are namings in it; else unknown."""
    if len({name.rows for name in group}) == 1:
        return 0
    following = next((name.start for name in names if name.start >= group[-1].end), None)
    behind = [
        place
        for place, (begin, _) in enumerate(numbers)
        if begin >= group[-1].end and (following is None or begin < following)
    ]
    return behind.index(number) if len(behind) == len(group) and number in behind else None


def _all_rows(names: Sequence[Naming]) -> frozenset[Row]:
    return frozenset().union(*(name.rows for name in names))
