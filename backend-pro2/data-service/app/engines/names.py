"""Column names that SQL can tell apart."""

from collections.abc import Sequence
from typing import TypedDict

MAX_NAME = 200


class Renamed(TypedDict):
    """A column whose name in the file could not stay; `position` counts from 1."""

    position: int
    original: str
    name: str


def unique_names(header: Sequence[str]) -> tuple[list[str], list[Renamed]]:
    """`header` with blanks trimmed, empty names filled and repeated names numbered, and what was changed.

    Names that differ in case only are the same to SQL, so they are numbered too.
    """
    taken: set[str] = set()
    names: list[str] = []
    for position, original in enumerate(header, start=1):
        name = _free(_clean(original) or f"column_{position}", taken)
        taken.add(name.lower())
        names.append(name)
    renamed = [
        Renamed(position=position, original=original[:MAX_NAME], name=name)
        for position, (original, name) in enumerate(zip(header, names, strict=True), start=1)
        if original.strip() != name
    ]
    return names, renamed


def _clean(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:MAX_NAME].strip()


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate
