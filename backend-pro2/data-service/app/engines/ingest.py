"""Turn an uploaded file into typed Parquet and its profile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import duckdb

from shared.compute import Report
from shared.tabular.duck import connect, engine_memory_mb, memory_told
from shared.tabular.types import ColumnSchema, contract_type

from .merges.merge import MergeJob, read_merged
from .profiling.profile import profile_file
from .profiling.shapes import Profile
from .quality.checks import QualityAnswer, check
from .readers import any_format
from .readers.source import IngestReport, Read, Source


class IngestJob(TypedDict):
    """`source` is the raw file, `parquet` the file to write, `scratch` a directory of the job's own."""

    source: str
    filename: str
    parquet: str
    scratch: str
    options: dict[str, Any]
    max_columns: int
    max_unpacked_bytes: int
    merge: NotRequired[MergeJob | None]
    quality: NotRequired[dict[str, Any] | None]
    memory_mb: int
    threads: int


class ContentAnswer(TypedDict):
    """What is kept of a version besides the Parquet file itself; `report` for versions that come from a file."""

    rows: int
    schema: list[ColumnSchema]
    profile: Profile
    report: NotRequired[IngestReport]
    quality: NotRequired[QualityAnswer]


def ingest(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Detect, convert, merge with a base if there is one, and profile one file (job: IngestJob, answer: ContentAnswer).

    Raises:
        ComputeError: what `readers.any_format.read` raises, and `schema_mismatch`, `unknown_column`, `key_not_unique`,
            `out_of_memory`; the detail says what to do.
    """
    source, target = Source.of(job), Path(job["parquet"])
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    limits = {"memory_mb": memory_mb, "threads": int(job["threads"])}
    with connect(**limits, scratch=source.scratch) as connection, memory_told():
        return dict(_ingest(connection, source, target, job, report))


def _ingest(
    connection: duckdb.DuckDBPyConnection, source: Source, target: Path, job: Mapping[str, Any], report: Report
) -> ContentAnswer:
    report(0, 100, "Reading the file")
    merge: MergeJob | None = job.get("merge")
    found = read_merged(connection, read, source, target, merge) if merge else read(connection, source, target)
    report(60, 100, f"Profiling {found.rows} rows")
    answer = describe(connection, target, found.rows, report, job.get("quality"))
    answer["report"] = found.report
    return answer


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write `source`, whatever its format and packing, to `target` as Parquet."""
    return any_format.read(connection, source, target)


def describe(
    connection: duckdb.DuckDBPyConnection,
    parquet: Path,
    rows: int,
    report: Report,
    rules: Mapping[str, Any] | None = None,
) -> ContentAnswer:
    """Schema and profile of a finished Parquet file, and how it does against `rules` (quality.checks.QualityJob)."""
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(parquet)]).fetchall()
    schema = [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described]
    answer = ContentAnswer(rows=rows, schema=schema, profile=profile_file(connection, parquet, schema, report))
    if rules:
        answer["quality"] = check(connection, parquet, rules["rules"], rules["parents"])
    return answer
