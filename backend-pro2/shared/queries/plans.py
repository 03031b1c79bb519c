"""What a query would read, told before it runs: from DuckDB's own plan and the metadata of the Parquet files."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.queries.query import Table, checked, columns_of
from shared.tabular.quoting import literal

SCAN = "READ_PARQUET"
MAX_LINES = 200


class TableColumns(TypedDict):
    """The columns of a table that a query reads."""

    table: str
    columns: list[str]


class _Source(TypedDict):
    name: str
    rows: int
    bytes: dict[str, int]


def estimate(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Rows, bytes and columns that the job's query would read, rows that it may give, and the outline of its plan.

    Two tables that have the columns of a scan in common may be taken for each other; then the bytes are approximate.

    Raises:
        ComputeError: as query.run.
    """
    started = time.perf_counter()
    with checked(job) as connection:
        columns_of(connection, job["sql"])
        sources = [_source(connection, table) for table in job["tables"]]
        row = connection.execute(f"EXPLAIN (FORMAT json) {job['sql']}").fetchone() or ("", "[]")
    roots = json.loads(row[1])
    steps = list(_steps(roots, 0))
    read = _assigned([node for _, node in steps if node["name"].strip() == SCAN], sources)
    report(1, 1, "Done")
    return {
        "rows_scanned": sum(source["rows"] for source, _ in read),
        "bytes_scanned": sum(source["bytes"].get(name, 0) for source, names in read for name in names),
        "columns_read": [TableColumns(table=source["name"], columns=names) for source, names in read],
        "estimated_rows": _cardinality(roots[0]) if roots else None,
        "plan": "\n".join(_line(depth, node) for depth, node in steps[:MAX_LINES]),
        "took_ms": round((time.perf_counter() - started) * 1000, 1),
    }


def _source(connection: duckdb.DuckDBPyConnection, table: Table) -> _Source:
    # A nested column counts under the name at its root.
    found = connection.execute(
        "SELECT split_part(path_in_schema, ', ', 1), sum(total_compressed_size)::BIGINT "  # noqa: S608 - a quoted literal
        f"FROM parquet_metadata({literal(table['path'])}) GROUP BY 1"
    ).fetchall()
    rows = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({literal(table['path'])})").fetchone()  # noqa: S608
    return _Source(name=table["name"], rows=int(rows[0]) if rows else 0, bytes=dict(found))


def _steps(nodes: Sequence[dict[str, Any]], depth: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every step of the plan with its depth, in the order of reading, without recursion."""
    pending = [(depth, node) for node in reversed(nodes)]
    while pending:
        level, node = pending.pop()
        yield level, node
        pending.extend((level + 1, child) for child in reversed(node.get("children", [])))


def _assigned(scans: Sequence[dict[str, Any]], sources: Sequence[_Source]) -> list[tuple[_Source, list[str]]]:
    """The table behind each scan: one that has its columns, and rather one that no scan before has taken."""
    read: list[tuple[_Source, list[str]]] = []
    for scan in scans:
        names = _texts(scan, "Projections")
        able = [source for source in sources if set(names) <= source["bytes"].keys()] or list(sources)
        taken = [source["name"] for source, _ in read]
        fresh = [source for source in able if source["name"] not in taken]
        if able:
            source = (fresh or able)[0]
            read.append((source, names + _filtered(scan, source, names)))
    return read


def _filtered(scan: dict[str, Any], source: _Source, names: Sequence[str]) -> list[str]:
    """Columns that a scan looks at without giving them on."""
    filters = " ".join(_texts(scan, "Filters"))
    others = [name for name in source["bytes"] if name not in names]
    return [name for name in others if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", filters)]


def _texts(node: dict[str, Any], member: str) -> list[str]:
    found = node.get("extra_info", {}).get(member, [])
    return [found] if isinstance(found, str) else [str(text) for text in found]


def _cardinality(node: dict[str, Any]) -> int | None:
    """DuckDB's guess; it says 0 where it has none."""
    figure = str(node.get("extra_info", {}).get("Estimated Cardinality", ""))
    return (int(figure) or None) if figure.isdecimal() else None


def _line(depth: int, node: dict[str, Any]) -> str:
    # The name and a figure alone: what else DuckDB tells of a step may hold paths.
    rows = _cardinality(node)
    return f"{'  ' * depth}{node['name'].strip()}" + (f" (about {rows} rows)" if rows is not None else "")
