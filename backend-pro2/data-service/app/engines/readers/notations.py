"""Ways in which files write numbers and truth values, and the SQL that reads them from text without losing a digit."""

from dataclasses import dataclass, replace

from shared.tabular.quoting import identifier, literal

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "?", ".", "missing")


@dataclass(frozen=True, slots=True)
class Notation:
    """Texts that match `pattern` (in RE2 and in Python alike) have the value `value`, SQL over `{text}`.

    `value` is null where the text means nothing after all, as 31.02.2024. `quick` is SQL that spares most texts the
    pattern. With `words`, those of MISSING are nulls. A notation with `reads_as` is read by DuckDB's reader itself as
    that type, and `guard` then looks at the value in `{column}`; `{bad}` refuses it.
    """

    name: str
    pattern: str
    duck_type: str
    value: str
    words: bool = True
    quick: str = ""
    reads_as: str | None = None
    guard: str = "{column}"
    note: str = ""

    def told(self, *, words: bool) -> str:
        """What is to be said about a column in this notation; nothing where the text itself says it."""
        note = self.note or f"read as {self.name}"
        if self.words and words:
            return f"{note}; words for a missing value became null"
        return note if self.note else ""


_BIGINT = "TRY_CAST({text} AS BIGINT)"
_DOUBLE = "TRY_CAST({text} AS DOUBLE)"
_DIGITS = r"[+-]?(0|[1-9]\d{0,18})"
# A zero in front only before a point: 007 would lose its zeros.
_POINT = r"[+-]?((0|[1-9]\d{0,15})(\.\d*)?|0\d{0,15}\.\d*|\.\d+)([eE][+-]?\d+)?"

