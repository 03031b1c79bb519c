"""Numbers that are written out: words, roman numerals, signs of Chinese, ordinals, parts and multiples."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .cells import Shown
from .words import INSIDE_ONLY, ORDINALS, PARTS, SIGNS, multiple, plain_word, total, worth

_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_GAP = re.compile(r"[ ‐-]{1,2}")
_JOINING = frozenset({"and", "und", "et", "y", "e", "en"})
_POINT = frozenset({"point", "komma", "comma", "virgule", "coma", "virgola"})
_NO_NUMBER_BEHIND = re.compile(
    r"\s(?:of|another|can|could|should|would|may|might|must|has|needs?|who|that|which|such|time)\b", re.IGNORECASE
)
_NO_NUMBER_BEFORE = re.compile(
    r"\b(?:no|this|that|which|the|each|every|another|any|some|other|last|only the|right|wrong|latter|former|next)\s\Z",
    re.IGNORECASE,
)
_DISCOURSE = re.compile(r"(?:^|[.;:!?]\s|\n)\s*[*_#>\s-]*\Z|\bat\s\Z")
_IDIOM = re.compile(
    r"(?:,|\s(?:of all|and foremost|glance|half|step|look|sight|thing|row|column|hand|person|name|part)\b|ly\b"
    r"|-(?:party|class|hand|rate|name|person|time|order|degree|ever|come|generation)\b)",
    re.IGNORECASE,
)
_PER = re.compile(r"\b(?:per|a|each|every|one|split)\s\Z", re.IGNORECASE)
_ROMAN = re.compile(r"(?=[IVXLCDM])M{0,4}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
# Abbreviations; and single letters, which name things more often than they count them.
_SHORT_FORMS = frozenset(
    [
        "CD",
        "CV",
        "DC",
        "MD",
        "MC",
        "CC",
        "DI",
        "LI",
        "MI",
        "MIX",
        "DIM",
        "MM",
        "CM",
        "DM",
        "CI",
        "DIV",
        "CIV",
        "MIL",
        "DL",
        "ML",
        "CL",
        "XL",
        "XX",
        "VI",
        "LCD",
    ]
)
_COUNTED = re.compile(
    r"\s?(?:%|(?:percent|per cent|units?|million|billion|thousand|hundred|customers?|orders?|rows?|items?|days?|years?"
    r"|months?|weeks?|hours?|users?|people|persons?|dollars?|euros?|francs?|sales|stores?|cases?|times|records?|products?)\b)",
    re.IGNORECASE,
)
_LOOKS_LIKE_DIGITS = re.compile(r"[lI|]+O+[lIO|]*|[lI|]o{2,}|[ЗбОоІі]{2,}")
_SPACED = re.compile(r"(?:[A-Za-z][ .\-·*_~]){2,19}[A-Za-z](?![A-Za-z])")
_CHINESE = re.compile("[〇零一二三四五六七八九十百千万億亿萬两壹贰叁肆伍陆柒捌玖拾佰仟]+")
_CHINESE_UNITS = {"拾": 10, "佰": 100, "仟": 1000} | {"十": 10, "百": 100, "千": 1000}
_CHINESE_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


@dataclass(frozen=True, slots=True)
class Spelled:
    """Where a written number ends, and what it may be; nothing if nobody can tell."""

    end: int
    readings: tuple[tuple[str, Shown], ...] = ()


def at(text: str, place: int) -> Spelled | None:
    """The written number that begins at `place`, where a word begins."""
    for read in (_spaced, _part, _ordinal, _chain, _multiple, _roman, _disguised):
        if (found := read(text, place)) is not None:
            return found
    return None


def _number(end: int, value: Decimal | int, step: Decimal | int = 1, kind: str = "number") -> Spelled:
    return Spelled(end, ((kind, Shown(Decimal(value), Decimal(step))),))


def _words(text: str, place: int) -> Iterator[tuple[str, int, int]]:
    """Words that follow one another with a space or hyphen between them: each with where it begins and ends."""
    while (found := _LETTERS.match(text, place)) is not None:
        yield plain_word(found[0]), found.start(), found.end()
        gap = _GAP.match(text, found.end())
        if gap is None:
            return
        place = gap.end()


def _chain(text: str, place: int) -> Spelled | None:
    words: list[str] = []
    decimals: list[str] | None = None
    end, sign = place, 1
    for word, _, word_end in _words(text, place):
        if not words and decimals is None and (word in SIGNS or word in {"a", "an", "ein", "eine", "un", "une"}):
            sign = -sign if word in SIGNS else sign
            continue
        if decimals is not None and worth(word) and len(decimals) < 20 and (value := worth(word)) and value[1] != 3:
            decimals.append(str(value[0]))
            end = word_end
        elif word in _POINT and words:
            decimals = []
        elif worth(word) is not None and word not in INSIDE_ONLY:
            words.append(word)
            end = word_end
        elif word not in _JOINING or not words:
            break
    return _chained(text, place, end, words, decimals, sign)


def _chained(
    text: str, place: int, end: int, words: Sequence[str], decimals: Sequence[str] | None, sign: int
) -> Spelled | None:
    if not words or (list(words) == ["one"] and _is_pronoun(text, place, end)):
        return None
    if decimals and all(len(digit) == 1 for digit in decimals):
        scales = [word for word in words if (found := worth(word)) and found[1] == 3]
        whole = total([word for word in words if word not in scales])
        if whole is None:
            return Spelled(end)
        shown = Shown(sign * Decimal(f"{whole}.{''.join(decimals)}"), Decimal(1).scaleb(-len(decimals)))
        for scale in scales:
            shown = shown.scaled(Decimal((worth(scale) or (Decimal(1), 3))[0]))
        return Spelled(end, (("number", shown),))
    value = total(list(words))
    return Spelled(end) if value is None else _number(end, sign * value, _step(words))


def _step(words: Sequence[str]) -> Decimal:
    """A written number is as exact as its last word: two million is rounded to a million."""
    found = worth(words[-1])
    return found[0] if found and found[1] == 3 and len(words) > 1 else Decimal(1)


def _is_pronoun(text: str, start: int, end: int) -> bool:
    return bool(_NO_NUMBER_BEHIND.match(text, end) or _NO_NUMBER_BEFORE.search(text, max(0, start - 12), start))


def _part(text: str, place: int) -> Spelled | None:
    """Half, a third, three quarters, two and a half million."""
    found = list(_first(_words(text, place), 3))
    count = Decimal(1)
    for number, (word, _, end) in enumerate(found):
        if word in PARTS and _is_part(text, word, place, end, counted=number > 0):
            return _part_of_scale(text, end, count / PARTS[word])
        value = worth(word)
        if number or not (word in {"a", "an"} or (value and value[1] < 2)):
            return None
        count = value[0] if value else count
    return None


def _part_of_scale(text: str, end: int, value: Decimal) -> Spelled:
    """Half a million is a number, half is a share."""
    scale = re.compile(r" (?:of )?an? (\w+)").match(text, end)
    found = worth(plain_word(scale[1])) if scale else None
    if scale and found and found[1] in (2, 3):
        return _number(scale.end(), value * found[0], found[0] / 100)
    return _number(end, value, Decimal("0.02"), "fraction")


def _first(words: Iterator[tuple[str, int, int]], most: int) -> Iterator[tuple[str, int, int]]:
    for _, word in zip(range(most), words, strict=False):
        yield word


def _is_part(text: str, word: str, start: int, end: int, *, counted: bool) -> bool:
    if text[end : end + 5].lower() in {"-year", " year"} or re.search(
        r"(first|second|each|per|this|last|next|the)\s\Z", text[max(0, start - 8) : start], re.IGNORECASE
    ):
        return bool(counted) and word not in {"half", "quarter"}
    if word in {"half", "halves", "hälfte"}:
        return True
    return counted or (word.startswith("quarter") and text[end : end + 3] == " of")


def _ordinal(text: str, place: int) -> Spelled | None:
    found = _LETTERS.match(text, place)
    word = plain_word(found[0]) if found else ""
    number = ORDINALS.get(word)
    if number is None or found is None:
        return _compound_ordinal(text, place)
    before = text[max(0, place - 20) : place]
    if _IDIOM.match(text, found.end()) and (_DISCOURSE.search(before) or text[found.end()] != ","):
        return None
    if word == "second" and _PER.search(before):
        return None
    return None if word == "first" and before.endswith("at ") else _number(found.end(), number, 1, "ordinal")


def _compound_ordinal(text: str, place: int) -> Spelled | None:
    """Twenty-first and the like."""
    pair = list(_first(_words(text, place), 2))
    if len(pair) == 2 and (tens := worth(pair[0][0])) and tens[1] == 1 and pair[1][0] in ORDINALS:
        return _number(pair[1][2], tens[0] + ORDINALS[pair[1][0]], 1, "ordinal")
    return None


def _multiple(text: str, place: int) -> Spelled | None:
    found = _LETTERS.match(text, place)
    joined = re.compile(r"[^\W\d_]+-fold").match(text, place) or found
    value = multiple(plain_word(joined[0])) if joined else None
    if (
        value is None
        or joined is None
        or text[joined.end() : joined.end() + 6].lower() in {"-check", "-count", " check"}
    ):
        return None
    return _number(joined.end(), value, Decimal("0.02"), "multiple")


def _roman(text: str, place: int) -> Spelled | None:
    found = re.compile(r"[IVXLCDM]+(?![\w'’])").match(text, place)
    if found is None or not _ROMAN.fullmatch(found[0]):
        return None
    numeral = found[0]
    counted = _COUNTED.match(text, found.end()) is not None
    if (len(numeral) == 1 and numeral == "I") or ((len(numeral) == 1 or numeral in _SHORT_FORMS) and not counted):
        return None
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    value = sum(-one if one < max(values[place:] or [0]) else one for place, one in enumerate(values))
    return _number(found.end(), value)


def _disguised(text: str, place: int) -> Spelled | None:
    found = re.compile(r"[^\s,.;:!?()%]+").match(text, place)
    return Spelled(found.end()) if found and _LOOKS_LIKE_DIGITS.fullmatch(found[0]) else None


def _spaced(text: str, place: int) -> Spelled | None:
    """Letters with something between them that together are a number word."""
    found = _SPACED.match(text, place)
    if found is None:
        return None
    letters = plain_word(re.sub(r"[^A-Za-z]", "", found[0]))
    return (
        Spelled(found.end())
        if any(worth(letters[start:]) or worth(letters[: start or None]) for start in range(len(letters)))
        else None
    )


def chinese_in(text: str, start: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """Runs of Chinese numerals between `start` and `end` with their values; a lone `one` is a word more often."""
    for found in _CHINESE.finditer(text, start, end):
        if found[0] != "一":
            yield found.start(), found.end(), _chinese_value(found[0])


def _chinese_value(signs: str) -> int | None:
    digits = {sign: int(unicodedata.numeric(sign)) for sign in signs if 0 <= unicodedata.numeric(sign, -1) < 10}
    if all(sign in digits for sign in signs):
        return int("".join(str(digits[sign]) for sign in signs))
    whole = group = digit = 0
    for sign in signs:
        if sign in _CHINESE_SCALES:
            whole, group, digit = (whole + group + digit or 1) * _CHINESE_SCALES[sign], 0, 0
        elif sign in _CHINESE_UNITS:
            group, digit = group + (digit or 1) * _CHINESE_UNITS[sign], 0
        else:
            digit = digits.get(sign, 0)
    return whole + group + digit


def is_number_word(word: str) -> bool:
    """Whether a word may be a number, or the beginning of one."""
    plain = plain_word(word)
    if plain in SIGNS or plain in ORDINALS or plain in PARTS or plain in _POINT or plain in INSIDE_ONLY:
        return True
    return (
        worth(plain) is not None
        or multiple(plain) is not None
        or bool(_ROMAN.fullmatch(word) or _LOOKS_LIKE_DIGITS.fullmatch(word))
    )
