"""The first rows of a version."""

import time
from collections.abc import Mapping
from typing import Any

from shared.compute import Report

from .duck import connect, engine_memory_mb, literal
from .types import ColumnSchema, contract_type
from .values import is_lossless, json_value


def preview(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The first `limit` rows of the Parquet file `path` (answer: query.QueryAnswer)."""
    started = time.perf_counter()
    limit = int(job["limit"])
    with connect(memory_mb=engine_memory_mb(int(job["memory_mb"])), threads=int(job["threads"])) as connection:
        rows = f"SELECT * FROM read_parquet({literal(job['path'])}) LIMIT {limit + 1}"  # noqa: S608 - a quoted literal
        described = connection.execute(f"DESCRIBE {rows}").fetchall()
        found = connection.execute(rows).fetchall()
    report(1, 1, "Done")
    shown = found[:limit]
    lost = sum(not is_lossless(value) for row in shown for value in row)
    message = f"{lost} values are infinite; they are null here."
    return {
        "columns": [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described],
        "rows": [[json_value(value) for value in row] for row in shown],
        "row_count": len(shown),
        "truncated": len(found) > limit,
        "took_ms": round((time.perf_counter() - started) * 1000, 1),
        "warnings": [{"code": "not_finite", "message": message}] if lost else [],
    }
