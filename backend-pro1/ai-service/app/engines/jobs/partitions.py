"""How a file is cut into partitions: ranges of its row groups, the same on any number of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PARTITIONS_AT_MOST = 256
ROWS_AT_ONCE = 131_072


def ranges(groups: int, at_most: int = PARTITIONS_AT_MOST) -> list[tuple[int, int]]:
    """Consecutive ranges of `groups` row groups, the first inclusive, the last exclusive."""
    pieces = min(groups, at_most)
    edges = [groups * number // pieces for number in range(pieces + 1)] if pieces else []
    return list(pairwise(edges))


def open_groups(path: Path) -> pq.ParquetFile:
    """The file, whose pages are read when they are asked for and not kept."""
    return pq.ParquetFile(path, memory_map=False, pre_buffer=False)


def batches(file: pq.ParquetFile, groups: Sequence[int], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows of these row groups in their order, a bounded number at a time."""
    yield from file.iter_batches(ROWS_AT_ONCE, row_groups=list(groups), columns=list(columns), use_threads=False)
