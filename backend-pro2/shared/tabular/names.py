"""Column names that SQL can tell apart, and the one that was probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from heapq import nsmallest
from typing import TypedDict

MAX_NAME = 200
SHOWN = 60
# Comparing two names takes milliseconds where they are long and of few letters, and users choose all of them.
COMPARED_NAMES, COMPARED_LETTERS = 100, 40


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


def closest(name: str, known: Iterable[str]) -> str | None:
    """The most similar of the `known` names in any case, if one is similar; in bounded time, so not of all names."""
    wanted = name[:COMPARED_LETTERS].lower()

    def unlikely(other: str) -> tuple[int, bool]:
        return abs(len(other) - len(name)), other[:1].lower() != wanted[:1]

    by_start = {other[:COMPARED_LETTERS].lower(): other for other in nsmallest(COMPARED_NAMES, known, key=unlikely)}
    near = get_close_matches(wanted, by_start, n=1, cutoff=0.6)
    return by_start[near[0]] if near else None


def nearest(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the most similar of the `known` names, or nothing."""
    near = closest(name, known)
    return f" Did you mean {shown(near)}?" if near else ""


def shown(text: str) -> str:
    """`text` in quotes, cut to what fits into a sentence."""
    cut = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    # Line ends and marks that turn the writing round would change how the sentence reads.
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cut)
    return f"'{printable}'"


def _clean(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:MAX_NAME].strip()


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate
