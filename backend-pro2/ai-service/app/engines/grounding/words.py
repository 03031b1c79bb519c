"""Words that are numbers, in the languages that models mostly answer in, and what they are worth."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_GERMAN = (
    "_ eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_FRENCH = "zéro _ deux trois quatre cinq _ sept huit neuf dix onze douze treize quatorze quinze seize"
_SPANISH = (
    "cero _ dos tres cuatro cinco seis siete ocho nueve diez _ doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
_ITALIAN = (
    "_ _ _ tre quattro cinque _ sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove venti"
)
_PORTUGUESE = (
    "_ _ dois três quatro _ _ _ oito _ _ _ doze treze catorze quinze dezesseis dezessete dezoito dezenove vinte"
)
_DUTCH = "nul _ twee drie vier vijf zes zeven acht negen tien _ twaalf dertien veertien vijftien zestien zeventien"

_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety|zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig "
    "neunzig|vingt trente quarante cinquante soixante septante huitante nonante|veinte treinta cuarenta cincuenta "
    "sesenta setenta ochenta noventa|venti trenta quaranta cinquanta sessanta settanta ottanta novanta|vinte _ "
    "quarenta cinquenta _ _ oitenta noventa|twintig dertig veertig vijftig zestig zeventig tachtig negentig|"
    "_ dreissig fourty fivety _ _ _ ninty"
)


def _numbered(first: int, step: int, *lists: str) -> dict[str, int]:
    return {word: first + step * place for words in lists for place, word in enumerate(words.split()) if word != "_"}


UNITS = {
    **_numbered(0, 1, _ENGLISH, _GERMAN, _FRENCH, _SPANISH, _ITALIAN, _PORTUGUESE, _DUTCH),
    **dict.fromkeys(("nil", "nought", "naught", "zilch"), 0),
    "ein": 1,
    "zwo": 2,
    "fuenf": 5,
    "zwoelf": 12,
    "dozen": 12,
    "dutzend": 12,
    "douzaine": 12,
    "docena": 12,
}
TENS = {**_numbered(20, 10, *_TENS.split("|")), "octante": 80, "dreissig": 30}
TENS.pop("_", None)
HUNDREDS = {
    **dict.fromkeys(("hundred", "hundreds", "hundert", "cento", "ciento", "cien", "honderd", "cents"), 100),
    "quinientos": 500,
    "doscientos": 200,
    "trescientos": 300,
    "cuatrocientos": 400,
    "seiscientos": 600,
}
HUNDREDS.pop("cents")
SCALES = {
    **dict.fromkeys(("thousand", "thousands", "tausend", "mille", "mil", "mila", "duizend"), 10**3),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 10**5),
    **dict.fromkeys(("crore", "crores"), 10**7),
    **dict.fromkeys(
        (
            "million",
            "millions",
            "millionen",
            "milliones",
            "millón",
            "millones",
            "milione",
            "milioni",
            "miljoen",
            "mio",
            "mln",
            "milhão",
            "milhões",
        ),
        10**6,
    ),
    **dict.fromkeys(
        ("billion", "billions", "milliarde", "milliarden", "milliard", "milliards", "mrd", "miljard"), 10**9
    ),
    **dict.fromkeys(("trillion", "trillions", "billionen"), 10**12),
    **dict.fromkeys(("quadrillion", "quadrillions"), 10**15),
}
# Words that are numbers only behind others; `ein` is an article too.
TAILS = {
    "grand": 10**3,
    "thou": 10**3,
    "hundred": 100,
    "hundert": 100,
    "dozen": 12,
    "score": 20,
    "万": 10**4,
    "萬": 10**4,
} | {
    "亿": 10**8,
    "億": 10**8,
    "千": 10**3,
    "百": 100,
}
INSIDE_ONLY = frozenset({"ein"})
# As letters behind digits, or a word of their own behind digits.
SUFFIXES = {"k": 3, "m": 6, "mn": 6, "mio": 6, "mln": 6, "b": 9, "bn": 9, "mrd": 9, "t": 12, "tn": 12}
ORDINALS = _numbered(
    1,
    1,
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth",
) | {"hundredth": 100, "thousandth": 1000, "thirtieth": 30, "fortieth": 40, "fiftieth": 50}
PARTS = {
    "half": 2,
    "halves": 2,
    "hälfte": 2,
    "quarter": 4,
    "quarters": 4,
    **{f"{word}{plural}": number for word, number in ORDINALS.items() if number > 2 for plural in ("", "s")},
}
MULTIPLES = {
    "twice": 2,
    "thrice": 3,
    "double": 2,
    "doubled": 2,
    "triple": 3,
    "tripled": 3,
    "treble": 3,
    "trebled": 3,
    "quadruple": 4,
    "quadrupled": 4,
    "quintuple": 5,
    "quintupled": 5,
    "verdoppelt": 2,
    "verdreifacht": 3,
}
SIGNS = frozenset({"minus", "negative"})
_ALL = {**UNITS, **TENS, **HUNDREDS, **SCALES}
_PIECES = sorted(
    (word for word in _ALL if len(word) > 2 and word not in {"mil", "mio", "mln", "mrd"}), key=len, reverse=True
)
_CONNECTORS = ("und", "and", "en", "e", "y", "et")
_FOLD = re.compile(r"(.+?)-?(fold|fach|mal)")
# Letters of other scripts that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁհոɡνοαεικρτυχАВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧıſ", "aeopcyxijsdhngvoaeikptuxABEKMHOPCTXABEZHIKMNOPTYXis"
)
_SCRIPTS = re.compile(r"[Ͱ-ϿЀ-ӿԀ-ԯ\u0570-\u0580ɡıſ]")


def plain_word(word: str) -> str:
    """`word` in small letters; one that mixes look-alikes of other scripts with Latin letters, in Latin alone."""
    small = word.lower()
    return word.translate(_LOOKALIKES).lower() if _SCRIPTS.search(word) else small


@lru_cache(maxsize=4096)
def worth(word: str) -> tuple[Decimal, int] | None:
    """A single word's value and its class: 0 unit, 1 tens, 2 hundred, 3 scale; 4 is a whole number in one word."""
    for group, words in enumerate((UNITS, TENS, HUNDREDS, SCALES)):
        if word in words:
            return Decimal(words[word]), group
    whole = _compound(word)
    return None if whole is None else (Decimal(whole), 4)


