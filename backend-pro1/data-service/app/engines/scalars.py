"""What one pass over the data tells about each column: counts, bounds, mean and deviation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from .duck import identifier
from .types import NUMBER, NUMERIC, STRING, TEMPORAL, ColumnSchema

COLUMNS_AT_ONCE = 50
FIRST_ROWS = 2048
TEXT_SHOWN = 200
# Squares of larger numbers, summed, leave the range of a double.
LARGEST_MEASURED = 1e140

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Scalars:
    """One column: `count` values present of `rows`, an estimate of the distinct ones, bounds of the finite ones."""

    name: str
    type: str
    rows: int
    count: int
    infinite: int
    estimate: int
    low: Any
    high: Any
    mean: float | None
    std: float | None

    @property
    def column(self) -> str:
        """The column, quoted."""
        return identifier(self.name)

    @property
    def finite(self) -> str:
        """SQL for its finite values."""
        return f"CASE WHEN isfinite({self.column}) THEN {self.column} END" if self.infinite else self.column

    @property
    def measurable(self) -> bool:
        """Whether distances between its values mean something and can be computed."""
        if self.low is None or self.type not in NUMERIC | TEMPORAL:
            return False
        return self.type in TEMPORAL or max(abs(self.low), abs(self.high)) < LARGEST_MEASURED

    @property
    def position(self) -> str:
        """SQL for its values on a line of doubles: numbers as they are, moments in seconds."""
        return f"epoch({self.finite})" if self.type in TEMPORAL else f"CAST({self.finite} AS DOUBLE)"


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """`items` in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def scalars(connection: duckdb.DuckDBPyConnection, schema: Sequence[ColumnSchema]) -> list[Scalars]:
    """Scalars of every column of the view `data`, in order."""
    found: list[Scalars] = []
    for batch in batches(schema, COLUMNS_AT_ONCE):
        near = _near(connection, batch)
        expressions = ", ".join(e for column in batch for e in _expressions(column, near.get(column["name"], 0.0)))
        row = connection.execute(f"SELECT count(*), {expressions} FROM data").fetchone() or ()  # noqa: S608
        rows, values = row[0], iter(row[1:])
        for column in batch:
            count, infinite, estimate, low, high, mean, std = (next(values) for _ in range(7))
            small = mean is not None and max(abs(low), abs(high)) < LARGEST_MEASURED
            mean, std = (mean, std) if small else (None, None)
            found.append(Scalars(column["name"], column["type"], rows, count, infinite, estimate, low, high, mean, std))
    return found


def _near(connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnSchema]) -> dict[str, float]:
    """A value of each numeric column, by name: distances from it keep digits that large numbers themselves lose."""
    names = [column["name"] for column in columns if column["type"] in NUMERIC]
    if not names:
        return {}
    listed = ", ".join(identifier(name) for name in names)
    values = ", ".join(f"any_value({identifier(name)})" for name in names)
    first = f"SELECT {listed} FROM data LIMIT {FIRST_ROWS}"  # noqa: S608 - quoted identifiers
    row = connection.execute(f"SELECT {values} FROM ({first})").fetchone() or ()  # noqa: S608
    found = {name: float(value) for name, value in zip(names, row, strict=True) if value is not None}
    return {name: value for name, value in found.items() if abs(value) < LARGEST_MEASURED}


def _expressions(column: ColumnSchema, near: float) -> Iterator[str]:
    name, kind = identifier(column["name"]), column["type"]
    finite = f" FILTER (WHERE isfinite({name}))" if kind == NUMBER else ""
    yield f"count({name})"
    yield f"count_if(isinf({name}))" if kind == NUMBER else "0"
    yield f"approx_count_distinct({name})"
    for bound in ("min", "max"):
        value = f"{bound}({name}){finite}"
        yield f"left({value}, {TEXT_SHOWN})" if kind == STRING else value
    small = f" FILTER (WHERE abs({name}) < {LARGEST_MEASURED})" if kind == NUMBER else ""
    yield f"avg({name}){small}" if kind in NUMERIC else "NULL"
    yield f"stddev_samp(CAST({name} AS DOUBLE) - ({near!r})){small}" if kind in NUMERIC else "NULL"
