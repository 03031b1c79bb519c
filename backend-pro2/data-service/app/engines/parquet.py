"""The form in which contents of versions are kept."""

from pathlib import Path

import duckdb

from shared.tabular.quoting import literal

# Cells of a row group are in memory while it is written, for each thread.
GROUP_CELLS = 2_000_000
MAX_GROUP_ROWS = 61_440
MIN_GROUP_ROWS = 2048


def write_rows(connection: duckdb.DuckDBPyConnection, select: str, target: Path, columns: int) -> int:
    """Write the rows of a query with so many columns to `target`; the number of rows."""
    group = max(MIN_GROUP_ROWS, min(MAX_GROUP_ROWS, GROUP_CELLS // columns))
    row = connection.execute(
        f"COPY ({select}) TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"PARQUET_VERSION v2, ROW_GROUP_SIZE {group}, USE_TMP_FILE false)"
    ).fetchone()
    return int(row[0]) if row else 0
