"""Quantiles and histograms of numbers, dates and moments."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.tabular.types import DATE, NUMERIC, TEMPORAL
from shared.tabular.values import json_value

from .frequencies import most_frequent
from .scalars import Scalars
from .shapes import BINS, Histogram, Quantiles
from .source import Run

MANY_ROWS = 200_000
_POINTS = (0.05, 0.25, 0.5, 0.75, 0.95)
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments are naive UTC here, as DuckDB returns them


@dataclass(frozen=True, slots=True)
class Spread:
    """Nulls where the column has no order that numbers can express."""

    quantiles: Quantiles | None = None
    histogram: Histogram | None = None
    approximate: tuple[str, ...] = ()


def spread(run: Run, columns: Sequence[Scalars]) -> dict[str, Spread]:
    """By column name; quantiles are interpolated (dates: the lower neighbour), of a sample unless the run is exact."""
    result = {column.name: Spread() for column in columns}
    chosen = [column for column in columns if column.measurable]
    if not chosen:
        return result
    row = run.connection.execute(f"SELECT {', '.join(map(_quantiles, chosen))} FROM sample").fetchone() or ()  # noqa: S608
    counts = _count_bins(run, chosen)
    for column, quantiles in zip(chosen, row, strict=True):
        # A sample of a column with very few values may hold none of them.
        named = _named(column, quantiles) if quantiles else None
        histogram = _histogram(column, counts[column.name])
        result[column.name] = Spread(named, histogram, () if run.exact else ("quantiles",))
    return result


def place(value: object) -> float:
    """A bound of a column on the line of doubles that `Scalars.position` speaks of."""
    if isinstance(value, dt.datetime):
        return (value.replace(tzinfo=None) - _EPOCH).total_seconds()
    if isinstance(value, dt.date):
        return (dt.datetime.combine(value, dt.time()) - _EPOCH).total_seconds()
    return float(str(value))


def shown(column: Scalars, value: object) -> object:
    """A value of the column, or its position on the line, as JSON."""
    if column.type in TEMPORAL and isinstance(value, float):
        moment = _EPOCH + dt.timedelta(seconds=round(value, 6))
        return json_value(moment.date() if column.type == DATE else moment)
    return json_value(value)


def _count_bins(run: Run, columns: Sequence[Scalars]) -> dict[str, Mapping[int, int]]:
    """Values in each bin of each column: in one query where few rows make queries dear, else one a column."""
    if run.rows <= MANY_ROWS:
        counted = most_frequent(run, [_bin(column) for column in columns], "data", BINS)
        return {
            column.name: {int(str(number)): n for number, n in top}
            for column, (_, top) in zip(columns, counted, strict=True)
        }
    return {
        column.name: dict(
            run.connection.execute(
                f"SELECT {_bin(column)} AS bin, count(*) FROM data WHERE {column.finite} IS NOT NULL GROUP BY 1"  # noqa: S608
            ).fetchall()
        )
        for column in columns
    }


def _quantiles(column: Scalars) -> str:
    function = "quantile_cont" if column.type in NUMERIC else "quantile_disc"
    return f"{function}({column.finite}, {list(_POINTS)})"


def _named(column: Scalars, values: Sequence[object]) -> Quantiles:
    p05, p25, p50, p75, p95 = (shown(column, value) for value in values)
    return Quantiles(p05=p05, p25=p25, p50=p50, p75=p75, p95=p95)


def _bin(column: Scalars) -> str:
    """SQL for the number of the bin, from 0, that a value falls into; null for null."""
    low, high = place(column.low), place(column.high)
    if low == high:
        return f"CASE WHEN {column.finite} IS NOT NULL THEN 0 END"
    # Multiplied before it is divided: a value on an edge, as `_histogram` computes edges, then falls above it.
    number = f"CAST(floor(({column.position} - ({low!r})) * {BINS}.0::DOUBLE / {high - low!r}) AS INTEGER)"
    # `least` passes nulls over: without the condition they would count into the last bin.
    return f"CASE WHEN {column.finite} IS NOT NULL THEN least({BINS - 1}, {number}) END"


def _histogram(column: Scalars, counts: Mapping[int, int]) -> Histogram:
    low, high = place(column.low), place(column.high)
    bins = BINS if low < high else 1
    edges = [low + (high - low) * index / bins for index in range(bins)] + [high]
    return Histogram(
        edges=[shown(column, edge) for edge in edges], counts=[counts.get(index, 0) for index in range(bins)]
    )
