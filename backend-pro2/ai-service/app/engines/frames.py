"""Numeric columns side by side, and which of their rows are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.compute import ComputeError

from .results import Notice
from .source import FloatArray, Source

IndexArray = npt.NDArray[np.intp]
# Fourth powers of larger numbers, and of smaller ones, leave the range of a double; some diagnostics need them.
SMALLEST, LARGEST = 1e-70, 1e70


@dataclass(frozen=True, slots=True)
class Frame:
    """Complete rows only: `values` has shape (kept, columns), `rows` their positions in the version, counted from 0."""

    names: tuple[str, ...]
    values: FloatArray
    rows: IndexArray
    total: int

    @property
    def dropped(self) -> int:
        """How many rows were left out."""
        return self.total - len(self.rows)

    def constant_columns(self) -> list[str]:
        """Names of the columns with a single value."""
        if len(self.values) == 0:
            return []
        spread = np.ptp(self.values, axis=0)
        return [name for name, width in zip(self.names, spread, strict=True) if width == 0]


def load_matrix(source: Source, names: Sequence[str]) -> FloatArray:
    """Shape (rows, columns); what is missing or infinite is NaN."""
    matrix = np.empty((source.rows, len(names)), dtype=np.float64, order="F")
    for position, name in enumerate(names):
        matrix[:, position] = source.numbers(name)
    matrix[np.isinf(matrix)] = np.nan
    return matrix


def load_frame(source: Source, names: Sequence[str]) -> Frame:
    """The rows in which none of the columns is missing.

    Raises:
        ComputeError: `out_of_range`.
    """
    matrix = load_matrix(source, names)
    rows = np.flatnonzero(~np.isnan(matrix).any(axis=1))
    values = matrix if len(rows) == source.rows else matrix[rows]
    for name, column in zip(names, values.T, strict=True):
        refuse_extreme(name, column)
    return Frame(tuple(names), np.ascontiguousarray(values), rows, source.rows)


def refuse_extreme(name: str, values: FloatArray) -> None:
    """Refuse a column whose squares would overflow, or vanish.

    Raises:
        ComputeError: `out_of_range`.
    """
    largest = float(np.abs(values).max(initial=0))
    if largest and not SMALLEST < largest < LARGEST:
        detail = f"The largest value of column {name!r} is {largest:.3g} in size; it must be between {SMALLEST:g} and "
        raise ComputeError("out_of_range", f"{detail}{LARGEST:g}. Use another unit, or leave the column out.")


def dropped_notice(dropped: int, total: int) -> list[Notice]:
    """What to tell when rows were left out; nothing if none were."""
    if dropped == 0:
        return []
    text = f"{dropped} of {total} rows have a missing value in a column that is used, and were left out."
    return [Notice("rows_dropped", text)]
