"""An expression's text as tokens; every character belongs to a known kind of token or is refused with a hint."""

import re
from dataclasses import dataclass

from shared.tabular.names import shown

from .failures import refused

MAX_BYTES = 8 * 1024
NAME, QUOTED, TEXT, NUMBER, SYMBOL, END = "name", "quoted", "text", "number", "symbol", "end"

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<name>[^\W\d]\w*)
    |(?P<symbol><>|!=|<=|>=|\|\||[-+*/%=<>(),])""",
    re.VERBOSE,
)
_SPACE = re.compile(r"[ \t\r\n]*")
_REFUSED = (
    ("--", "Comments are not available; for a minus before a negative number write a space between the signs"),
    ("/*", "Comments are not available"),
    ("//", "There is no //; write floor(a / b)"),
    ("**", "There is no **; write power(a, b)"),
    ("==", "Equality is written ="),
)
_HINTS = {
    "'": "A text is not closed; texts stand between ' signs, and a ' inside is written ''",
    '"': 'A quoted column is not closed; a " inside is written ""',
    "`": 'Backticks are not available; a column with spaces is written "in double quotes"',
    ";": "A semicolon is not available; write one expression",
    ":": "Casts are written cast(x as type)",
    "^": "Powers are written power(a, b)",
    "&": "Write and",
    "|": "Write or; || joins texts",
    "!": "Write not, or <> for unequal",
    ".": "Columns have no table before them; a name with a dot is written in double quotes",
    "[": 'Brackets are not available; a column with spaces is written "in double quotes"',
    **dict.fromkeys("@$?", "Variables and parameters are not available; write the value"),
    **dict.fromkeys(
        "\u2018\u2019\u201c\u201d\u00ab\u00bb\u00b4",
        "Texts stand between straight ' signs",
    ),
}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as the parser wants it: names as written, quoted names and texts without their quotes."""

    kind: str
    text: str
    position: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of the keywords, in any case of plain letters."""
        return self.kind == NAME and self.text.isascii() and self.text.lower() in words

    def is_symbol(self, *symbols: str) -> bool:
        """Whether this is one of the symbols."""
        return self.kind == SYMBOL and self.text in symbols


def tokens(text: str) -> list[Token]:
    """The tokens of `text`, with one of kind `end` behind them.

    Raises:
        ComputeError: `invalid_expression`.
    """
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text):
        raise refused("The expression holds letters that are not text", 1)
    if len(text.encode()) > MAX_BYTES:
        raise refused(f"The expression is longer than {MAX_BYTES} bytes; split it into several steps", 1)
    found: list[Token] = []
    place = _after_space(text, 0)
    while place < len(text):
        token, place = _next(text, place)
        found.append(token)
        place = _after_space(text, place)
    return [*found, Token(END, "", len(text) + 1)]


def _after_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _next(text: str, place: int) -> tuple[Token, int]:
    for start, reason in _REFUSED:
        if text.startswith(start, place):
            raise refused(reason, place + 1)
    match = _TOKEN.match(text, place)
    if match is None or match.lastgroup is None:
        raise refused(_HINTS.get(text[place], f"{shown(text[place])} has no meaning here"), place + 1)
    kind, end = match.lastgroup, match.end()
    if kind == NUMBER and end < len(text) and (text[end].isalnum() or text[end] in "_."):
        raise refused("A number runs into what follows it; names that begin with a digit are double-quoted", place + 1)
    return Token(kind, _plain(kind, match[0]), place + 1), end


def _plain(kind: str, text: str) -> str:
    if kind in {TEXT, QUOTED}:
        return text[1:-1].replace(text[0] * 2, text[0])
    return text
