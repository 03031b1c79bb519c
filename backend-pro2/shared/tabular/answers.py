"""Rows of DuckDB as JSON values, bounded in bytes."""

from typing import Any

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.values import is_lossless, json_value

ROWS_AT_ONCE = 256
MAX_ANSWER_BYTES = 32 * 1024 * 1024


def readable(column: str, kind: str) -> str:
    """The SQL expression `column` of DuckDB's type `kind`; zoned moments, which Python has no zones for, as UTC."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({column} AS TIMESTAMP)"
    return f"CAST({column} AS VARCHAR)" if "WITH TIME ZONE" in kind else column


def json_rows(result: duckdb.DuckDBPyConnection) -> tuple[list[list[Any]], int]:
    """All rows, and how many of their values are NaN or infinite and so became null.

    Raises:
        ComputeError: `query_too_large`.
    """
    rows: list[list[Any]] = []
    lost = size = 0
    while batch := result.fetchmany(ROWS_AT_ONCE):
        for row in batch:
            size += sum(len(value) if isinstance(value, str | bytes) else 16 for value in row)
            lost += sum(not is_lossless(value) for value in row)
            rows.append([json_value(value) for value in row])
        if size > MAX_ANSWER_BYTES:
            raise ComputeError("query_too_large", "The answer is larger than 32 MiB. Take fewer columns or rows.")
    return rows, lost


def not_finite(lost: int) -> list[dict[str, str]]:
    """The warning that `lost` values became null."""
    message = f"{lost} values were NaN or infinite; they are null here."
    return [{"code": "not_finite", "message": message}] if lost else []
