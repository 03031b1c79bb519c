"""The rows of a version and those of a file become the rows of the next version: append and upsert.

Columns are those of the base, in its order. A column is widened (integer to number, date to moment) where the file
needs it and no value of either side would change; a text column takes the file's values as they are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.quoting import literal

from ..diffs.columns import side
from ..parquet import write_rows
from ..readers.source import IngestReport, Read, Source
from .columns import Column, join_columns
from .fit import APPEND, UPSERT, find_all
from .reading import Reader, read_to_fit

SORTED_AT_ONCE = 100


class MergeJob(TypedDict):
    """`mode` is append or upsert, `base` the file of the version whose rows come first, `key` that of an upsert."""

    mode: str
    base: str
    key: list[str]


class MergeReport(TypedDict):
    """What became of the rows. Of several rows of the file with one key the last counts, the others are duplicates."""

    mode: str
    rows_before: int
    rows_added: int
    rows_updated: int
    duplicates_in_file: int


class MergedReport(IngestReport):
    """How a file was read, and how its rows joined those of the base."""

    merge: MergeReport


@dataclass(frozen=True, slots=True)
class _Sides:
    """SQL for the rows of the base and of the file, and the columns of the result."""

    base: str
    file: str
    columns: Sequence[Column]

    def base_rows(self, columns: Sequence[Column]) -> str:
        """The base's rows as the result has them: `n`, and these columns as v0, v1, …"""
        return _cast(self.base, [(column.base, column.type) for column in columns])

    def file_rows(self, columns: Sequence[Column]) -> str:
        """The same of the file's."""
        return _cast(self.file, [(column.file, column.type) for column in columns])


def read_merged(
    connection: duckdb.DuckDBPyConnection, read: Reader, source: Source, target: Path, job: MergeJob
) -> Read:
    """Read `source` with `read` and write its rows, joined to those of the base, to `target`; both inputs stream.

    Raises:
        ComputeError: `schema_mismatch`, `unknown_column`, `key_not_unique`, or that the file cannot be read.
    """
    base, file_path = side(connection, job["base"]), target.with_name("file.parquet")
    key = find_all(job["key"], list(base.types), "The dataset")
    found, file = read_to_fit(connection, read, source, file_path, base)
    columns = join_columns(connection, base, file)
    sides = _Sides(base.numbered, file.numbered, columns)
    if job["mode"] == UPSERT:
        rows, merged = _upsert(connection, sides, key, target)
    else:
        rows, merged = _append(connection, sides, target)
    file_path.unlink()
    found.report["conversions"] += [note for column in columns for note in column.conversions]
    return Read(rows, MergedReport(**found.report, merge=merged))


def _append(connection: duckdb.DuckDBPyConnection, sides: _Sides, target: Path) -> tuple[int, MergeReport]:
    base, file = sides.base_rows(sides.columns), sides.file_rows(sides.columns)
    before = _number(connection, f"SELECT count(*) FROM {sides.base}")  # noqa: S608
    rows = write_rows(
        connection, f"{_named(sides.columns)} FROM (FROM {base} UNION ALL FROM {file})", target, len(sides.columns)
    )
    return rows, _report(APPEND, before, rows - before)


def _upsert(
    connection: duckdb.DuckDBPyConnection, sides: _Sides, key: Sequence[str], target: Path
) -> tuple[int, MergeReport]:
    """Null is a key like any other. A row of the base takes the place of none but its own, the others come behind."""
    _match(connection, sides, [column for name in key for column in sides.columns if column.name == name])
    before, given = (_number(connection, f"SELECT count(*) FROM {rows}") for rows in (sides.base, sides.file))  # noqa: S608
    latest, updated = (_number(connection, f"SELECT count(*) FROM {table}") for table in ("latest", "matched"))  # noqa: S608
    rows = _write_upserted(connection, sides, target)
    return rows, _report(UPSERT, before, latest - updated, updated, given - latest)


