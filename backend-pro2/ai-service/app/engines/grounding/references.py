"""References to cells, `{{t1[0].column}}`, which a model writes instead of figures and which are filled in here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .cells import GroundTable, Place, Shown, as_number
from .cleaning import clean
from .links import without_targets

LONGEST_TEXT = 200
LARGEST_WRITTEN_OUT = Decimal(10) ** 21
UNVERIFIED = "[unverified]"
REFERENCE = re.compile(r"\{\{((?:[^{}\n]|\}(?!\}))*)\}\}")
_ADDRESS = re.compile(
    r"\s*(?P<table>[A-Za-z]\w{0,60})\s*\[\s*(?P<row>\d{1,6})\s*\]\s*(?:\.\s*(?P<name>.+?)|\[\s*(?P<quoted>.+?)\s*\])\s*"
)
_FORM = re.compile(r"(?P<name>.*?)\s*\|\s*(?P<form>[0-6]|%|[0-6]%)\s*")


@dataclass(frozen=True, slots=True)
class Filled:
    """A reference that was filled in: where its text stands, the cell, and what is in it; no cell: there is none."""

    start: int
    end: int
    place: Place | None
    cell: Any
    source: str


def filled(sentence: str, tables: Mapping[str, GroundTable]) -> tuple[str, list[Filled]]:
    """The sentence with its references filled in."""
    parts: list[str] = []
    found: list[Filled] = []
    length = done = 0
    for match in REFERENCE.finditer(sentence):
        before = _without_braces(sentence[done : match.start()])
        place, cell, text = resolved(match[1], tables)
        length += len(before)
        found.append(Filled(length, length + len(text), place, cell, match[0]))
        parts += [before, text]
        length += len(text)
        done = match.end()
    return "".join((*parts, _without_braces(sentence[done:]))), found


def _without_braces(text: str) -> str:
    return text.replace("{{", "").replace("}}", "")


def resolved(address: str, tables: Mapping[str, GroundTable]) -> tuple[Place | None, Any, str]:
    """The cell at an address, what is in it, and that as a text; the mark of the unknown if there is no such cell."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None or (table := tables.get(parts["table"].lower())) is None:
        return None, None, UNVERIFIED
    name, form = (parts["name"] or parts["quoted"]).strip(), ""
    if name not in table["columns"] and (shaped := _FORM.fullmatch(name)):
        name, form = shaped["name"], shaped["form"]
    name = _column(name.strip("\"'`"), table["columns"])
    row = int(parts["row"])
    if name is None or row >= len(table["rows"]):
        return None, None, UNVERIFIED
    cell = table["rows"][row][list(table["columns"]).index(name)]
    return Place(table["name"], row, name), cell, as_text(cell, form)


def _column(name: str, columns: Iterable[str]) -> str | None:
    names = list(columns)
    if name in names:
        return name
    return next((column for column in names if column.lower() == name.lower()), None)


def as_text(cell: Any, form: str = "") -> str:
    """A cell as it reads in a sentence: numbers as they are unless a form asks for less, texts without any markup."""
    number = as_number(cell)
    if number is not None and not isinstance(cell, str):
        return _figure(number, form)
    if number is not None:
        return str(cell)
    if cell is None:
        return "no value"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = " ".join(clean(str(cell)).split())
    text = without_targets(text)
    shown = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
    return shown.replace("{", "(").replace("}", ")")


def _figure(number: Decimal, form: str) -> str:
    """A number in the form asked for, unless that would show another number."""
    factor = Decimal(100) if form.endswith("%") else Decimal(1)
    digits = form.rstrip("%") or ("1" if form else "")
    if form and Shown(Decimal(f"{number * factor:.{digits}f}"), Decimal(1).scaleb(-int(digits))).agrees(
        number * factor
    ):
        return f"{number * factor:.{digits}f}" + ("%" if factor > 1 else "")
    if abs(number) >= LARGEST_WRITTEN_OUT:
        return f"{float(number):.15g}"
    text = f"{number:f}" if number == number.to_integral_value() else f"{float(number):.15g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
