"""Turn an uploaded file into typed Parquet and its profile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import duckdb

from shared.compute import Report

from . import convert, csv_file, encoding
from .convert import Conversion
from .csv_file import CsvFile
from .dialect import no_rows, not_tabular
from .duck import connect, engine_memory_mb, error_message
from .encoding import Encoding
from .names import Renamed
from .profile import profile_file
from .profile_shapes import Profile
from .types import ColumnSchema, contract_type

REJECT_SAMPLES = 20
_REASONS = {
    "MISSING COLUMNS": "too few values",
    "TOO MANY COLUMNS": "too many values",
    "UNQUOTED VALUE": "a quotation mark is not closed or stands inside a value",
    "LINE SIZE OVER MAXIMUM": "the line is too long",
    "INVALID ENCODING": "the line has bytes that are no text",
    "INVALID STATE": "the line cannot be read",
    "CAST": "a value does not fit its column",
}


class IngestJob(TypedDict):
    """`source` is the raw file, `parquet` the file to write, `scratch` a directory of the job's own."""

    source: str
    parquet: str
    scratch: str
    max_columns: int
    memory_mb: int
    threads: int


class Rejected(TypedDict):
    """A line that is not in the dataset."""

    line: int
    reason: str
    text: str


class IngestReport(TypedDict):
    """How the file was read, and what of it was not."""

    encoding: str
    encoding_certain: bool
    replaced_characters: int
    delimiter: str
    header: bool
    skipped_lines: int
    renamed: list[Renamed]
    conversions: list[Conversion]
    rejected_rows: int
    rejected_reasons: dict[str, int]
    rejected_samples: list[Rejected]


class IngestAnswer(TypedDict):
    """What is kept of a version besides the Parquet file itself."""

    rows: int
    schema: list[ColumnSchema]
    report: IngestReport
    profile: NotRequired[Profile]


def ingest(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Detect, convert and profile one file (job: IngestJob, answer: IngestAnswer).

    Raises:
        ComputeError: `not_tabular`, `no_rows`, `too_many_columns`; the detail says what to do.
    """
    scratch, target = Path(job["scratch"]), Path(job["parquet"])
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=scratch) as connection:
        report(0, 100, "Reading the file")
        answer = _convert(connection, Path(job["source"]), target, scratch, max_columns=int(job["max_columns"]))
        report(60, 100, f"Profiling {answer['rows']} rows")
        answer["profile"] = profile_file(connection, target, answer["schema"], report)
    return dict(answer)


def _convert(
    connection: duckdb.DuckDBPyConnection, source: Path, target: Path, scratch: Path, *, max_columns: int
) -> IngestAnswer:
    detected = encoding.detect(source)
    plain = detected.name == "utf-8"
    text, replaced = (source, 0) if plain else _rewritten(source, scratch, detected)
    try:
        try:
            return _ingest_text(connection, text, target, detected, replaced, max_columns)
        except duckdb.InvalidInputException:
            # Mixed line ends stop the strict reader; with one kind of them it either reads the file or it is no table.
            if not plain:
                raise
            text, replaced = _rewritten(source, scratch, Encoding("utf-8-sig"))
            return _ingest_text(connection, text, target, detected, replaced, max_columns)
    except duckdb.InvalidInputException as error:
        raise not_tabular(_unreadable(error)) from error


def _unreadable(error: duckdb.Error) -> str:
    if f"Maximum line size of {csv_file.MAX_LINE_BYTES} bytes exceeded" in error_message(error):
        return f"It has a line of more than {csv_file.MAX_LINE_BYTES} bytes."
    return "Its quotation marks or line ends are broken."


def _rewritten(source: Path, scratch: Path, detected: Encoding) -> tuple[Path, int]:
    text = scratch / "text.csv"
    return text, encoding.rewrite(source, text, detected)


def _ingest_text(
    connection: duckdb.DuckDBPyConnection,
    text: Path,
    target: Path,
    detected: Encoding,
    replaced: int,
    max_columns: int,
) -> IngestAnswer:
    file = csv_file.inspect(connection, text, max_columns=max_columns)
    plan = convert.plan(connection, file)
    rows = convert.write_parquet(connection, file, plan, target)
    report = _report(connection, file, detected, replaced, plan.conversions())
    _refuse_empty(rows, report)
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(target)]).fetchall()
    schema = [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described]
    return IngestAnswer(rows=rows, schema=schema, report=report)


def _report(
    connection: duckdb.DuckDBPyConnection,
    file: CsvFile,
    detected: Encoding,
    replaced: int,
    conversions: list[Conversion],
) -> IngestReport:
    # In the order of the type, what is wrong with the line comes after what is wrong with a value.
    first_errors = (
        "(SELECT line, max(error_type) AS reason, any_value(csv_line) AS text FROM reject_errors GROUP BY line)"
    )
    reasons = connection.execute(f"SELECT reason, count(*) FROM {first_errors} GROUP BY reason").fetchall()  # noqa: S608
    samples = connection.execute(
        f"SELECT line, reason, left(text, 200) FROM {first_errors} ORDER BY line LIMIT {REJECT_SAMPLES}"  # noqa: S608
    ).fetchall()
    return IngestReport(
        encoding=detected.name,
        encoding_certain=detected.certain,
        replaced_characters=replaced,
        delimiter=file.delimiter,
        header=file.has_header,
        skipped_lines=file.skip,
        renamed=list(file.renamed),
        conversions=conversions,
        rejected_rows=sum(count for _, count in reasons),
        rejected_reasons={_REASONS[reason]: count for reason, count in reasons},
        rejected_samples=[Rejected(line=line, reason=_REASONS[why], text=text or "") for line, why, text in samples],
    )


def _refuse_empty(rows: int, report: IngestReport) -> None:
    if report["rejected_rows"] > rows:
        sample = report["rejected_samples"][0]
        raise not_tabular(f"Most lines do not fit its first ones: line {sample['line']}: {sample['reason']}.")
    if rows == 0:
        raise no_rows()
