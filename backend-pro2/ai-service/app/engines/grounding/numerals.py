"""Numbers written with digits: what they may mean in the writing of the text's language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from .cells import Shown
from .words import SUFFIXES

_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_TO_PLAIN = str.maketrans(_SUPER + "⁻", "0123456789-")
# What keeps its place and its meaning under another sign.
_SIGNS = {"٫": ".", "٬": ",", "％": "%", "﹪": "%", "٪": "%", "−": "-", "﹣": "-", "－": "-", "‐": "-", "‑": "-"} | {
    "’": "'",
    "＇": "'",
    "，": ",",
    "．": ".",
}
UNIT_NAMES = frozenset(
    [
        "kg",
        "g",
        "mg",
        "t",
        "lb",
        "lbs",
        "oz",
        "km",
        "cm",
        "mm",
        "mi",
        "ft",
        "in",
        "yd",
        "s",
        "ms",
        "h",
        "hr",
        "hrs",
        "min",
        "d",
        "w",
        "y",
        "yr",
        "yrs",
        "c",
        "f",
        "kw",
        "kwh",
        "mw",
        "mwh",
        "gw",
        "v",
        "a",
        "hz",
        "khz",
        "mhz",
        "ghz",
        "kb",
        "mb",
        "gb",
        "tb",
        "kib",
        "mib",
        "gib",
        "px",
        "pt",
        "pts",
        "usd",
        "eur",
        "chf",
        "gbp",
        "jpy",
        "l",
        "ml",
        "ha",
        "cal",
        "kcal",
        "bar",
        "pa",
        "kpa",
        "ppm",
        "°c",
        "°f",
        "°",
        "m²",
        "m³",
        "km²",
        "km³",
        "cm²",
        "€",
        "$",
        "£",
        "¥",
        "chf/kg",
        "km/h",
        "m/s",
        "mph",
        "kn",
        "j",
        "kj",
    ]
)
_BODY = re.compile(
    r"(?P<sign>[+-]?)(?P<money>[$€£¥₹]|(?:USD|EUR|CHF|GBP)(?=[\d-]))?(?P<minus>-?)"
    r"(?P<body>\d[\d.,']*\d|\d|\.\d+)?(?P<part>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒])?"
    r"(?P<power>[eE][+-]?\d{1,3}|[x×*·]10(?:\^\(?-?\d{1,3}\)?|⁻?[⁰¹²³⁴-⁹]{1,3})|\^\(?-?\d{1,3}\)?|⁻?[⁰¹²³⁴-⁹]{1,3})?"
    r"(?P<unit>[^\W\d_]{1,5}|[°²³a-zA-Z/%‰€$£¥×]{1,6})?"
)
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?|\d*\.\d+|\d+")
_COMMA = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+|\d+")
_APOSTROPHE = re.compile(r"\d{1,3}(?:'\d{3})+(?:[.,]\d+)?")
_COMMA_WORDS = re.compile(
    r"\b(der|die|das|und|ist|sind|mit|für|wurde|wurden|beträgt|los|las|del|es|son|fue|il|che|sono|gli|le|les|des|est|sont"
    r"|avec|het|een|zijn|são|uma|foi)\b",
    re.IGNORECASE,
)


def plain_digits(text: str) -> str:
    """`text` with the digits and signs of all scripts as ASCII ones, each in its place."""
    return "".join(letter if letter < "\x7f" else _plain(letter) for letter in text)


def _plain(letter: str) -> str:
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    return _SIGNS.get(letter, letter)


def writes_comma(sentence: str) -> bool:
    """Whether the sentence is in a language whose decimals stand behind a comma."""
    return _COMMA_WORDS.search(sentence) is not None


class Numeral:
    """A number as a word shows it. `unit` is what stands directly behind its digits."""

    def __init__(self, match: re.Match[str], *, comma: bool) -> None:
        self.unit = match["unit"] or ""
        self._match = match
        self._comma = comma

    def shown(self) -> Iterator[Shown]:
        """What it may mean; nothing if it is written as no number is."""
        negative = "-" in (match := self._match)["sign"] + match["minus"]
        power = _power(match["power"] or "", match["body"] or "")
        for value, step in self._bodies() if power.is_finite() else ():
            yield Shown(-value if negative else value, step).scaled(power)

    def _bodies(self) -> Iterator[tuple[Decimal, Decimal]]:
        body, part = self._match["body"], self._match["part"]
        if part:
            extra = Decimal(repr(unicodedata.numeric(part)))
            if body is None or body.isdigit():
                yield Decimal(body or 0) + extra, Decimal("0.01")
            return
        for digits in _readings(body, comma=self._comma):
            value = Decimal(digits)
            yield value, Decimal(1).scaleb(-len(digits.partition(".")[2]))


def numeral(word: str, *, comma: bool) -> Numeral | None:
    """The number that the whole of `word` is."""
    found = _BODY.fullmatch(word)
    if found is None or not (found["body"] or found["part"]) or len(word) > 60:
        return None
    unit = found["unit"] or ""
    known = not unit or unit.lower() in UNIT_NAMES or unit.lower() in SUFFIXES or unit.lower() in _MARKS
    return Numeral(found, comma=comma) if known and unit != "MM" else None


_MARKS = frozenset({"%", "‰", "x", "×", "st", "nd", "rd", "th", "pp", "bps", "er", "ème", "fach", "ers"})


def _readings(body: str, *, comma: bool) -> Iterator[str]:
    """Digits with a decimal point, in each of the writings that the body may have."""
    if _APOSTROPHE.fullmatch(body):
        yield body.replace("'", "").replace(",", ".")
    if not comma and _ENGLISH.fullmatch(body):
        yield body.replace(",", "")
    elif (
        not comma
        and (re.fullmatch(r"\d{1,3}(\.\d{3}){2,}(,\d+)?|\d{1,3}(\.\d{3})+,\d+", body) or re.fullmatch(r"\d+,\d+", body))
    ) or (comma and _COMMA.fullmatch(body)):
        yield body.replace(".", "").replace(",", ".")
    elif comma and _ENGLISH.fullmatch(body):
        yield body.replace(",", "")


def _power(power: str, body: str) -> Decimal:
    exponent = re.sub(r"[()^]", "", power.translate(_TO_PLAIN))
    if not exponent:
        return Decimal(1)
    if power[0] in "eE":
        return Decimal(10) ** int(exponent[1:])
    if power[0] in "x×*·":
        return Decimal(10) ** int(exponent[3:])
    # A base of its own: 10⁶ is the number six powers on.
    return Decimal(10) ** (int(exponent) - 1) if body == "10" else Decimal("NaN")
