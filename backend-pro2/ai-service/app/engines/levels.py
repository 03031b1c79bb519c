"""Columns of few values as whole numbers: the levels in order, and which of them each row has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.compute import ComputeError

from .frames import IndexArray
from .source import Source

SHOWN_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Levels:
    """Texts of the levels in the order of their values; `codes` has shape (rows,), and -1 where a value is missing."""

    column: str
    names: tuple[str, ...]
    codes: IndexArray

    def position(self, level: str | None) -> int:
        """Where `level` stands; the last of two levels for None.

        Raises:
            ComputeError: `wrong_groups`: there is no such level, or none is named and there are more than two.
        """
        if level is None:
            if len(self.names) > 2:
                detail = f"Column {self.column!r} has {len(self.names)} different values ({self._listed()}), not two"
                raise ComputeError("wrong_groups", f"{detail}. Say which of them counts, or derive a column of two.")
            return len(self.names) - 1
        if level not in self.names:
            detail = f"Column {self.column!r} has no value {level!r}. Its values are: {self._listed()}"
            raise ComputeError("wrong_groups", f"{detail}.")
        return self.names.index(level)

    def _listed(self) -> str:
        more = ", …" if len(self.names) > SHOWN_AT_MOST else ""
        return ", ".join(self.names[:SHOWN_AT_MOST]) + more


def read_levels(source: Source, name: str, at_most: int) -> Levels:
    """The levels of a column; nulls, NaN and infinities are missing.

    Raises:
        ComputeError: `too_many_levels`, or the faults of `Source.column`.
    """
    array = finite(source.column(name))
    encoded = array.combine_chunks().dictionary_encode()
    if len(encoded.dictionary) > at_most:
        detail = f"Column {name!r} has {len(encoded.dictionary)} different values; here it may have at most {at_most}."
        raise ComputeError("too_many_levels", f"{detail} Group rare ones, or choose another column.")
    values: list[Any] = encoded.dictionary.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = np.empty(len(values) + 1, dtype=np.intp)
    ranks[order], ranks[-1] = np.arange(len(values)), -1
    indices = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.intp)
    return Levels(name, tuple(_text(values[i]) for i in order), ranks[indices])


def finite(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with nulls for NaN and infinities."""
    if not pa.types.is_floating(array.type):
        return array
    # Zero has two signs, which are one level.
    positive = pc.if_else(pc.equal(array, 0), pa.scalar(0, array.type), array)
    return pc.if_else(pc.is_finite(array), positive, pa.scalar(None, array.type))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
