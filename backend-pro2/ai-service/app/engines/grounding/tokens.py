"""Everything in a sentence that a reader takes for a number, whatever it is written with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from . import spelled
from .cells import Shown
from .dates import Mention, When, mention_at, month_at, year
from .numerals import Numeral, numeral, plain_digits, writes_comma
from .words import SCALES, SUFFIXES, TAILS


class Kind(StrEnum):
    """What a number is said to be."""

    NUMBER = "number"
    PERCENT = "percent"
    PERMILLE = "permille"
    POINTS = "points"
    MULTIPLE = "multiple"
    ORDINAL = "ordinal"
    FRACTION = "fraction"


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the meanings that a token may have."""

    kind: Kind
    shown: Shown


@dataclass(frozen=True, slots=True)
class Token:
    """A number in a text, where it stands and what it may mean; without readings and dates nobody can tell.

    `parts` are what to try if it is not one number but several side by side.
    """

    start: int
    end: int
    readings: tuple[Reading, ...] = ()
    dates: tuple[When, ...] = ()
    parts: tuple[Token, ...] = ()
    is_claim: bool = True


Span = tuple[int, int]

_ASIAN = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PICTURES = (
    "\U0001f51f\U0001f4af\u2680-\u2685\U0001f000-\U0001f0ff\u2800-\u28ff\U0001f947-\U0001f949\U0001f550-\U0001f567"
)
_WORD = re.compile(rf"[{_ASIAN}]+|[{_PICTURES}]+|[^\s(){{}};|“”„«»=<>~≈≥≤±→—–…\[\]{_ASIAN}{_PICTURES}]+")
_SYMBOLS = re.compile(f"[{_PICTURES}]+")
_IS_ASIAN = re.compile(f"[{_ASIAN}]")
_EDGE = "*_`'\"#,:!?\\^"
_SPLIT = re.compile(r"[-/:,&+.]")
_PERCENT = re.compile(
    r"[*_`]{0,3}\s?-?(?:(%|percent\b(?! points?)|per cent\b(?! points?)|pct\b|prozent\b|pour cent\b|por ciento\b"
    r"|per cento\b|por cento\b|procent\b)|(‰|per mille\b|promille\b)|(basis points?\b|bps\b|bp\b)"
    r"|(percentage points?\b|percent points?\b|pp\b))",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"[*_`]{0,3}(?:\s?-?("
    + "|".join(sorted((*SCALES, *(t for t in TAILS if t.isascii())), key=len, reverse=True))
    + r")\b"
    r"|\s?([万萬亿億千百])|\s([kKmMbBtT]|mn|bn|tn|mio|mrd)\b)",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?![\w])")
_FRACTION = re.compile(r"(\d{1,9})[/⁄∕](\d{1,9})")
_BETWEEN = re.compile(r"\s(?:in|out of|of)\s(?:every\s)?(?=\d|\w)")
_YEAR = re.compile(r"(?:1[5-9]|20|21)\d\d")
_BEFORE_YEAR = re.compile(
    r"(?:\b(?:in|since|from|until|till|during|year|by|through|to|before|after|for|and|between|late|early|mid|end of"
    r"|of fy|fy|year of|calendar|versus|vs\.?|with|than|jahr|seit|en|nel|im|bis|von|of|the)\s|\(|[–—-])\Z",
    re.IGNORECASE,
)
_AFTER_YEAR = re.compile(
    r"\s*(?:$|[.,;:!?)\]–—-]|'s\b|s\b|(?:and|to|was|were|is|the|with|but|or|had|has|at|by|on|in|when|which|while"
    r"|compared|until|through|as|than|versus|vs)\b)",
    re.IGNORECASE,
)
# At the beginning of a clause any word may follow.
_SINCE_YEAR = re.compile(
    r"(?:\A|[,.;:(–—-]\s*|\band\s)(?:in|during|since|im jahr|en|nel)\s(?:\d{4}(?:,|\sand|\sor|\sto)?\s)*\Z",
    re.IGNORECASE,
)
_UNIT_POWER = re.compile(r"[A-Za-zµ/]+[²³]")


def tokens_of(sentence: str, covered: Sequence[Span] = ()) -> list[Token]:
    """The tokens in order; what is `covered` is known otherwise."""
    text = plain_digits(sentence)
    comma = writes_comma(sentence)
    found: list[Token] = []
    place = 0
    while (word := _WORD.search(text, place)) is not None:
        over = next((span for span in covered if span[0] <= word.start() < span[1]), None)
        if over is not None:
            place = over[1]
            continue
        limit = next((span[0] for span in covered if span[0] > word.start()), len(text))
        end = min(word.end(), limit)
        if _IS_ASIAN.match(word[0]):
            found += spelled_asian(text, word.start(), end)
            place = max(end, found[-1].end if found else 0)
            continue
        token = _token_at(text, word.start(), end, comma=comma)
        found += [token] if token else []
        place = token.end if token else end
    return found


def spelled_asian(text: str, start: int, end: int) -> list[Token]:
    """Numbers of Chinese signs in a run of letters without spaces."""
    return [
        _finished(text, begin, after, () if value is None else (Shown(Decimal(value)),))
        for begin, after, value in spelled.chinese_in(text, start, end)
    ]


