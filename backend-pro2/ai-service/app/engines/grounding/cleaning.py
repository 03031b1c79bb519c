"""A model's text as plain text: no markup, nothing invisible, entities read, letters and digits in their plain form."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

LONGEST_ENTITY = 32
LONGEST_TAG = 1000
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});?")
_ENTITY_SO_FAR = re.compile(r"&(#?|#\d{1,7}|#[xX][0-9a-fA-F]{0,6}|[A-Za-z][A-Za-z0-9]{0,30})\Z")
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
_BREAK = re.compile(r"</?(br|p|div|li|ul|ol|tr|td|th|table|h[1-6])\b", re.IGNORECASE)
_TAG_SO_FAR = re.compile(r"<([A-Za-z/!?][^<>]*)?\Z")
_OPENING = re.compile(r"<(?=[A-Za-z/!?<])")
# Forms that mean something else than the letter or digit they are made of.
_KEPT_FORMS = re.compile(r"[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u215f\u2189]")
_SPACES = frozenset("\t\r\x0b\x0c\u2029\x85")
# They show nothing, and lines through, under and around characters show these all the same.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})
_LINES = re.compile(r"[\u0305\u0320\u0331-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180e\ufe0f\ufe0e\u20e3")

# Given a text, the place of a mark in it and whether the text is all there is: the mark's length and meaning, meaning
# None if it is an ordinary character; None if that cannot be said yet.
Reader = Callable[[str, int, bool], tuple[int, str | None] | None]


class _Marks:
    """Reads what a mark begins, piece by piece; what it means is read again if that is `repeated`."""

    def __init__(self, mark: str, read: Reader, *, repeated: bool) -> None:
        self._mark, self._read, self._repeated = mark, read, repeated
        self._held = ""

    def feed(self, piece: str, *, last: bool) -> str:
        """What is certain by now."""
        text, place, out = self._held + piece, 0, []
        while (found := text.find(self._mark, place)) >= 0:
            out.append(text[place:found])
            place = found
            step = self._read(text, found, last)
            if step is None:
                break
            length, meaning = step
            if meaning is None or not self._repeated:
                out.append(self._mark if meaning is None else meaning)
                place += length
            else:
                text, place = meaning + text[found + length :], 0
        else:
            out.append(text[place:])
            place = len(text)
        self._held = text[place:]
        return "".join(out)


class Cleaner:
    """Takes a text piece by piece; all pieces together give the same as the whole at once."""

    def __init__(self) -> None:
        self._entities = _Marks("&", _entity, repeated=True)
        self._tags = _Marks("<", _tag, repeated=False)
        # What would begin markup is given out only once it is clear that none follows.
        self._before = ""

    def feed(self, piece: str) -> str:
        """The clean text that is certain by now."""
        return self._taken(piece, last=False)

    def end(self) -> str:
        """The rest."""
        return self._taken("", last=True)

    def _taken(self, piece: str, *, last: bool) -> str:
        plain = "".join(map(shown, self._entities.feed(piece, last=last)))
        text = _OPENING.sub("", self._before + self._tags.feed(plain, last=last))
        self._before = ""
        if text.endswith("<"):
            text, self._before = text[:-1], "" if last else "<"
        return text


def _entity(text: str, place: int, last: bool) -> tuple[int, str | None] | None:
    ahead = text[place : place + LONGEST_ENTITY + 2]
    if not last and len(ahead) <= LONGEST_ENTITY and _ENTITY_SO_FAR.match(ahead):
        return None
    found = _ENTITY.match(ahead)
    meaning = html.unescape(found[0]) if found else ""
    return (1, None) if found is None or meaning == found[0] else (found.end(), meaning)


def _tag(text: str, place: int, last: bool) -> tuple[int, str | None] | None:
    ahead = text[place : place + LONGEST_TAG]
    if found := _TAG.match(ahead):
        return found.end(), "\n" if _BREAK.match(found[0]) else ""
    return None if not last and len(ahead) < LONGEST_TAG and _TAG_SO_FAR.match(ahead) else (1, None)


def shown(letter: str) -> str:
    """What a reader sees of one character: nothing of what is invisible, the plain form of styled ones."""
    if " " <= letter <= "~" or letter == "\n":
        return letter
    if letter in _SPACES or letter == "\u2028":
        return "\n" if letter == "\u2028" else " "
    if letter in _FILLERS or unicodedata.category(letter) in _INVISIBLE or _LINES.match(letter):
        return ""
    return letter if _KEPT_FORMS.match(letter) else unicodedata.normalize("NFKC", letter)


def clean(text: str) -> str:
    """The whole of a text at once."""
    cleaner = Cleaner()
    return cleaner.feed(text) + cleaner.end()
