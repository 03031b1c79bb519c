"""What a text says in numbers, sentence by sentence: each with its cell, or struck."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .cells import GroundTable, Place
from .cleaning import clean
from .evidence import Evidence
from .keys import Keys, Naming, bound
from .links import kept_apart, without_targets
from .references import REFERENCE, UNVERIFIED, Filled, filled
from .tokens import Token, tokens_of

GROUNDED, STRUCK = "grounded", "struck"
RETOLD = "…"
_MARKER = re.compile(r"(\s*(?:#{1,6}\s+|>\s*)*)(?:\d{1,4}|[A-Za-z]|[ivx]{1,5})[.)]\s+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A number of a text as it was written, what it is worth, and the cell that proves it; without one it is struck."""

    text: str
    value: float | int | str | None
    cell: Place | None
    status: str

    def as_json(self) -> dict[str, Any]:
        """The claim as the API shows it."""
        cell = (
            None if self.cell is None else {"table": self.cell.table, "row": self.cell.row, "column": self.cell.column}
        )
        return {"text": self.text, "value": self.value, "cell": cell, "status": self.status}


@dataclass(slots=True)
class Grounded:
    """A text of which every number is in the results, or marked; `retold` is it without figures and cells."""

    answer: str = ""
    claims: list[Claim] = field(default_factory=list)
    retold: str = ""

    @property
    def struck(self) -> int:
        """How many numbers are marked."""
        return sum(claim.status == STRUCK for claim in self.claims)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place of a sentence, the claim that stands there, and what is shown instead, if anything."""

    start: int
    end: int
    claim: Claim
    shown: str | None = None


def ground(text: str, tables: Sequence[GroundTable]) -> Grounded:
    """A text with what is not in the tables struck. Tables are named `t1`, `t2` and so on in its references."""
    from .stream import GroundingStream

    stream = GroundingStream(tables)
    stream.feed(text)
    stream.end()
    return stream.grounded


def retell(text: str, keys: Keys | None = None) -> str:
    """A text without figures, for whom none may be told: references, numbers and values of `keys` become dots."""
    sentence = without_targets(REFERENCE.sub(RETOLD, clean(text)))
    named = sorted({(naming.start, naming.end) for naming in keys.named(sentence)}) if keys else []
    numbers = [(token.start, token.end) for token in tokens_of(sentence, named) if token.is_claim]
    return _replaced(sentence, [(start, end, RETOLD) for start, end in sorted([*named, *numbers])])


def grounded_sentence(sentence: str, evidence: Evidence, *, begins_line: bool) -> tuple[str, list[Claim]]:
    """One sentence of clean text, and its claims in order."""
    if begins_line:
        sentence = (
            _MARKER.sub(lambda found: found[1] + ("- " if not found[1].strip() else ""), sentence, count=1)
            if _MARKER.match(sentence)
            else sentence
        )
    text, references = filled(without_targets(sentence, REFERENCE), evidence.tables)
    marks = _marks(text, references, evidence)
    shown = _replaced(text, [(mark.start, mark.end, mark.shown) for mark in marks if mark.shown is not None])
    return kept_apart(shown), [mark.claim for mark in marks]


def _marks(text: str, references: Sequence[Filled], evidence: Evidence) -> list[_Mark]:
    namings = list(evidence.keys.named(text))
    marks = [_named(naming, text) for naming in namings if naming.has_digits]
    marks += [
        _Mark(one.start, one.end, Claim(one.source, None, None, STRUCK)) for one in references if one.place is None
    ]
    covered = sorted(
        {(mark.start, mark.end) for mark in marks}
        | {found.span() for found in re.finditer(re.escape(UNVERIFIED), text)}
        | set(evidence.names_in(text))
    )
    dated: list[Naming] = []
    numbers: list[Token] = []
    for token in tokens_of(text, covered):
        naming = evidence.dated(token) if token.dates else None
        if naming is not None:
            dated.append(naming)
            marks += [_mark_of(token, naming.place, text, text[token.start : token.end])] if token.is_claim else []
        elif token.is_claim:
            numbers.append(token)
    marks += _resolved(numbers, [*namings, *dated], references, text, evidence)
    return _once(sorted(marks, key=lambda mark: (mark.start, mark.end)))


def _once(marks: Sequence[_Mark]) -> list[_Mark]:
    """Marks without those of a place that has one already: a value may stand in several columns."""
    kept: list[_Mark] = []
    for mark in marks:
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return kept


def _named(naming: Naming, text: str) -> _Mark:
    said = text[naming.start : naming.end]
    return _Mark(naming.start, naming.end, Claim(said, naming.text, naming.place, GROUNDED))


def _resolved(
    numbers: Sequence[Token], namings: Sequence[Naming], references: Sequence[Filled], text: str, evidence: Evidence
) -> list[_Mark]:
    limits = bound(namings, [(token.start, token.end) for token in numbers], text)
    marks = []
    for token, rows in zip(numbers, limits, strict=True):
        wanted = next((one.place for one in references if one.start < token.end and token.start < one.end), None)
        found = evidence.cell_of(token, rows, text, wanted)
        if found is not None:
            marks.append(_mark_of(token, found[1], text, _value(found[0].shown.value)))
            continue
        cells = [evidence.cell_of(part, rows, text, wanted) for part in token.parts]
        if token.parts and all(cell is not None for cell in cells):
            marks += [
                _mark_of(part, cell[1], text, _value(cell[0].shown.value))
                for part, cell in zip(token.parts, cells, strict=True)
                if cell
            ]
        else:
            marks.append(_struck(token, text))
    return marks


def _mark_of(token: Token, place: Place, text: str, value: float | str | None) -> _Mark:
    return _Mark(token.start, token.end, Claim(text[token.start : token.end], value, place, GROUNDED))


def _struck(token: Token, text: str) -> _Mark:
    value = _value(token.readings[0].shown.value) if token.readings else None
    return _Mark(token.start, token.end, Claim(text[token.start : token.end], value, None, STRUCK), UNVERIFIED)


def _value(number: Decimal) -> float | int | str | None:
    if abs(number) >= Decimal(2) ** 53:
        return str(number)
    return int(number) if number == number.to_integral_value() else float(number)


def _replaced(text: str, changes: Sequence[tuple[int, int, str | None]]) -> str:
    parts, done = [], 0
    for start, end, shown in changes:
        parts += [text[done:start], text[start:end] if shown is None else shown]
        done = end
    return "".join((*parts, text[done:]))
