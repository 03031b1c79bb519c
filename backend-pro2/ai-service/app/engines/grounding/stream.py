"""Grounding of a text that is still being written: what is given out stays as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .cells import GroundTable
from .claims import Grounded, grounded_sentence, retell
from .cleaning import Cleaner
from .evidence import Evidence
from .sentences import Splitter
from .spelled import is_number_word

# Words of plain letters with single spaces between them: what is shown of them does not depend on what follows.
_PLAIN = re.compile(r"(?:[A-Za-zÀ-ÖØ-öø-ÿ]{2,}[,;]? )+")
_LAST = re.compile(r"\S+ \Z")


class GroundingStream:
    """Takes a model's text piece by piece; the pieces given out make up the answer that `ground` gives.

    A sentence with a number in it comes out when it is complete: what its numbers belong to may stand behind them.
    """

    def __init__(self, tables: Sequence[GroundTable]) -> None:
        self.grounded = Grounded()
        self._evidence = Evidence(tables)
        self._cleaner = Cleaner()
        self._splitter = Splitter()
        self._given = 0
        self._begins_line = True

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        return self._taken(self._cleaner.feed(piece), last=False)

    def end(self) -> str:
        """The rest."""
        return self._taken(self._cleaner.end(), last=True)

    def _taken(self, piece: str, *, last: bool) -> str:
        start = len(self.grounded.answer) + self._given
        for sentence in self._splitter.feed(piece):
            self._add(sentence)
        if last and (rest := self._splitter.end()):
            self._add(rest)
        ahead = self._ahead()
        self._given = len(ahead)
        return (self.grounded.answer + ahead)[start:]

    def _add(self, sentence: str) -> None:
        shown, claims = grounded_sentence(sentence, self._evidence, begins_line=self._begins_line)
        self.grounded.answer += shown
        self.grounded.claims += claims
        self.grounded.retold += retell(sentence, self._evidence.keys)
        self._begins_line = sentence.endswith("\n") or (self._begins_line and not sentence.strip())

    def _ahead(self) -> str:
        """The beginning of the unfinished sentence that is certain to stay."""
        found = _PLAIN.match(self._splitter.held)
        if found is None:
            return ""
        words = found[0]
        for place in re.finditer(r"[^\s,;]+", words):
            if is_number_word(place[0]):
                return _without_last(words[: place.start()])
        return _without_last(words)


def _without_last(words: str) -> str:
    """One word is held back: an article or a sign may belong to the number behind it."""
    return _LAST.sub("", words)