def _token_at(text: str, start: int, end: int, *, comma: bool) -> Token | None:
    """The token in the word at `start`, which may go on behind it."""
    word = text[start:end]
    if _SYMBOLS.match(word):
        return Token(start, end)
    begin = start + len(word) - len(word.lstrip(_EDGE))
    if begin < end and text[begin] == "." and not text[begin + 1 : begin + 2].isdigit():
        begin += len(text[begin:end]) - len(text[begin:end].lstrip("." + _EDGE))
    if begin >= end:
        return None
    if (mention := mention_at(text, begin)) is not None:
        return Token(mention.start, mention.end, dates=mention.meanings)
    if any(letter.isnumeric() for letter in text[begin:end]):
        return _with_digits(text, begin, end, comma=comma)
    if (month := month_at(text, begin)) is not None:
        return Token(month.start, month.end, dates=month.meanings, is_claim=False)
    return _spelled(text, begin)


def _spelled(text: str, begin: int) -> Token | None:
    found = spelled.at(text, begin)
    if found is None:
        return None
    readings = tuple(Reading(Kind(kind), shown) for kind, shown in found.readings)
    plain = tuple(reading.shown for reading in readings if reading.kind is Kind.NUMBER)
    return _finished(text, begin, found.end, plain, readings)


def _with_digits(text: str, begin: int, end: int, *, comma: bool) -> Token | None:
    core_end = begin + len(text[begin:end].rstrip(_EDGE + "."))
    core = text[begin:core_end]
    if _UNIT_POWER.fullmatch(core):
        return None
    if (groups := _GROUPS.match(text, begin)) and groups.end() > core_end:
        joined = numeral(groups[0].replace(" ", "'"), comma=comma)
        apart = tuple(_pieces(text, begin, groups.end(), comma=comma))
        if joined is not None:
            return _replaced(_finished(text, begin, groups.end(), tuple(joined.shown())), apart)
    if fraction := _FRACTION.fullmatch(core):
        return Token(begin, core_end, _share(Decimal(fraction[1]), Decimal(fraction[2])))
    number = numeral(core, comma=comma)
    if number is not None:
        return _of_numeral(text, begin, core_end, number)
    parts = tuple(_pieces(text, begin, core_end, comma=comma))
    return Token(begin, core_end, parts=parts)


def _pieces(text: str, begin: int, end: int, *, comma: bool) -> Iterator[Token]:
    """Numbers between the marks of a word such as 10-20 or 42-year-old; nothing if one of them is no number."""
    found = []
    at = begin
    for piece in re.split(r"([-/:,&+ ])", text[begin:end]):
        if any(letter.isnumeric() for letter in piece):
            number = numeral(piece, comma=comma)
            if number is None:
                return
            found.append(_of_numeral(text, at, at + len(piece), number))
        at += len(piece)
    yield from found


def _of_numeral(text: str, begin: int, end: int, number: Numeral) -> Token:
    unit = number.unit.lower()
    shown = tuple(number.shown())
    if unit in SUFFIXES:
        return _finished(text, begin, end, tuple(one.scaled(Decimal(10) ** SUFFIXES[unit]) for one in shown))
    if unit in {"st", "nd", "rd", "th", "er", "ème"}:
        return Token(begin, end, tuple(Reading(Kind.ORDINAL, one) for one in shown))
    if unit in {"x", "×", "fach"}:
        return Token(begin, end, tuple(Reading(Kind.MULTIPLE, one) for one in shown))
    marks = {"%": Kind.PERCENT, "‰": Kind.PERMILLE, "pp": Kind.PERCENT, "bps": Kind.POINTS}
    if unit in marks:
        return Token(begin, end, tuple(Reading(marks[unit], one) for one in shown))
    return _finished(text, begin, end, shown, is_bare=not unit)


def _finished(
    text: str, begin: int, end: int, shown: Sequence[Shown], known: Sequence[Reading] = (), *, is_bare: bool = False
) -> Token:
    """The token with the words behind it that change its worth."""
    changed = False
    while (scale := _SCALE.match(text, end)) is not None:
        factor = _factor(scale)
        shown, end, changed = [one.scaled(factor) for one in shown], scale.end(), True
    if mark := _PERCENT.match(text, end):
        kinds = (Kind.PERCENT, Kind.PERMILLE, Kind.POINTS, Kind.PERCENT)
        kind = next(kind for kind, group in zip(kinds, mark.groups(), strict=True) if group)
        return Token(begin, mark.end(), tuple(Reading(kind, one) for one in shown))
    readings = [Reading(Kind.NUMBER, one) for one in shown]
    others = [reading for reading in known if reading.kind is not Kind.NUMBER and not changed]
    dates = year(text, begin, end).meanings if is_bare and not changed and _is_year(text, begin, end) else ()
    return Token(begin, end, (*readings, *others), dates)


def _factor(scale: re.Match[str]) -> Decimal:
    word, sign, letter = (group.lower() if group else "" for group in scale.groups())
    if letter:
        return Decimal(10) ** SUFFIXES[letter]
    return Decimal({**SCALES, **TAILS}[word or sign])


def _is_year(text: str, begin: int, end: int) -> bool:
    if not _YEAR.fullmatch(text, begin, end):
        return False
    if _SINCE_YEAR.search(text, max(0, begin - 40), begin):
        return True
    return _BEFORE_YEAR.search(text, max(0, begin - 12), begin) is not None and _AFTER_YEAR.match(text, end) is not None


def _share(part: Decimal, whole: Decimal) -> tuple[Reading, ...]:
    return (Reading(Kind.FRACTION, Shown(part / whole, Decimal("0.02"))),) if whole else ()


def _replaced(token: Token, parts: tuple[Token, ...]) -> Token:
    return Token(token.start, token.end, token.readings, token.dates, parts)


__all__ = ["Kind", "Mention", "Reading", "Token", "tokens_of"]
