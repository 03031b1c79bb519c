"""Mean, deviation, skewness and kurtosis of numbers, in a second pass round the mean of the first.

Sums of powers of (x - mean) / (max - min) neither lose the digits that large numbers lose nor leave the range of a
double; what the first mean is off by is put right in each moment (Chan, Golub and LeVeque 1983).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .scalars import Scalars
from .source import Run, batches

COLUMNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Moments:
    """`std` is the sample deviation (n - 1); skewness G1 and excess kurtosis G2 are those of Joanes and Gill 1998."""

    mean: float | None = None
    std: float | None = None
    skewness: float | None = None
    kurtosis: float | None = None


def moments(run: Run, columns: Sequence[Scalars]) -> dict[str, Moments]:
    """By name, of the columns of `data` that have a mean."""
    found = {column.name: Moments() for column in columns}
    for batch in batches([column for column in columns if column.mean is not None], COLUMNS_AT_ONCE):
        inner = ", ".join(f"{_deviation(column)} AS d{index}" for index, column in enumerate(batch))
        sums = ", ".join(_sums(f"d{index}") for index in range(len(batch)))
        row = run.connection.execute(f"SELECT {sums} FROM (SELECT {inner} FROM data)").fetchone() or ()  # noqa: S608
        for index, column in enumerate(batch):
            found[column.name] = _moments(column, row[5 * index : 5 * index + 5])
    return found


def _scale(column: Scalars) -> float:
    return (float(column.high) - float(column.low)) or 1.0


def _deviation(column: Scalars) -> str:
    return f"({column.position} - ({column.mean!r})) / {_scale(column)!r}"


def _sums(name: str) -> str:
    return f"count({name}), sum({name}), " + ", ".join(f"sum({'*'.join([name] * power)})" for power in (2, 3, 4))


def _moments(column: Scalars, sums: Sequence[float]) -> Moments:
    n = int(sums[0])
    if column.low == column.high:
        return Moments(float(column.low), 0.0 if n > 1 else None)
    off, second, third, fourth = (value / n for value in sums[1:])
    variance = max(0.0, second - off**2)
    m3 = third - 3 * off * second + 2 * off**3
    m4 = fourth - 4 * off * third + 6 * off**2 * second - 3 * off**4
    scale = _scale(column)
    std = math.sqrt(variance * n / (n - 1)) * scale if n > 1 else None
    return Moments((column.mean or 0.0) + off * scale, std, _skewness(n, variance, m3), _kurtosis(n, variance, m4))


def _skewness(n: int, variance: float, m3: float) -> float | None:
    cube = math.sqrt(variance) ** 3
    return math.sqrt(n * (n - 1)) / (n - 2) * m3 / cube if n > 2 and cube else None


def _kurtosis(n: int, variance: float, m4: float) -> float | None:
    square = variance * variance
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / square - 3) + 6) if n > 3 and square else None
