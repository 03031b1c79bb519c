"""The columns that a resampling job reads: complete rows, as one or two arrays, or split into groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shared.compute import ComputeError

from ..data_files import locate
from ..frames import load_matrix, refuse_extreme
from ..source import FloatArray, Source

LEVELS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """Complete rows of one or two columns; `groups` numbers the level of each row, `levels` names them in order."""

    columns: tuple[FloatArray, ...]
    groups: Any
    levels: tuple[str, ...]
    total: int

    @property
    def rows(self) -> int:
        """How many rows are complete."""
        return len(self.columns[0])

    def split(self) -> list[FloatArray]:
        """The first column by group."""
        return [self.columns[0][self.groups == number] for number in range(len(self.levels))]


def load(shared: Mapping[str, Any]) -> Sample:
    """From `shared` {data, columns, combine, group}; kept for the pieces that follow in the same process."""
    return read(locate(shared["data"]), tuple(shared["columns"]), shared["combine"], shared["group"])


@lru_cache(maxsize=1)
def read(path: Path, names: tuple[str, ...], combine: str | None, group: str | None) -> Sample:
    """The rows in which nothing is missing.

    Raises:
        ComputeError: `out_of_range`, or the faults of `Source.column`.
    """
    source = Source(path)
    matrix = load_matrix(source, names)
    if combine is not None:
        matrix = _combined(matrix[:, 0], matrix[:, 1], combine)[:, None]
    kept = ~np.isnan(matrix).any(axis=1)
    texts = source.texts(group) if group is not None else None
    if texts is not None:
        kept &= ~pd.isna(texts)
    columns = tuple(np.ascontiguousarray(column[kept]) for column in matrix.T)
    for name, column in zip(names, columns, strict=False):
        refuse_extreme(name, column)
    levels, groups = _levels(texts[kept]) if texts is not None else ((), None)
    return Sample(columns, groups, levels, source.rows)


def require_two(sample: Sample, group: str) -> None:
    """Refuse a grouping column that does not split the rows into two groups of at least two rows.

    Raises:
        ComputeError: `wrong_groups` or `too_few_rows`.
    """
    if len(sample.levels) != 2:
        named = ", ".join(repr(level) for level in sample.levels[:LEVELS_NAMED])
        more = ", …" if len(sample.levels) > LEVELS_NAMED else ""
        detail = f"Column {group!r} must tell exactly two groups apart, but has {len(sample.levels)}: {named}{more}."
        raise ComputeError("wrong_groups", f"{detail} Filter the rows or choose another column.")
    require_rows(min(len(part) for part in sample.split()), 2, "in the smaller group")


def require_rows(rows: int, needed: int, place: str = "complete") -> None:
    """Refuse fewer rows than a statistic needs.

    Raises:
        ComputeError: `too_few_rows`.
    """
    if rows < needed:
        detail = f"{rows} rows are {place}, but this needs at least {needed}."
        raise ComputeError("too_few_rows", f"{detail} Choose other columns, or more data.")


def _combined(first: FloatArray, second: FloatArray, combine: str) -> FloatArray:
    if combine == "ratio":
        answer = first / second
        # A ratio to zero is as good as missing.
        answer[np.isinf(answer)] = np.nan
        return answer
    return {"difference": np.subtract, "sum": np.add, "product": np.multiply}[combine](first, second)


def _levels(texts: Any) -> tuple[tuple[str, ...], Any]:
    levels, groups = np.unique(texts.astype(str), return_inverse=True)
    return tuple(levels.tolist()), groups
