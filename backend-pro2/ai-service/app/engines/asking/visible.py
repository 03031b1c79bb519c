"""A copy of a Parquet file without some of its columns, for analyses, which read files as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from shared.compute import Report

from ..data_files import hash_of


def copy_visible(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Write the file `source` to `target` without the columns `hidden`, a row group at a time: {"sha256"}."""
    source = pq.ParquetFile(job["source"], memory_map=True)
    hidden = set(job["hidden"])
    names = [name for name in source.schema_arrow.names if name not in hidden]
    schema = source.schema_arrow.empty_table().select(names).schema.remove_metadata()
    groups = source.num_row_groups
    with pq.ParquetWriter(job["target"], schema, compression="lz4") as target:
        for group in range(groups):
            # By name here, not in reading: there `a` also means `a.b`.
            columns = source.read_row_group(group, columns=names).select(names)
            target.write_table(columns.cast(schema))
            report(group + 1, groups, "Leaving out hidden columns")
    return {"sha256": hash_of(Path(job["target"]))}
