"""Distinct values and the most frequent ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.tabular.types import STRING
from shared.tabular.values import json_value

from .scalars import TEXT_SHOWN, Scalars
from .shapes import TOP, TopValue
from .source import SAMPLE_ROWS, Run

FEW_ROWS = 10_000
CANDIDATES = 30
# A column whose values mostly differ in the sample has too many to group them all.
MOSTLY_DIFFERENT = 0.5


@dataclass(frozen=True, slots=True)
class Frequencies:
    """`approximate` names what is an estimate; the counts in `top` are so only of columns that seem unique."""

    distinct: int
    top: list[TopValue] = field(default_factory=list)
    approximate: tuple[str, ...] = ()


def frequencies(run: Run, columns: Sequence[Scalars]) -> dict[str, Frequencies]:
    """By column name: counted where the run is exact or a column has few distinct values, else estimated."""
    if run.rows <= FEW_ROWS:
        return _counted_together(run, columns)
    various = set() if run.exact else _various(run, columns)
    return {
        column.name: _estimated(run, column) if column.name in various else _counted(run, column) for column in columns
    }


def _counted_together(run: Run, columns: Sequence[Scalars]) -> dict[str, Frequencies]:
    """In one query a type, because few rows make queries dear."""
    found: dict[str, Frequencies] = {column.name: Frequencies(0) for column in columns}
    for kind in {run.kinds[column.name] for column in columns}:
        alike = [column for column in columns if run.kinds[column.name] == kind and column.count]
        counted = most_frequent(run, [column.column for column in alike], "data", TOP) if alike else []
        for column, (distinct, top) in zip(alike, counted, strict=True):
            found[column.name] = Frequencies(distinct, _top([(_cut(value), n) for value, n in top]))
    return found


def most_frequent(
    run: Run, values: Sequence[str], relation: str, number: int
) -> list[tuple[int, list[tuple[object, int]]]]:
    """For each of some SQL expressions of one type: how many values it has, and the most frequent with their counts."""
    rows = run.connection.execute(
        f"WITH cells AS (SELECT unnest([{', '.join(values)}]) AS value, unnest(range({len(values)})) AS place "  # noqa: S608
        f"FROM {relation}), "
        "groups AS (SELECT place, value, count(*) AS n FROM cells WHERE value IS NOT NULL GROUP BY ALL) "
        "SELECT place, value, n, count(*) OVER (PARTITION BY place) FROM groups "
        f"QUALIFY row_number() OVER (PARTITION BY place ORDER BY n DESC, value) <= {number} "
        "ORDER BY place, n DESC, value"
    ).fetchall()
    found: list[tuple[int, list[tuple[object, int]]]] = [(0, []) for _ in values]
    for place, value, n, distinct in rows:
        found[place] = (distinct, [*found[place][1], (value, n)])
    return found


def _counted(run: Run, column: Scalars) -> Frequencies:
    if column.count == 0:
        return Frequencies(0)
    rows = run.connection.execute(
        f"WITH groups AS MATERIALIZED (SELECT {column.column} AS value, count(*) AS n FROM data "  # noqa: S608
        f"WHERE {column.column} IS NOT NULL GROUP BY 1) "
        f"SELECT {_shown(column)}, n, (SELECT count(*) FROM groups) FROM groups ORDER BY n DESC, value LIMIT {TOP}"
    ).fetchall()
    return Frequencies(rows[0][2], _top([(value, n) for value, n, _ in rows]))


def _various(run: Run, columns: Sequence[Scalars]) -> set[str]:
    """Columns with too many distinct values to group them all."""
    present = [column for column in columns if column.count]
    if not present:
        return set()
    parts = ", ".join(f"count(DISTINCT hash({column.column}))" for column in present)
    row = run.connection.execute(f"SELECT {parts}, count(*) FROM sample").fetchone() or ()  # noqa: S608
    drawn = row[-1]
    return {
        column.name
        for column, distinct in zip(present, row, strict=False)
        if distinct > MOSTLY_DIFFERENT * drawn * column.count / column.rows
    }


def _estimated(run: Run, column: Scalars) -> Frequencies:
    """Distinct by the share of values whose hash falls into one of `slices`; top from candidates of the sample."""
    slices = max(1, column.count // SAMPLE_ROWS)
    total, different = run.connection.execute(
        f"SELECT count(*), count(DISTINCT h) FROM (SELECT hash({column.column}) AS h FROM data "  # noqa: S608
        f"WHERE {column.column} IS NOT NULL) WHERE h % {slices} = 0"
    ).fetchone() or (0, 0)
    if total == different:
        return Frequencies(column.count, _candidates(run, column, each_once=True), ("distinct", "top"))
    distinct = min(column.count, different * slices)
    return Frequencies(distinct, _candidates(run, column, each_once=False), ("distinct", "top"))


def _candidates(run: Run, column: Scalars, *, each_once: bool) -> list[TopValue]:
    drawn = run.connection.execute(
        f"SELECT {column.column}, count(*) AS n FROM sample WHERE {column.column} IS NOT NULL "  # noqa: S608
        f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {CANDIDATES}"
    ).fetchall()
    if each_once:
        return _top([(_cut(value), 1) for value, _ in drawn[:TOP]])
    rows = run.connection.execute(
        f"SELECT {_shown(column)}, n FROM (SELECT {column.column} AS value, count(*) AS n FROM data "  # noqa: S608
        f"WHERE {column.column} IN (SELECT unnest(?)) GROUP BY 1) ORDER BY n DESC, value LIMIT {TOP}",
        [[value for value, _ in drawn]],
    ).fetchall()
    return _top(rows)


def _shown(column: Scalars) -> str:
    return f"left(value, {TEXT_SHOWN})" if column.type == STRING else "value"


def _cut(value: Any) -> Any:
    return value[:TEXT_SHOWN] if isinstance(value, str) else value


def _top(rows: Sequence[tuple[object, int]]) -> list[TopValue]:
    return [TopValue(value=json_value(value), count=count) for value, count in rows]
