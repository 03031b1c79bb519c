"""The header of an ARFF file: its attributes and their types, and how values are quoted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.compute.protocol import ComputeError
from shared.tabular.types import DATE, DATETIME, INTEGER, NUMBER, STRING

_VALUE = re.compile(r"""\s*+(?:'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)"|((?!['"])[^,]*+))\s*+(?:(,)|$)""", re.DOTALL)
_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|[^\s'"]\S*)\s+(\S.*)""", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBERS = {"numeric": NUMBER, "real": NUMBER, "integer": INTEGER}
_DATE = re.compile(r"date(\s+(.+))?", re.IGNORECASE)
# Letters of Java's date patterns as strptime has them.
_LETTERS = {"yyyy": "%Y", "yy": "%y", "MMM": "%b", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_LETTERS |= {"SSS": "%f", "M": "%m", "d": "%d", "H": "%H", "m": "%M", "s": "%S"}
# Offsets from UTC, in whatever number of letters.
_OFFSETS = frozenset("ZX")
_PATTERN = re.compile(r"'([^']*)'|([A-Za-z])\2*|.", re.DOTALL)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
DEFAULT_DATE = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True, slots=True)
class Attribute:
    """`kind` is the contract's type; `nominal` are the values that it may have; `date` is strptime's pattern.

    `whole` tells that its numbers may be integers although the header does not promise it.
    """

    name: str
    kind: str
    nominal: tuple[str, ...] = ()
    date: str | None = None
    whole: bool = False

    @property
    def implied(self) -> str | None:
        """What a sparse row means by leaving it out."""
        if self.date:
            return None
        return self.nominal[0] if self.nominal else "0" if self.kind in (INTEGER, NUMBER) else ""


def invalid_arff(line: int, what: str) -> ComputeError:
    """Refuses an ARFF file."""
    return ComputeError("invalid_arff", f"The file is not valid ARFF: line {line}: {what}.")


def attribute(text: str, line: int) -> Attribute:
    """The attribute that a line of the header declares.

    Raises:
        ComputeError: `invalid_arff`.
    """
    found = _ATTRIBUTE.fullmatch(text)
    if not found:
        raise invalid_arff(line, "expected @attribute, a name and a type")
    name, kind = unquoted(found[1]), found[2].strip()
    word = kind.lower()
    if word in _NUMBERS:
        return Attribute(name, _NUMBERS[word], whole=word == "numeric")
    if word == "string":
        return Attribute(name, STRING)
    if kind.startswith("{") and kind.endswith("}"):
        return _nominal(name, kind[1:-1], line)
    if dated := _DATE.fullmatch(kind):
        pattern = _pattern(unquoted(dated[2].strip()), line) if dated[2] else DEFAULT_DATE
        return Attribute(name, DATETIME if "%H" in pattern else DATE, date=pattern)
    if word.startswith("relational"):
        raise invalid_arff(line, "relational attributes are not read")
    raise invalid_arff(line, f"{kind[:40]!r} is no type of an attribute")


def values(text: str) -> list[str | None] | None:
    """The values of a dense row, null where it says `?`; None where its quotation marks are broken."""
    if "'" not in text and '"' not in text:
        parts = [part.strip() for part in text.split(",")]
        return [None if part == "?" else part for part in parts]
    found: list[str | None] = []
    at, more = 0, True
    while more:
        match = _VALUE.match(text, at)
        if match is None:
            return None
        single, double, bare, comma = match.groups()
        quoted = single if single is not None else double
        found.append(_unescaped(quoted) if quoted is not None else None if bare.strip() == "?" else bare.strip())
        at, more = match.end(), comma is not None
    return found


def unquoted(text: str) -> str:
    """A word without the quotation marks around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return _unescaped(text[1:-1])
    return text


def _nominal(name: str, text: str, line: int) -> Attribute:
    words = values(text)
    if words is None or not text.strip():
        raise invalid_arff(line, "the list of values cannot be read")
    nominal = tuple("?" if word is None else word for word in words)
    return Attribute(name, INTEGER if _all_whole(nominal) else STRING, nominal)


def _all_whole(words: Sequence[str]) -> bool:
    return all(_WHOLE.fullmatch(word) for word in words)


def _pattern(java: str, line: int) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    for match in _PATTERN.finditer(java):
        if match[1] is not None:
            parts.append(match[1].replace("%", "%%"))
        elif match[2] is None:
            parts.append(match[0].replace("%", "%%"))
        elif (directive := _LETTERS.get(match[0]) or ("%z" if match[2] in _OFFSETS else None)) is None:
            raise invalid_arff(line, f"the letters {match[0][:10]!r} of the date pattern are not read")
        elif directive in seen:
            raise invalid_arff(line, f"the date pattern says twice what {match[0][:10]!r} stand for")
        else:
            seen.add(directive)
            parts.append(directive)
    return "".join(parts)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text) if "\\" in text else text
