"""The first rows of a version."""

import time
from collections.abc import Mapping
from typing import Any

from shared.compute import Report
from shared.tabular.answers import json_rows, not_finite, readable
from shared.tabular.duck import connect, engine_memory_mb
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import ColumnSchema, contract_type


def preview(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The first `limit` rows of the Parquet file `path` (answer: shared.queries.query.QueryAnswer).

    Raises:
        ComputeError: `query_too_large`.
    """
    started = time.perf_counter()
    limit = int(job["limit"])
    source = f"read_parquet({literal(job['path'])})"
    with connect(memory_mb=engine_memory_mb(int(job["memory_mb"])), threads=int(job["threads"])) as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - a quoted literal
        columns = ", ".join(readable(identifier(name), kind) for name, kind, *_ in described)
        found = connection.execute(f"SELECT {columns} FROM {source} LIMIT {limit + 1}")  # noqa: S608 - quoted names
        rows, lost = json_rows(found)
    report(1, 1, "Done")
    return {
        "columns": [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described],
        "rows": rows[:limit],
        "row_count": min(len(rows), limit),
        "truncated": len(rows) > limit,
        "took_ms": round((time.perf_counter() - started) * 1000, 1),
        "warnings": not_finite(lost),
    }
