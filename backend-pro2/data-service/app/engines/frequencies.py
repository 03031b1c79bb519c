"""Distinct values and the most frequent ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from .profile_shapes import TOP, TopValue
from .scalars import TEXT_SHOWN, Scalars, batches
from .types import STRING
from .values import json_value

COUNTED_VALUES = 100_000
ESTIMATED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Frequencies:
    """`approximate` names what is an estimate; the counts in `top` never are."""

    distinct: int
    top: list[TopValue] = field(default_factory=list)
    approximate: tuple[str, ...] = ()


def frequencies(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Scalars], *, exact: bool
) -> dict[str, Frequencies]:
    """By column name: counted where `exact` or where a column has few distinct values, else estimated."""
    counted = [column for column in columns if exact or column.estimate <= COUNTED_VALUES]
    result = {column.name: _counted(connection, column) for column in counted}
    rest = [column for column in columns if column.name not in result]
    for batch in batches(rest, ESTIMATED_AT_ONCE):
        candidates = ", ".join(f"approx_top_k({column.column}, {TOP})" for column in batch)
        row = connection.execute(f"SELECT {candidates} FROM data").fetchone() or ()  # noqa: S608 - quoted identifiers
        for column, values in zip(batch, row, strict=True):
            top = _count_these(connection, column, values or [])
            result[column.name] = Frequencies(min(column.estimate, column.count), top, ("distinct", "top"))
    return result


def _counted(connection: duckdb.DuckDBPyConnection, column: Scalars) -> Frequencies:
    if column.count == 0:
        return Frequencies(0)
    rows = connection.execute(
        f"WITH groups AS MATERIALIZED (SELECT {column.column} AS value, count(*) AS n FROM data "  # noqa: S608
        f"WHERE {column.column} IS NOT NULL GROUP BY 1) "
        f"SELECT {_shown(column)}, n, (SELECT count(*) FROM groups) FROM groups ORDER BY n DESC, value LIMIT {TOP}"
    ).fetchall()
    return Frequencies(rows[0][2], _top(rows))


def _count_these(connection: duckdb.DuckDBPyConnection, column: Scalars, values: Sequence[object]) -> list[TopValue]:
    rows = connection.execute(
        f"SELECT {_shown(column)}, n, 0 FROM (SELECT {column.column} AS value, count(*) AS n FROM data "  # noqa: S608
        f"WHERE {column.column} IN (SELECT unnest(?)) GROUP BY 1) ORDER BY n DESC, value",
        [list(values)],
    ).fetchall()
    return _top(rows)


def _shown(column: Scalars) -> str:
    return f"left(value, {TEXT_SHOWN})" if column.type == STRING else "value"


def _top(rows: Sequence[tuple[object, int, int]]) -> list[TopValue]:
    return [TopValue(value=json_value(value), count=count) for value, count, _ in rows]
