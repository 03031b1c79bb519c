"""Random rows of a file, of a bounded number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from shared.compute import ComputeError

from ..jobs.partitions import open_groups


def some_rows(path: Path, names: Sequence[str], most: int, seed: int) -> tuple[pa.Table, int]:
    """At most `most` rows in the file's order, those of `names` that it has; and how many there are in all.

    Raises:
        ComputeError: `too_few_rows`: there is none.
    """
    file = open_groups(path)
    total = file.metadata.num_rows
    chosen = np.arange(total)
    if total > most:
        chosen = np.sort(np.random.default_rng(seed).choice(total, size=most, replace=False))
    there = [name for name in dict.fromkeys(names) if name in file.schema_arrow.names]
    start, parts = 0, []
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        wanted = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
        if len(wanted):
            # Reading "a" also brings "a.b", since Parquet names nested fields so; the wanted ones are taken by name.
            table = file.read_row_group(group, columns=there, use_threads=False).select(there)
            parts.append(table.take(pa.array(wanted - start)))
        start = end
    if not parts:
        raise ComputeError("too_few_rows", "The dataset has no rows.")
    return pa.concat_tables(parts).combine_chunks(), total
