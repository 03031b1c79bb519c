"""Turn an uploaded file into typed Parquet and its profile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import duckdb

from shared.compute import Report

from .duck import connect, engine_memory_mb
from .profile import profile_file
from .profile_shapes import Profile
from .readers import delimited
from .readers.source import IngestReport, Read, ReadOptions, Source
from .types import ColumnSchema, contract_type


class IngestJob(TypedDict):
    """`source` is the raw file, `parquet` the file to write, `scratch` a directory of the job's own."""

    source: str
    filename: str
    parquet: str
    scratch: str
    options: dict[str, Any]
    max_columns: int
    max_unpacked_bytes: int
    memory_mb: int
    threads: int


class ContentAnswer(TypedDict):
    """What is kept of a version besides the Parquet file itself; `report` for versions that come from a file."""

    rows: int
    schema: list[ColumnSchema]
    profile: Profile
    report: NotRequired[IngestReport]


def ingest(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Detect, convert and profile one file (job: IngestJob, answer: ContentAnswer).

    Raises:
        ComputeError: `not_tabular`, `no_rows`, `too_many_columns`; the detail says what to do.
    """
    source, target = _source(job), Path(job["parquet"])
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=source.scratch) as connection:
        report(0, 100, "Reading the file")
        found = read(connection, source, target)
        report(60, 100, f"Profiling {found.rows} rows")
        answer = describe(connection, target, found.rows, report)
    answer["report"] = found.report
    return dict(answer)


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write `source`, whatever its format, to `target` as Parquet."""
    return delimited.read(connection, source, target)


def describe(connection: duckdb.DuckDBPyConnection, parquet: Path, rows: int, report: Report) -> ContentAnswer:
    """Schema and profile of a finished Parquet file."""
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(parquet)]).fetchall()
    schema = [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described]
    return ContentAnswer(rows=rows, schema=schema, profile=profile_file(connection, parquet, schema, report))


def _source(job: Mapping[str, Any]) -> Source:
    return Source(
        path=Path(job["source"]),
        filename=job["filename"],
        scratch=Path(job["scratch"]),
        options=ReadOptions.of(job["options"]),
        max_columns=int(job["max_columns"]),
        max_unpacked_bytes=int(job["max_unpacked_bytes"]),
    )
