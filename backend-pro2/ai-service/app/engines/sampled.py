"""A Parquet file of which only some random rows are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from typing_extensions import override

from .results import Notice
from .source import Source

# A column of so few costs next to no memory, but to read it anew from a large file takes as long as all of its rows.
ROWS_KEPT = 10_000


class SampledSource(Source):
    """A source of at most `most` random rows, the same ones in every column; memory holds one row group beside them."""

    def __init__(self, path: Path, most: int, seed: int) -> None:
        super().__init__(path)
        self.total = self.rows
        self._chosen = None
        self._known: dict[str, pa.ChunkedArray] = {}
        if self.total > most:
            self._chosen = np.sort(np.random.default_rng(seed).choice(self.total, size=most, replace=False))
            self.rows = most

    @property
    def is_sampled(self) -> bool:
        """Whether there are more rows than are read."""
        return self._chosen is not None

    def notices(self) -> list[Notice]:
        """What to tell of the sample; nothing if all rows are read."""
        if not self.is_sampled:
            return []
        return [Notice("sampled", f"A random sample of {self.rows} of {self.total} rows was looked at.")]

    def bytes_of(self, name: str) -> int | None:
        """Size of the column in the file before compression; None where it has several parts."""
        metadata, size = self._file.metadata, 0
        positions = [i for i in range(metadata.num_columns) if metadata.schema.column(i).path == name]
        if len(positions) != 1:
            return None
        for group in range(metadata.num_row_groups):
            size += metadata.row_group(group).column(positions[0]).total_uncompressed_size
        return size

    @override
    def _read(self, name: str) -> pa.ChunkedArray:
        if name in self._known:
            return self._known[name]
        found = super()._read(name) if self._chosen is None else self._drawn(name, self._chosen)
        if self.rows <= ROWS_KEPT:
            self._known[name] = found
        return found

    def _drawn(self, name: str, chosen: npt.NDArray[np.int64]) -> pa.ChunkedArray:
        start, parts = 0, []
        for group in range(self._file.num_row_groups):
            end = start + self._file.metadata.row_group(group).num_rows
            wanted = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
            if len(wanted):
                column = self._file.read_row_group(group, columns=[name], use_threads=False).column(name)
                parts.append(column.take(pa.array(wanted - start)))
            start = end
        return pa.chunked_array([chunk for part in parts for chunk in part.chunks])
