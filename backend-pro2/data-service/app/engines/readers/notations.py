"""Ways in which files write numbers that a plain cast does not read: words for a missing value, 1,234 and 2,5."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from ..duck import identifier, literal

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "?", ".", "missing")
COLUMNS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Notation:
    """Texts that match `pattern` are numbers once `drop` is taken out and `decimal` is a point.

    With `words`, those of MISSING are nulls.
    """

    name: str
    pattern: str
    duck_type: str
    drop: str = ""
    decimal: str = "."
    words: bool = True


PLAIN_INTEGER = Notation("integer", r"[+-]?(0|[1-9]\d{0,18})", "BIGINT", words=False)
INTEGER = Notation("integer", r"[+-]?(0|[1-9]\d{0,18})", "BIGINT")
# A zero in front only before a point: 007 would lose its zeros.
POINT = Notation("number", r"[+-]?((0|[1-9]\d{0,15})(\.\d*)?|0\d{0,15}\.\d*|\.\d+)([eE][+-]?\d+)?", "DOUBLE")
GROUPED_INTEGER = Notation("integer with ',' between thousands", r"[+-]?[1-9]\d{0,2}(,\d{3})*|0", "BIGINT", ",")
GROUPED = Notation("number with ',' between thousands", r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?", "DOUBLE", ",")
COMMA = Notation("number with decimal ','", r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?", "DOUBLE", ".", ",")

_POINT_FIRST = (INTEGER, POINT, GROUPED_INTEGER, GROUPED, COMMA)
_COMMA_FIRST = (INTEGER, POINT, COMMA, GROUPED_INTEGER, GROUPED)
# Seventeen digits and more do not fit a double, and 007 is a code, not a number.
_NOT_A_NUMBER = r"[+-]?(0\d+|\d{17,})"
_NOT_AN_INTEGER = r"[+-]?(0\d+|\d{20,})"


def detect(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], *, delimiter: str
) -> dict[str, Notation]:
    """For each text column of `table` all of whose present values are numbers in one notation: that notation.

    Where the delimiter is a semicolon, a comma is first tried as a decimal one.
    """
    notations = _COMMA_FIRST if delimiter == ";" else _POINT_FIRST
    found: dict[str, Notation] = {}
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        batch = columns[start : start + COLUMNS_AT_ONCE]
        tests = ", ".join(_fits(column, notation) for column in batch for notation in notations)
        row = connection.execute(f"SELECT {tests} FROM {table}").fetchone() or ()  # noqa: S608 - quoted identifiers
        for index, column in enumerate(batch):
            fits = row[index * len(notations) : (index + 1) * len(notations)]
            first = next((notation for notation, fit in zip(notations, fits, strict=True) if fit), None)
            if first is not None:
                found[column] = first
    return found


def lossy(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> list[str]:
    """Those of `columns`, all numbers, whose digits a number would not keep: 007, or 18 digits and more."""
    if not columns:
        return []
    tests = ", ".join(
        f"coalesce(bool_or(regexp_full_match({_trimmed(column)}, {literal(_NOT_A_NUMBER)})), false)"
        for column in columns
    )
    row = connection.execute(f"SELECT {tests} FROM {table}").fetchone() or ()  # noqa: S608 - quoted identifiers
    return [column for column, yes in zip(columns, row, strict=True) if yes]


def expression(column: str, notation: Notation, mark: str) -> str:
    """SQL for the number in the text `column`: null where missing, an error that names `mark` where it is no number."""
    text = identifier(column)
    digits = f"replace({text}, {literal(notation.drop)}, '')" if notation.drop else text
    digits = digits if notation.decimal == "." else f"replace({digits}, {literal(notation.decimal)}, '.')"
    missing = f"WHEN {_missing(column)} THEN NULL " if notation.words else ""
    return (
        f"CASE WHEN {text} IS NULL OR {_matches(column, notation)} THEN CAST({digits} AS {notation.duck_type}) "
        f"{missing}ELSE error({literal(mark)} || left({text}, 80)) END"
    )


def misfits(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], notation: Notation) -> list[str]:
    """Those of `columns` with a text that is not in `notation`."""
    found: list[str] = []
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        batch = columns[start : start + COLUMNS_AT_ONCE]
        tests = ", ".join(f"coalesce(bool_and({_allowed(column, notation)}), true)" for column in batch)
        row = connection.execute(f"SELECT {tests} FROM {table}").fetchone() or ()  # noqa: S608 - quoted identifiers
        found += [column for column, fits in zip(batch, row, strict=True) if not fits]
    return found


def _allowed(column: str, notation: Notation) -> str:
    matches = _matches(column, notation)
    return f"{matches} OR {_missing(column)}" if notation.words else matches


def _matches(column: str, notation: Notation) -> str:
    return f"regexp_full_match({identifier(column)}, {literal(f' *({notation.pattern}) *')})"


def _trimmed(column: str) -> str:
    return f"trim({identifier(column)})"


def _missing(column: str) -> str:
    words = ", ".join(literal(word) for word in MISSING)
    return f"lower({_trimmed(column)}) IN ({words})"


def _fits(column: str, notation: Notation) -> str:
    code = _NOT_AN_INTEGER if notation is INTEGER else _NOT_A_NUMBER
    present = f"{identifier(column)} IS NOT NULL AND NOT {_missing(column)}"
    return (
        f"coalesce(bool_and(regexp_full_match({_trimmed(column)}, {literal(notation.pattern)}) "
        f"AND NOT regexp_full_match({_trimmed(column)}, {literal(code)})) "
        f"FILTER ({present}), false)"
    )
