"""A clean text in sentences, as far as they are complete; where one ends depends on the text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 4000
LONGEST_REFERENCE = 300
_END = re.compile(r"[.!?…。！？][\"'”’»)\]*_]*(?=\s)|\n|[。！？]")
_SPACES = re.compile(r" *")
# Full stops that end no sentence.
_SHORT = re.compile(
    r"(?:\b(?:[a-z]|approx|ca|cf|dr|e\.g|eg|etc|fig|i\.e|ie|incl|max|min|mr|mrs|ms|nos?|nr|resp|st|vs|bzw|z\.b|u\.a|usw"
    r"|inc|co|ltd)|^\s*\d{1,3})\.\Z",
    re.IGNORECASE,
)


class Splitter:
    """Takes clean text piece by piece and gives out whole sentences with the spaces behind them."""

    def __init__(self) -> None:
        self.held = ""

    def feed(self, piece: str) -> Iterator[str]:
        """The sentences that are complete now."""
        self.held += piece
        while (end := _first_end(self.held)) is not None:
            sentence, self.held = self.held[:end], self.held[end:]
            yield sentence

    def end(self) -> str:
        """What is left."""
        rest, self.held = self.held, ""
        return rest


def _first_end(text: str) -> int | None:
    """Where the first sentence ends; None as long as what follows may change that."""
    for found in _END.finditer(text, 0, LONGEST):
        if found[0] == "\n":
            return found.end()
        within = _within_reference(text, found.start())
        behind = _SPACES.match(text, found.end())
        after = behind.end() if behind else found.end()
        if within is None or after >= len(text):
            return None
        if not within and _ends(text, found, after):
            return after
    if len(text) < LONGEST + LONGEST_REFERENCE:
        return None
    return text.rfind(" ", 1, LONGEST) + 1 or LONGEST


def _ends(text: str, found: re.Match[str], after: int) -> bool:
    """Whether a mark ends a sentence: not behind a short form, nor between digits."""
    if _SHORT.search(text, max(0, found.start() - 12), found.start() + 1):
        return False
    return not (text[found.start() - 1 : found.start()].isdigit() and text[after].isdigit())


def _within_reference(text: str, place: int) -> bool | None:
    """Whether `place` lies between the braces of a reference; None if that is not known yet."""
    opened = text.rfind("{{", max(0, place - LONGEST_REFERENCE), place)
    if opened < 0 or "}}" in text[opened:place]:
        return False
    last = opened + LONGEST_REFERENCE
    line = text.find("\n", place, last)
    closing = text.find("}}", place, last)
    if closing < 0:
        return False if line >= 0 or len(text) >= last else None
    return line < 0 or closing < line
