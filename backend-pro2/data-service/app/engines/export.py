"""A version as a CSV, JSON Lines or XLSX file."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from shared.compute import Report
from shared.tabular.duck import connect, engine_memory_mb
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import JSON, contract_type

# What a spreadsheet takes for the start of a formula (OWASP, CSV injection).
FORMULA = r"(?s)[=+\-@\t\r].*"
_FLOATS = ("FLOAT", "DOUBLE")


def export(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Write the Parquet file `path` to `target` as `format`, csv, jsonl or xlsx; answers {rows, bytes, sha256}.

    In CSV, texts and column names that a spreadsheet would run as formulas get a leading ' unless `raw`; lists and
    objects are JSON text in CSV and XLSX. JSON has no infinity, so that is null there.

    Raises:
        ComputeError: `too_wide_for_xlsx`.
    """
    source, target, kind = f"read_parquet({literal(job['path'])})", Path(job["target"]), str(job["format"])
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=Path(job["scratch"])) as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - a quoted literal
        columns = [(str(row[0]), str(row[1])) for row in described]
        rows = _write(connection, source, columns, target, kind, raw=bool(job["raw"]))
    report(1, 1, "Written")
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": rows, "bytes": target.stat().st_size, "sha256": sha256}


def _write(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Sequence[tuple[str, str]],
    target: Path,
    kind: str,
    *,
    raw: bool,
) -> int:
    if kind == "xlsx":
        # Imported here: other exports do not need its library.
        from .export_xlsx import write_workbook

        listed = ", ".join(f"{_as_text(*column)} AS {identifier(column[0])}" for column in columns)
        return write_workbook(connection, f"SELECT {listed} FROM {source}", target)  # noqa: S608 - quoted names
    if kind == "jsonl":
        listed, form = ", ".join(_json_column(*column) for column in columns), "FORMAT json"
    else:
        listed, form = ", ".join(_csv_column(*column, raw=raw) for column in columns), "FORMAT csv, HEADER"
    row = connection.execute(f"COPY (SELECT {listed} FROM {source}) TO {literal(target)} ({form})").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _as_text(name: str, kind: str) -> str:
    """SQL of a column, as JSON text where it holds lists or objects."""
    column = identifier(name)
    if contract_type(kind) != JSON:
        return column
    return f"CAST({column if kind == 'JSON' else f'to_json({column})'} AS VARCHAR)"


def _json_column(name: str, kind: str) -> str:
    column = identifier(name)
    return f"CASE WHEN isfinite({column}) THEN {column} END AS {column}" if kind in _FLOATS else column


def _csv_column(name: str, kind: str, *, raw: bool) -> str:
    column, value = identifier(name), _as_text(name, kind)
    if raw:
        return f"{value} AS {column}"
    shown = identifier(f"'{name}") if name[0] in "=+-@" else column
    if kind != "VARCHAR":
        return f"{value} AS {shown}"
    formula = f"regexp_full_match({column}, {literal(FORMULA)})"
    return f"CASE WHEN {formula} THEN '''' || {column} ELSE {column} END AS {shown}"
