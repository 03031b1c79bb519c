"""Rows that come one by one, written in batches to a Parquet file from which they are read again with their types."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from shared.tabular.quoting import literal

CELLS_AT_ONCE = 200_000

DUCK_TYPES = {
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.string(): "VARCHAR",
}


def batches(rows: Iterable[Sequence[Any]], width: int) -> Iterator[list[Sequence[Any]]]:
    """`rows` in lists of about CELLS_AT_ONCE cells."""
    size, iterator = max(1, CELLS_AT_ONCE // max(1, width)), iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def write(path: Path, types: Sequence[pa.DataType], columns: Iterable[Sequence[Sequence[Any]]]) -> str:
    """Write batches of columns; SQL of the relation, whose columns are c0, c1, and so on."""
    schema = pa.schema([(f"c{index}", kind) for index, kind in enumerate(types)])
    with parquet.ParquetWriter(path, schema, compression="lz4") as writer:
        for batch in columns:
            arrays = [pa.array(values, kind) for values, kind in zip(batch, types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return f"read_parquet({literal(path)})"
