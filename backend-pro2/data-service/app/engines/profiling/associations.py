"""Coefficients that say how columns go together: Pearson, Spearman, Cramér."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
import numpy as np
import numpy.typing as npt

from shared.tabular.types import BOOLEAN, NUMERIC, STRING
from shared.tabular.values import json_value

from .scalars import Scalars
from .shapes import ColumnProfile, Matrix
from .source import batches

MAX_COLUMNS = 40
MAX_CATEGORIES = 20
MAX_LEVELS = 50
PAIRS_AT_ONCE = 200
RANKED_CELLS = 10_000_000

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numeric:
    """A column of numbers, centred round its mean."""

    basic: Scalars
    mean: float
    varies: bool

    @property
    def centred(self) -> str:
        """SQL; around the mean, sums of products keep digits that large numbers themselves lose."""
        return f"{self.basic.position} - ({self.mean!r})"


def numeric(columns: Sequence[Scalars], profiles: Sequence[ColumnProfile]) -> list[Numeric]:
    """The columns of numbers that can be correlated."""
    return [
        Numeric(basic, profile["mean"] or 0.0, bool(profile["std"]))
        for basic, profile in zip(columns, profiles, strict=True)
        if basic.type in NUMERIC and basic.measurable
    ]


def categories(columns: Sequence[Scalars], profiles: Sequence[ColumnProfile]) -> list[Scalars]:
    """The columns of texts and truths with few values, as many as get a row in the matrix."""
    return [
        basic
        for basic, profile in zip(columns, profiles, strict=True)
        if basic.type in {STRING, BOOLEAN} and 2 <= profile["distinct"] <= MAX_LEVELS
    ][:MAX_CATEGORIES]


def pearson(connection: duckdb.DuckDBPyConnection, columns: Sequence[Numeric], relation: str) -> Matrix:
    """Pearson's r over the rows of `relation` where both columns are present; null where one is constant."""
    matrix = _diagonal([column.varies for column in columns])
    for batch in batches(list(combinations(range(len(columns)), 2)), PAIRS_AT_ONCE):
        parts = ", ".join(f"corr({columns[a].centred}, {columns[b].centred})" for a, b in batch)
        row = connection.execute(f"SELECT {parts} FROM {relation}").fetchone() or ()  # noqa: S608
        for (a, b), value in zip(batch, row, strict=True):
            matrix[a][b] = matrix[b][a] = json_value(value)
    return Matrix(columns=[column.basic.name for column in columns], matrix=matrix)


def spearman(connection: duckdb.DuckDBPyConnection, columns: Sequence[Numeric], rows: int) -> tuple[Matrix, bool]:
    """Spearman's rho over rows of `crossed` where both are present, and whether it saw each; ties share a mean rank."""
    pairs = list(combinations(range(len(columns)), 2))
    step = max(1, -(-rows * len(pairs) // RANKED_CELLS))
    matrix = _diagonal([column.varies for column in columns])
    if pairs:
        parts = ", ".join(f"{column.basic.position} AS c{index}" for index, column in enumerate(columns))
        chosen = f" WHERE hash(rowid) % {step} = 0" if step > 1 else ""
        fetched = connection.execute(f"SELECT {parts} FROM crossed{chosen}").fetchnumpy()  # noqa: S608
        values = [
            np.ma.filled(np.ma.asarray(fetched[f"c{index}"], dtype=np.float64), np.nan) for index in range(len(columns))
        ]
        ranks = [_ranks(column) for column in values]
        for a, b in pairs:
            matrix[a][b] = matrix[b][a] = _ranked(values, ranks, a, b)
    return Matrix(columns=[column.basic.name for column in columns], matrix=matrix), step == 1


def _ranked(values: Sequence[Values], ranks: Sequence[Values | None], a: int, b: int) -> float | None:
    left, right = ranks[a], ranks[b]
    if left is None or right is None:
        both = ~(np.isnan(values[a]) | np.isnan(values[b]))
        left, right = _ranks(values[a][both]), _ranks(values[b][both])
    return None if left is None or right is None else _cosine(left - left.mean(), right - right.mean())


def _ranks(values: Values) -> Values | None:
    """None where a value is missing: the ranks then depend on the other column."""
    if not values.size or np.isnan(values).any():
        return None
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: Values = np.cumsum(counts) - (counts - 1) / 2
    ranks: Values = middle[places]
    return ranks


def _cosine(left: Values, right: Values) -> float | None:
    size = math.sqrt(float(np.sum(left * left)) * float(np.sum(right * right)))
    return max(-1.0, min(1.0, float(np.sum(left * right)) / size)) if size else None


def cramers_v(connection: duckdb.DuckDBPyConnection, columns: Sequence[Scalars]) -> Matrix:
    """Cramér's V with Bergsma's correction of its bias (2013), over the rows of `crossed` where both are present."""
    matrix = _diagonal([True] * len(columns))
    for a, b in combinations(range(len(columns)), 2):
        cells = connection.execute(
            f"SELECT {columns[a].column}, {columns[b].column}, count(*) FROM crossed "  # noqa: S608
            f"WHERE {columns[a].column} IS NOT NULL AND {columns[b].column} IS NOT NULL GROUP BY ALL"
        ).fetchall()
        matrix[a][b] = matrix[b][a] = _cramers_v(cells)
    return Matrix(columns=[column.name for column in columns], matrix=matrix)


def _cramers_v(cells: Sequence[tuple[object, object, int]]) -> float | None:
    rows: dict[object, int] = {}
    columns: dict[object, int] = {}
    for row, column, count in cells:
        rows[row] = rows.get(row, 0) + count
        columns[column] = columns.get(column, 0) + count
    n, r, k = sum(rows.values()), len(rows), len(columns)
    if n < 2:
        return None
    phi = math.fsum(count**2 / (rows[row] * columns[column]) for row, column, count in cells) - 1
    least = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(max(0.0, phi - (r - 1) * (k - 1) / (n - 1)) / least)) if least > 0 else None


def _diagonal(varies: Sequence[bool]) -> list[list[float | None]]:
    matrix: list[list[float | None]] = [[None] * len(varies) for _ in varies]
    for index, does in enumerate(varies):
        matrix[index][index] = 1.0 if does else None
    return matrix
