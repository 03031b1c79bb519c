"""What changed from one version to another: columns, counts of rows, and the differing rows themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.compute.protocol import ComputeError
from shared.tabular.duck import connect, engine_memory_mb, file_gone
from shared.tabular.quoting import literal

from ..merges.fit import find_all
from .columns import Columns, side
from .index import ADDED, CHANGED, KINDS, REMOVED, count_kinds, write_index
from .rows import page, shortened

TOO_LARGE = "Comparing the versions needs more memory than it may use. Give a key of fewer columns, or none."


class DiffJob(TypedDict):
    """`before` and `after` are the versions' files; `index` is made unless `has_index`; `scratch` is the job's own."""

    before: str
    after: str
    key: list[str]
    index: str
    has_index: bool
    scratch: str
    limit: int
    memory_mb: int
    threads: int


class RowsJob(DiffJob):
    """Rows of `kind`, of all kinds where None, behind the first `offset`."""

    kind: str | None
    offset: int


def diff(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Columns, counts, and the first `limit` rows of each kind (job: DiffJob).

    Raises:
        ComputeError: `unknown_column`, `query_too_large`, `file_gone`.
    """
    with _compared(job, report) as (connection, columns):
        index, limit = Path(job["index"]), int(job["limit"])
        counts, rows = count_kinds(connection, index), _rows_of(connection, job["before"])
        pages = {kind: page(connection, columns, index, kind=kind, offset=0, limit=limit) for kind in KINDS}
    return {
        "columns_added": columns.added,
        "columns_removed": columns.removed,
        "columns_changed": columns.changed,
        "rows_added": counts[ADDED],
        "rows_removed": counts[REMOVED],
        "rows_changed": counts[CHANGED],
        "rows_unchanged": rows - counts[REMOVED] - counts[CHANGED],
        "samples": {kind: [shortened(row) for row in found] for kind, found in pages.items()},
    }


def differing_rows(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """One page of the differing rows (job: RowsJob): {"rows": [DifferingRow], "more": whether others follow}.

    Raises:
        ComputeError: `unknown_column`, `query_too_large`, `file_gone`.
    """
    kind, offset, limit = job["kind"], int(job["offset"]), int(job["limit"])
    with _compared(job, report) as (connection, columns):
        index = Path(job["index"])
        counts = count_kinds(connection, index)
        rows = page(connection, columns, index, kind=kind, offset=offset, limit=limit)
    total = counts[kind] if kind else sum(counts.values())
    return {"rows": rows, "more": offset + len(rows) < total}


@contextmanager
def _compared(job: Mapping[str, Any], report: Report) -> Iterator[tuple[duckdb.DuckDBPyConnection, Columns]]:
    """A connection, and the versions' columns; the index is there."""
    limits = (engine_memory_mb(int(job["memory_mb"])), int(job["threads"]), Path(job["scratch"]))
    with connect(memory_mb=limits[0], threads=limits[1], scratch=limits[2]) as connection, _explained():
        columns = Columns(side(connection, job["before"]), side(connection, job["after"]))
        key = _key(job["key"], columns)
        if not job["has_index"]:
            report(0, 1, "Comparing rows")
            write_index(connection, columns, key, Path(job["index"]))
        yield connection, columns
    report(1, 1, "Done")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ComputeError("query_too_large", TOO_LARGE) from error
    except duckdb.IOException as error:
        raise file_gone() from error


def _key(wanted: list[str], columns: Columns) -> list[str]:
    """The key's columns, which both versions must have under the same name."""
    key = find_all(wanted, list(columns.before.types), "The earlier version")
    find_all(wanted, list(columns.after.types), "The later version")
    return find_all(key, [name for name in columns.after.types if name in columns.common], "The later version")


def _rows_of(connection: duckdb.DuckDBPyConnection, path: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM read_parquet({literal(path)})").fetchone()  # noqa: S608
    return int(row[0]) if row else 0
