"""What one pass over the data tells about each column: counts, bounds, the mean, lengths of texts."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.tabular.quoting import identifier
from shared.tabular.types import NUMBER, NUMERIC, STRING, TEMPORAL, ColumnSchema

from .source import Run, batches

TEXT_SHOWN = 200
# Squares of larger numbers, summed, leave the range of a double.
LARGEST_MEASURED = 1e140
# What DuckDB calls infinity becomes the last day that Python knows.
LAST_YEAR = 9999


@dataclass(frozen=True, slots=True)
class Scalars:
    """One column: `count` values present of `rows`; bounds are of the finite ones, `mean` is near the mean."""

    name: str
    type: str
    rows: int
    count: int
    infinite: int
    nan: int
    low: Any
    high: Any
    mean: float | None
    zeros: int | None
    negatives: int | None
    lengths: tuple[int, int, int] | None
    empty: int
    padded: int

    @property
    def column(self) -> str:
        """The column, quoted."""
        return identifier(self.name)

    @property
    def finite(self) -> str:
        """SQL for its finite values."""
        return f"CASE WHEN isfinite({self.column}) THEN {self.column} END" if self.infinite + self.nan else self.column

    @property
    def measurable(self) -> bool:
        """Whether distances between its values mean something and can be computed."""
        if self.type in TEMPORAL:
            # DuckDB gives moments that Python cannot hold as texts.
            return isinstance(self.low, dt.date) and isinstance(self.high, dt.date)
        return self.type in NUMERIC and self.low is not None and max(abs(self.low), abs(self.high)) < LARGEST_MEASURED

    @property
    def position(self) -> str:
        """SQL for its values on a line of doubles: numbers as they are, moments in seconds."""
        return f"epoch({self.finite})" if self.type in TEMPORAL else f"CAST({self.finite} AS DOUBLE)"


def scalars(run: Run) -> list[Scalars]:
    """Scalars of every column of `data`, in order."""
    bounds = _bounds(run)
    expressions = ", ".join(
        e for column, pair in zip(run.columns, bounds, strict=True) for e in _expressions(column, _unbounded(pair))
    )
    row = run.connection.execute(f"SELECT {expressions} FROM data").fetchone() or ()  # noqa: S608
    values = iter(row)
    return [
        _scalars(column, run.rows, pair, [next(values) for _ in range(13)])
        for column, pair in zip(run.columns, bounds, strict=True)
    ]


def _bounds(run: Run) -> list[tuple[Any, Any]]:
    # A column at a time, because the file's own statistics then answer for most of them without a look at the data.
    names = [identifier(column["name"]) for column in run.columns]
    found: list[tuple[Any, Any]] = []
    for batch in batches(names, len(names) if run.exact else 1):
        parts = ", ".join(f"min({name}), max({name})" for name in batch)
        row = run.connection.execute(f"SELECT {parts} FROM data").fetchone() or ()  # noqa: S608
        found += zip(row[::2], row[1::2], strict=True)
    return found


def _unbounded(bounds: tuple[Any, Any]) -> bool:
    """Whether there may be values that are not finite, or that no sum holds. NaN is the largest of all."""
    return any(
        (isinstance(bound, float) and not abs(bound) < LARGEST_MEASURED)
        or (isinstance(bound, dt.date) and not 1 < bound.year < LAST_YEAR)
        or (isinstance(bound, str))
        for bound in bounds
    )


def _scalars(column: ColumnSchema, rows: int, bounds: tuple[Any, Any], values: list[Any]) -> Scalars:
    count, infinite, nan, low, high, mean, zeros, negatives, shortest, longest, total, empty, padded = values
    low, high = (low, high) if infinite + nan else bounds
    small = mean is not None and max(abs(low), abs(high)) < LARGEST_MEASURED
    return Scalars(
        name=column["name"],
        type=column["type"],
        rows=rows,
        count=count,
        infinite=infinite,
        nan=nan,
        low=_cut(low),
        high=_cut(high),
        mean=float(mean) if small else None,
        zeros=zeros,
        negatives=negatives,
        lengths=None if total is None else (shortest, longest, int(total)),
        empty=empty,
        padded=padded,
    )


def _cut(value: Any) -> Any:
    return value[:TEXT_SHOWN] if isinstance(value, str) else value


def _expressions(column: ColumnSchema, unbounded: bool) -> Iterator[str]:
    name, kind = identifier(column["name"]), column["type"]
    yield f"count({name})"
    yield from _finite(name, kind) if unbounded and kind in {NUMBER, *TEMPORAL} else ("0", "0", "NULL", "NULL")
    small = f" FILTER (WHERE abs({name}) < {LARGEST_MEASURED})" if unbounded and kind == NUMBER else ""
    yield f"avg({name}){small}" if kind in NUMERIC else "NULL"
    yield f"count_if({name} = 0)" if kind in NUMERIC else "NULL"
    yield f"count_if({name} < 0)" if kind in NUMERIC else "NULL"
    for function in ("min", "max", "sum"):
        yield f"{function}(length({name}))" if kind == STRING else "NULL"
    yield f"count_if({name} = '')" if kind == STRING else "0"
    yield f"count_if(starts_with({name}, ' ') OR ends_with({name}, ' '))" if kind == STRING else "0"


def _finite(name: str, kind: str) -> Iterator[str]:
    """How many values are infinite, how many no number, and the bounds of the others."""
    no_number = f"isnan({name})" if kind == NUMBER else "false"
    yield f"count_if(NOT isfinite({name}) AND NOT {no_number})"
    yield f"count_if({no_number})"
    yield f"min({name}) FILTER (WHERE isfinite({name}))"
    yield f"max({name}) FILTER (WHERE isfinite({name}))"
