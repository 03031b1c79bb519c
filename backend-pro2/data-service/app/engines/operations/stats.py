"""Figures that steps learn from their column before they change it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .builder import Builder
from .relation import Column, Relation


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the finite values: their number, mean, sample and population standard deviation, bounds; None without any."""

    n: int
    mean: float | None
    std_sample: float | None
    std_population: float | None
    low: float | None
    high: float | None


def finite(column: Column) -> str:
    """SQL for a column of numbers as doubles, with null for NaN and infinities."""
    value = f"CAST({column.sql} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def moments(builder: Builder, table: Relation, column: Column) -> Moments:
    """Mean and deviations by DuckDB's Welford update; rounding does not grow with the size of the values."""
    functions = ("count", "avg", "stddev_samp", "stddev_pop", "min", "max")
    listed = ", ".join(f"{function}(x)" for function in functions)
    values = f"SELECT {finite(column)} AS x FROM {table.view}"  # noqa: S608 - our identifiers
    n, *rest = builder.row(f"SELECT {listed} FROM ({values})")  # noqa: S608 - our identifiers
    return Moments(n, *rest)


def quantiles(builder: Builder, table: Relation, column: Column, points: Sequence[float]) -> list[float] | None:
    """Exact quantiles of the finite values, linear between neighbours (Hyndman and Fan's type 7); None without values.

    Found by sorting, which spills to disk, rather than by an aggregate, which keeps every value in memory.
    """
    values = f"SELECT {finite(column)} AS x FROM {table.view}"  # noqa: S608 - our identifiers
    n = int(builder.row(f"SELECT count(x) FROM ({values})")[0])  # noqa: S608
    if not n:
        return None
    places = [point * (n - 1) for point in points]
    needed = sorted({end for place in places for end in (math.floor(place), math.ceil(place))})
    ranked = f"SELECT x, row_number() OVER (ORDER BY x) - 1 AS place FROM ({values}) WHERE x IS NOT NULL"  # noqa: S608
    listed = ", ".join(map(str, needed))
    at = {place: x for x, place in builder.rows(f"SELECT x, place FROM ({ranked}) WHERE place IN ({listed})")}  # noqa: S608
    return [at[math.floor(p)] + (at[math.ceil(p)] - at[math.floor(p)]) * (p - math.floor(p)) for p in places]
