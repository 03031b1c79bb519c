"""A version as a CSV or JSON Lines file."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from shared.compute import Report

from .duck import connect, engine_memory_mb, identifier, literal

# What a spreadsheet takes for the start of a formula (OWASP, CSV injection).
FORMULA = r"(?s)[=+\-@\t\r].*"
_FORMATS = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json"}


def export(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Write the Parquet file `path` to `target` as `format`, csv or jsonl; answers {rows, bytes, sha256}.

    In CSV, texts and column names that a spreadsheet would run as formulas get a leading ' unless `raw`.
    """
    source, target, kind = f"read_parquet({literal(job['path'])})", Path(job["target"]), str(job["format"])
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=Path(job["scratch"])) as connection:
        columns = _plain(connection, source) if kind == "csv" and not job["raw"] else "*"
        row = connection.execute(
            f"COPY (SELECT {columns} FROM {source}) TO {literal(target)} ({_FORMATS[kind]})"  # noqa: S608
        ).fetchone()
    report(1, 1, "Written")
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": int(row[0]) if row else 0, "bytes": target.stat().st_size, "sha256": sha256}


def _plain(connection: duckdb.DuckDBPyConnection, source: str) -> str:
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - a quoted literal
    return ", ".join(_plain_column(name, kind) for name, kind, *_ in described)


def _plain_column(name: str, kind: str) -> str:
    column = identifier(name)
    shown = identifier(f"'{name}") if name[0] in "=+-@" else column
    if kind != "VARCHAR":
        return f"{column} AS {shown}"
    formula = f"regexp_full_match({column}, {literal(FORMULA)})"
    return f"CASE WHEN {formula} THEN '''' || {column} ELSE {column} END AS {shown}"