def _match(connection: duckdb.DuckDBPyConnection, sides: _Sides, key: Sequence[Column]) -> None:
    """Make the tables `latest`, the file's last row of each key, and `matched`, the rows that replace one of the base.

    Raises:
        ComputeError: `key_not_unique`, if a row of the file would replace several.
    """
    names = ", ".join(f"v{index}" for index in range(len(key)))
    same = " AND ".join(f"old.v{index} IS NOT DISTINCT FROM new.v{index}" for index in range(len(key)))
    base, file = sides.base_rows(key), sides.file_rows(key)
    connection.execute(_LATEST.format(names=names, file=file))
    connection.execute(_MATCHED.format(base=base, same=same))
    several = _number(connection, "SELECT count(*) FROM (FROM matched SELECT file GROUP BY file HAVING count(*) > 1)")
    if several:
        columns = ", ".join(f"'{column.name}'" for column in key)
        raise ComputeError(
            "key_not_unique",
            f"{several} keys of the file stand in several rows of the dataset each, so {columns} cannot tell which to "
            "replace. Name more columns, or append instead.",
        )


def _write_upserted(connection: duckdb.DuckDBPyConnection, sides: _Sides, target: Path) -> int:
    """Write the rows in their order, a few columns at a time: a sort of rows of thousands of values cannot spill."""
    parts = [target.with_name(f"columns-{start}.parquet") for start in range(0, len(sides.columns), SORTED_AT_ONCE)]
    for number, part in enumerate(parts):
        columns = sides.columns[number * SORTED_AT_ONCE :][:SORTED_AT_ONCE]
        rows = _UPSERTED.format(base=sides.base_rows(columns), file=sides.file_rows(columns))
        write_rows(connection, f"{_named(columns)} FROM {rows}", part, len(sides.columns))
    if len(parts) == 1:
        parts[0].rename(target)
        return _number(connection, f"SELECT count(*) FROM read_parquet({literal(target)})")  # noqa: S608
    joined = " POSITIONAL JOIN ".join(f"read_parquet({literal(part)})" for part in parts)
    written = write_rows(connection, f"SELECT * FROM {joined}", target, len(sides.columns))  # noqa: S608 - quoted literals
    for part in parts:
        part.unlink()
    return written


def _named(columns: Sequence[Column]) -> str:
    """SELECT of v0, v1, … under the columns' names."""
    return f"SELECT {', '.join(f'v{index} AS {column.quoted}' for index, column in enumerate(columns))}"


def _cast(rows: str, values: Sequence[tuple[str, str]]) -> str:
    listed = "".join(f", CAST({value} AS {kind}) AS v{index}" for index, (value, kind) in enumerate(values))
    return f"(SELECT n{listed} FROM {rows})"  # noqa: S608 - aliases and types


def _report(mode: str, before: int, added: int, updated: int = 0, duplicates: int = 0) -> MergeReport:
    return MergeReport(
        mode=mode, rows_before=before, rows_added=added, rows_updated=updated, duplicates_in_file=duplicates
    )


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row: tuple[Any, ...] | None = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


_LATEST = "CREATE TEMP TABLE latest AS SELECT {names}, max(n) AS n FROM {file} GROUP BY {names}"
_MATCHED = """
CREATE TEMP TABLE matched AS
SELECT old.n AS base, new.n AS file FROM {base} AS old JOIN latest AS new ON {same}
"""
_UPSERTED = """(
    SELECT * EXCLUDE (place, behind) FROM (
        SELECT *, n AS place, false AS behind FROM {base} ANTI JOIN (SELECT base AS n FROM matched) USING (n)
        UNION ALL
        SELECT rows.*, matched.base, false FROM {file} AS rows JOIN matched ON rows.n = matched.file
        UNION ALL
        SELECT *, n, true FROM {file} SEMI JOIN (SELECT n FROM latest ANTI JOIN matched ON n = file) USING (n)
    ) ORDER BY behind, place
)"""