# What is written as BIGINT is written back is an integer without anything lost: cheaper than the pattern.
PLAIN_INTEGER = Notation(
    "integer", _DIGITS, "BIGINT", _BIGINT, words=False, quick="CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR) = {text}"
)
# Only for columns that are known to hold nothing else: the reader would round 1.5.
READ_INTEGER = Notation("integer", _DIGITS, "BIGINT", _BIGINT, words=False, reads_as="BIGINT")
INTEGER = Notation("integer", _DIGITS, "BIGINT", _BIGINT)
# A NaN in a file says that the value is missing.
READ_NUMBER = Notation(
    "number",
    rf"{_POINT}|(?i:nan|[+-]?inf(inity)?)",
    "DOUBLE",
    _DOUBLE,
    words=False,
    reads_as="DOUBLE",
    guard="CASE WHEN isnan({column}) THEN NULL ELSE {column} END",
)
POINT = Notation("number", _POINT, "DOUBLE", _DOUBLE)
GROUPED_INTEGER = Notation(
    "integer with ',' between thousands",
    r"[+-]?[1-9]\d{0,2}(,\d{3})*|0",
    "BIGINT",
    "TRY_CAST(replace({text}, ',', '') AS BIGINT)",
)
GROUPED = Notation(
    "number with ',' between thousands",
    r"[+-]?([1-9]\d{0,2}(,\d{3})*|0)(\.\d+)?",
    "DOUBLE",
    "TRY_CAST(replace({text}, ',', '') AS DOUBLE)",
)
COMMA = Notation(
    "number with decimal ','",
    r"[+-]?(([1-9]\d{0,2}(\.\d{3})+|0|[1-9]\d{0,15})(,\d+)?|0\d{0,15},\d+)",
    "DOUBLE",
    "TRY_CAST(replace(replace({text}, '.', ''), ',', '.') AS DOUBLE)",
)
# Where the uploader insists on the type: zeros in front are none of a code, and 5.0 is an integer.
ANY_INTEGER = Notation("integer", r"[+-]?\d{1,19}(\.0*)?", "BIGINT", _BIGINT)
ANY_NUMBER = Notation("number", r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", "DOUBLE", _DOUBLE)
BOOLEAN = Notation(
    "boolean", r"(?i:true|false|t|f|yes|no)", "BOOLEAN", "TRY_CAST({text} AS BOOLEAN)", words=False, reads_as="BOOLEAN"
)
ANY_BOOLEAN = Notation("boolean", r"(?i:true|false|t|f|yes|no|y|n|1|0)", "BOOLEAN", "TRY_CAST(trim({text}) AS BOOLEAN)")
ANY_JSON = Notation(
    "json", r"(?s:.*)", "JSON", "CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) END", words=False
)

_PLAIN = (PLAIN_INTEGER, READ_NUMBER, INTEGER, POINT)


def numbers(*, delimiter: str, decimal: str | None, thousands: str | None) -> tuple[Notation, ...]:
    """The notations in which numbers are looked for, in this order; what the uploader says about marks rules.

    Where the delimiter is a semicolon, a comma is first tried as a decimal one.
    """
    if thousands or decimal == ",":
        integer, number = marked(decimal, thousands)
        return (PLAIN_INTEGER, INTEGER, integer, number)
    if decimal == ".":
        return (*_PLAIN, GROUPED_INTEGER, GROUPED)
    comma_first = (COMMA, GROUPED_INTEGER, GROUPED)
    return (*_PLAIN, *(comma_first if delimiter == ";" else (GROUPED_INTEGER, GROUPED, COMMA)))


def marked(decimal: str | None, thousands: str | None, *, zeros: bool = False) -> tuple[Notation, Notation]:
    """Integers and numbers with these marks; with `zeros`, also those with zeros in front, and 5.0 as an integer."""
    point = decimal or ("," if thousands == "." else ".")
    group = thousands or ("." if decimal == "," else ",")
    grouped = rf"[1-9]\d{{0,2}}([{group}]\d{{3}})+"
    whole = rf"{grouped}|\d+" if zeros else rf"{grouped}|0|[1-9]\d{{0,18}}"
    digits = rf"{grouped}|\d+" if zeros else rf"{grouped}|0|[1-9]\d{{0,15}}"
    text = f"replace({{text}}, {literal(group)}, '')"
    text = text if point == "." else f"replace({text}, {literal(point)}, '.')"
    name = f"with decimal '{point}' and '{group}' between thousands"
    fraction = rf"([{point}]0*)?" if zeros else ""
    number = rf"[+-]?(({digits})([{point}]\d*)?|0\d{{0,15}}[{point}]\d*|[{point}]\d+)([eE][+-]?\d+)?"
    return (
        Notation(f"integer {name}", rf"[+-]?({whole}){fraction}", "BIGINT", f"TRY_CAST({text} AS BIGINT)"),
        Notation(f"number {name}", number, "DOUBLE", f"TRY_CAST({text} AS DOUBLE)"),
    )


def expression(column: str, notation: Notation, bad: str, *, words: bool) -> str:
    """SQL for the value in `column`: null where missing, `bad` where the text is not in the notation."""
    name = identifier(column)
    if notation.reads_as:
        return notation.guard.replace("{column}", name).replace("{bad}", bad)
    missing = f"WHEN {is_missing(column)} THEN NULL " if notation.words and words else ""
    value = notation.value.replace("{text}", name)
    quick = f"WHEN {notation.quick.replace('{text}', name)} THEN {value} " if notation.quick else ""
    return (
        f"CASE {quick}WHEN {name} IS NULL THEN NULL WHEN {_matches(column, notation)} THEN coalesce({value}, {bad}) "
        f"{missing}ELSE {bad} END"
    )


def fits(column: str, notation: Notation) -> str:
    """SQL: whether a present text is a value in the notation."""
    value = notation.value.replace("{text}", identifier(column))
    return f"({_matches(column, notation)} AND {value} IS NOT NULL)"


def worded(notation: Notation) -> Notation:
    """The same with words for missing values, read from text."""
    return replace(notation, words=True, reads_as=None)


def is_missing(column: str) -> str:
    """SQL: whether the text is a word for a missing value."""
    return f"lower(trim({identifier(column)})) IN ({', '.join(literal(word) for word in MISSING)})"


def _matches(column: str, notation: Notation) -> str:
    return f"regexp_full_match({identifier(column)}, {literal(f' *({notation.pattern}) *')})"