@lru_cache(maxsize=4096)
def multiple(word: str) -> Decimal | None:
    """How often `twice`, `tenfold` or `doubled` say."""
    if word in MULTIPLES:
        return Decimal(MULTIPLES[word])
    found = _FOLD.fullmatch(word)
    value = worth(found[1]) if found else None
    return value[0] if value else None


def total(words: list[str]) -> Decimal | None:
    """What a chain of number words is worth, such as two hundred forty-two thousand and five; None for a jumble."""
    whole = group = Decimal(0)
    before = 99
    for word in words:
        found = worth(word)
        if found is None:
            return None
        value, kind = found
        if kind == 3:
            whole, group, before = whole + (group or 1) * value, Decimal(0), 99
        elif kind == 2:
            group, before = (group or 1) * value, 2
        elif kind == 4 or not _follows(kind, before):
            return value if kind == 4 and len(words) == 1 else None
        else:
            group, before = group + value, kind
    return whole + group


def _follows(kind: int, before: int) -> bool:
    """Whether a unit or tens may stand after what came before."""
    return before == 99 or before == 2 or (kind == 0 and before == 1)


def _compound(word: str) -> int | None:
    """The value of words that are written in one, such as fortytwo or zweiundvierzig."""
    if not 6 <= len(word) <= 60 or not any(len(piece) > 3 and piece in word for piece in (*TENS, *HUNDREDS, *SCALES)):
        return None
    pieces = _split(word)
    if pieces is None or len(pieces) < 2:
        return None
    if len(pieces) == 2 and pieces[0] in UNITS and pieces[1] in TENS:
        return UNITS[pieces[0]] + TENS[pieces[1]]
    tail = _tail(pieces)
    value = total(tail)
    return None if value is None else int(value)


def _tail(pieces: list[str]) -> list[str]:
    """German and Dutch say the unit before the tens."""
    if len(pieces) > 2 and pieces[-2] in UNITS and pieces[-1] in TENS:
        return [*pieces[:-2], pieces[-1], pieces[-2]]
    return pieces


def _split(word: str) -> list[str] | None:
    if not word:
        return []
    for piece in _PIECES:
        if word.startswith(piece) and (rest := _split(word[len(piece) :])) is not None:
            return [piece, *rest]
    for connector in _CONNECTORS:
        if word.startswith(connector) and len(word) > len(connector) and (rest := _split(word[len(connector) :])):
            return rest
    return None
