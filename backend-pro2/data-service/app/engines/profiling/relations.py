"""Columns that give each other away."""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice

import duckdb

from shared.tabular.quoting import identifier
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, STRING

from .shapes import ColumnProfile, Matrix, ProfileWarning

MAX_COLUMNS = 40
MAX_PAIRS = 100
FEWEST_ROWS = 20
STRAIGHT = 0.999
_DISCRETE = frozenset({INTEGER, STRING, BOOLEAN, DATE, DATETIME})


def candidates(columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """Columns that may determine another one to one: counted, neither constant nor an id."""
    return [
        column
        for column in columns
        if column["type"] in _DISCRETE
        and "distinct" not in column["approximate"]
        and 2 <= column["distinct"] < column["count"]
    ][:MAX_COLUMNS]


def leaks(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnProfile], pearson: Matrix, rows: int
) -> Iterator[ProfileWarning]:
    """Pairs that a model would learn from each other: one to one in `crossed`, or |r| > STRAIGHT."""
    if rows < FEWEST_ROWS:
        return
    named = set()
    for one, other in islice(_alike(candidates(columns)), MAX_PAIRS):
        if _one_to_one(connection, one, other):
            named.add((one, other))
            yield _leak(one, other, "determine each other one to one")
    ids = {
        column["name"]
        for column in columns
        if column["type"] in {INTEGER, STRING} and column["distinct"] == column["count"]
    }
    for (a, one), (b, other) in combinations(enumerate(pearson["columns"]), 2):
        r = pearson["matrix"][a][b]
        if r is not None and abs(r) > STRAIGHT and (one, other) not in named and not ids & {one, other}:
            yield _leak(one, other, "lie on a straight line")


def _leak(one: str, other: str, why: str) -> ProfileWarning:
    message = f"Columns '{one}' and '{other}' {why}: predicting one from the other proves nothing."
    return ProfileWarning(code="leakage_candidate", message=message)


def _alike(columns: Sequence[ColumnProfile]) -> Iterator[tuple[str, str]]:
    for one, other in combinations(columns, 2):
        if (one["distinct"], one["count"]) == (other["distinct"], other["count"]):
            yield one["name"], other["name"]


def _one_to_one(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> bool:
    a, b = identifier(one), identifier(other)
    pairs, left, right = connection.execute(
        f"SELECT count(*), count(DISTINCT a), count(DISTINCT b) FROM (SELECT {a} AS a, {b} AS b FROM crossed "  # noqa: S608
        f"WHERE {a} IS NOT NULL AND {b} IS NOT NULL GROUP BY 1, 2)"
    ).fetchone() or (0, 0, 0)
    return bool(1 < pairs == left == right)
