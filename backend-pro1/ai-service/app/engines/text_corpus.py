"""Texts that are analysed, and how one is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .frames import IndexArray

SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts with their positions in the version, shape (texts,), and how many rows have none."""

    texts: Sequence[str]
    rows: IndexArray
    missing: int


def excerpt(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 4 * SHOWN_CHARACTERS].split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
