"""Pearson correlations between the numeric columns."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import duckdb

from .duck import literal
from .profile_shapes import Correlations
from .scalars import Scalars, batches
from .types import NUMERIC
from .values import json_value

MAX_COLUMNS = 40
PAIRS_AT_ONCE = 200
CELLS_EXACT = 500_000_000


def correlate(connection: duckdb.DuckDBPyConnection, columns: Sequence[Scalars], rows: int, path: Path) -> Correlations:
    """The matrix over the first MAX_COLUMNS numeric columns, from every row or from every `step`-th of many."""
    chosen = correlated(columns)
    size = len(chosen)
    matrix: list[list[float | None]] = [[None] * size for _ in range(size)]
    for index, column in enumerate(chosen):
        matrix[index][index] = 1.0 if column.std else None
    step = sampling_step(columns, rows)
    numbered = f"read_parquet({literal(path)}, file_row_number=true) WHERE file_row_number % {step} = 0"
    source = "data" if step == 1 else numbered
    for batch in batches(list(combinations(range(size), 2)), PAIRS_AT_ONCE):
        expressions = ", ".join(f"corr({_centred(chosen[a])}, {_centred(chosen[b])})" for a, b in batch)
        row = connection.execute(f"SELECT {expressions} FROM {source}").fetchone() or ()  # noqa: S608
        for (a, b), value in zip(batch, row, strict=True):
            matrix[a][b] = matrix[b][a] = json_value(value)
    return Correlations(columns=[column.name for column in chosen], matrix=matrix)


def _centred(column: Scalars) -> str:
    # Around the mean, sums of products keep digits that large numbers themselves lose.
    return f"{column.position} - ({column.mean or 0.0!r})"


def correlated(columns: Sequence[Scalars]) -> list[Scalars]:
    """The columns that get a row in the matrix."""
    return [column for column in columns if column.type in NUMERIC and column.measurable][:MAX_COLUMNS]


def sampling_step(columns: Sequence[Scalars], rows: int) -> int:
    """1, or the distance between the rows looked at where all of them would take too long."""
    size = len(correlated(columns))
    if any(column.name.lower() == "file_row_number" for column in columns):
        return 1
    return max(1, rows * size * (size - 1) // 2 // CELLS_EXACT)
