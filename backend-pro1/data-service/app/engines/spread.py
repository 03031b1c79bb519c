"""Quantiles and histograms of numbers, dates and moments."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from .profile_shapes import BINS, Histogram, Quantiles
from .scalars import Scalars, batches
from .types import DATE, NUMERIC, TEMPORAL
from .values import json_value

CELLS_AT_ONCE = 4_000_000
COLUMNS_AT_ONCE = 50
MANY_ROWS = 200_000
_POINTS = (0.05, 0.25, 0.5, 0.75, 0.95)
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are naive UTC here, as DuckDB returns them


@dataclass(frozen=True, slots=True)
class Spread:
    """Nulls where the column has no order that numbers can express."""

    quantiles: Quantiles | None = None
    histogram: Histogram | None = None
    approximate: tuple[str, ...] = ()


def spread(connection: duckdb.DuckDBPyConnection, columns: Sequence[Scalars], *, exact: bool) -> dict[str, Spread]:
    """By column name; quantiles are interpolated (dates: the lower neighbour), and estimates unless `exact`."""
    result = {column.name: Spread() for column in columns}
    measurable = [column for column in columns if column.measurable]
    rows = columns[0].rows if columns else 0
    at_once = max(1, min(COLUMNS_AT_ONCE, CELLS_AT_ONCE // max(1, rows))) if exact else COLUMNS_AT_ONCE
    for batch in batches(measurable, at_once):
        expressions = ", ".join(_quantiles(column, exact=exact) for column in batch)
        row = connection.execute(f"SELECT {expressions} FROM data").fetchone() or ()  # noqa: S608 - quoted identifiers
        counts = _count_bins(connection, batch, rows)
        for column, quantiles in zip(batch, row, strict=True):
            result[column.name] = Spread(
                _named(column, quantiles), _histogram(column, counts[column.name]), () if exact else ("quantiles",)
            )
    return result


def _count_bins(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Scalars], rows: int
) -> dict[str, Mapping[int, int]]:
    """Values in each bin of each column: in one query where few rows make queries dear, else one a column."""
    if rows <= MANY_ROWS:
        histograms = ", ".join(f"histogram({_bin(column)})" for column in columns)
        found = connection.execute(f"SELECT {histograms} FROM data").fetchone() or ()  # noqa: S608 - quoted identifiers
        return {column.name: counts for column, counts in zip(columns, found, strict=True)}
    return {
        column.name: dict(
            connection.execute(
                f"SELECT {_bin(column)} AS bin, count(*) FROM data WHERE {column.finite} IS NOT NULL GROUP BY 1"  # noqa: S608
            ).fetchall()
        )
        for column in columns
    }


def _quantiles(column: Scalars, *, exact: bool) -> str:
    points = list(_POINTS)
    if not exact:
        return f"approx_quantile({column.position}, {points})"
    function = "quantile_cont" if column.type in NUMERIC else "quantile_disc"
    return f"{function}({column.finite}, {points})"


def _named(column: Scalars, values: Sequence[object]) -> Quantiles:
    p05, p25, p50, p75, p95 = (_shown(column, value) for value in values)
    return Quantiles(p05=p05, p25=p25, p50=p50, p75=p75, p95=p95)


def _shown(column: Scalars, value: object) -> object:
    """A value of the column, or its position on the line, as JSON."""
    if column.type in TEMPORAL and isinstance(value, float):
        moment = _EPOCH + dt.timedelta(seconds=round(value, 6))
        return json_value(moment.date() if column.type == DATE else moment)
    return json_value(value)


def _bounds(column: Scalars) -> tuple[float, float]:
    return _place(column.low), _place(column.high)


def _place(value: object) -> float:
    if isinstance(value, dt.datetime):
        return (value.replace(tzinfo=None) - _EPOCH).total_seconds()
    if isinstance(value, dt.date):
        return (dt.datetime.combine(value, dt.time()) - _EPOCH).total_seconds()
    return float(str(value))


def _bin(column: Scalars) -> str:
    """SQL for the number of the bin, from 0, that a value falls into; null for null."""
    low, high = _bounds(column)
    if low == high:
        return f"CASE WHEN {column.finite} IS NOT NULL THEN 0 END"
    width = (high - low) / BINS
    number = f"CAST(floor(({column.position} - ({low!r})) / {width!r}) AS INTEGER)"
    # `least` passes nulls over: without the condition they would count into the last bin.
    return f"CASE WHEN {column.finite} IS NOT NULL THEN least({BINS - 1}, {number}) END"


def _histogram(column: Scalars, counts: Mapping[int, int]) -> Histogram:
    low, high = _bounds(column)
    bins = BINS if low < high else 1
    edges = [low + (high - low) * index / bins for index in range(bins)] + [high]
    return Histogram(
        edges=[_shown(column, edge) for edge in edges], counts=[counts.get(index, 0) for index in range(bins)]
    )
