"""DuckDB's errors as sentences for the person who wrote the query, without paths or internals."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from shared.compute.protocol import ComputeError
from shared.queries.policy import where
from shared.tabular.duck import Failure, failure, file_gone
from shared.tabular.names import nearest, shown

# The query is first described, to learn its columns; offsets in errors count from here.
DESCRIBE = "DESCRIBE "
TOO_LARGE = "The query needs more memory than it may use. Select fewer columns or rows, or aggregate first."
RESULT_TOO_LARGE = "The result is too large to be kept. Select fewer columns or rows, or aggregate first."
_CODES = {"Parser": "invalid_sql", "Binder": "invalid_sql", "Catalog": "invalid_sql"}
# What a private query is told instead of the engine's own words, which repeat values of the data.
_FAILED = "The query fails on some of the values."
_PRIVATE = {
    "Conversion": "A value cannot be converted to the type asked for. Use TRY_CAST, or leave such values out.",
    "Out of Range": "A result is too large or too small for its type. Use a wider type, such as DOUBLE.",
    "Invalid Input": "A function was given a value that it does not take. Leave such values out first.",
    "Constraint": "The query gives a value where it must not.",
}
_COLUMN = re.compile(r'Referenced column "(.+?)" not found|does not have a column named "(.+?)"')
_TABLE = re.compile(r'Referenced table "(.+?)" not found')


def explain(
    connection: duckdb.DuckDBPyConnection,
    error: duckdb.Error,
    sql: str,
    tables: Sequence[Mapping[str, Any]],
    *,
    private: bool = False,
) -> ComputeError:
    """The error to answer with; unknown names come with the nearest known one, private ones without values."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return ComputeError("query_too_large", TOO_LARGE)
    if isinstance(error, duckdb.IOException):
        if "too large" in str(error).lower():
            return ComputeError("query_too_large", RESULT_TOO_LARGE)
        return file_gone()
    found = failure(error)
    message = found.get("exception_message", "")
    if column := _COLUMN.search(message):
        return unknown("column", column[1] or column[2], _columns(connection))
    names = [table["name"] for table in tables]
    if found.get("exception_type") == "Catalog" and found.get("type") == "Table":
        return unknown("table", found.get("name", ""), names)
    if table := _TABLE.search(message):
        return unknown("table", table[1], names)
    return _without_values(found, message, sql) if private else _other(found, message, sql)


def unknown(kind: str, name: str, known: Iterable[str]) -> ComputeError:
    """`unknown_table` or `unknown_column`, with the most similar of the `known` names."""
    return ComputeError(f"unknown_{kind}", f"No {kind} {shown(name)}.{nearest(name, known)}")


def _columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        row[0] for row in connection.execute("SELECT column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    ]


def _other(found: Failure, message: str, sql: str) -> ComputeError:
    code = _CODES.get(found.get("exception_type", ""), "query_failed")
    if found.get("exception_type") in {"INTERNAL", "FATAL", "IO", "Permission"} or not message:
        return ComputeError(code, "The query cannot be run. Rewrite it in another way.")
    sentence = message.partition("\n")[0].strip().rstrip(".!")[:300]
    return ComputeError(code, f"{sentence[:1].upper()}{sentence[1:]}{_where(sql, found.get('position'))}.")


def _without_values(found: Failure, message: str, sql: str) -> ComputeError:
    kind = found.get("exception_type", "")
    # What does not parse or bind has met no values yet.
    return _other(found, message, sql) if kind in _CODES else ComputeError("query_failed", _PRIVATE.get(kind, _FAILED))


def _where(sql: str, position: str | None) -> str:
    offset = int(position) - len(DESCRIBE) if position and position.isdecimal() else -1
    return where(sql, offset) if offset >= 0 else ""
