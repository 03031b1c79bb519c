"""CSV and TSV to Parquet."""

from pathlib import Path

import duckdb

from ..duck import error_message
from . import convert, csv_file, encoding
from .csv_file import CsvFile
from .dialect import no_rows, not_tabular
from .encoding import Encoding
from .source import Conversion, IngestReport, Read, RejectedLine, Source, clean_report

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


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write the delimited text `source` to `target` as Parquet.

    Raises:
        ComputeError: `not_tabular`, `no_rows`, `too_many_columns`; the detail says what to do.
    """
    detected = encoding.detect(source.path)
    plain = detected.name == "utf-8"
    text, replaced = (source.path, 0) if plain else _rewritten(source, detected)
    try:
        try:
            return _read_text(connection, source.at(text), target, detected, replaced)
        except duckdb.InvalidInputException:
            # Mixed line ends stop the strict reader; with one kind of them it either reads the file or it is no table.
            if not plain:
                raise
            text, replaced = _rewritten(source, Encoding("utf-8-sig"))
            return _read_text(connection, source.at(text), target, detected, replaced)
    except duckdb.InvalidInputException as error:
        raise not_tabular(_unreadable(error)) from error


def _unreadable(error: duckdb.Error) -> str:
    if f"Maximum line size of {csv_file.MAX_LINE_BYTES} bytes exceeded" in error_message(error):
        return f"It has a line of more than {csv_file.MAX_LINE_BYTES} bytes."
    return "Its quotation marks or line ends are broken."


def _rewritten(source: Source, detected: Encoding) -> tuple[Path, int]:
    text = source.scratch / "text.csv"
    return text, encoding.rewrite(source.path, text, detected)


def _read_text(
    connection: duckdb.DuckDBPyConnection, source: Source, target: Path, detected: Encoding, replaced: int
) -> Read:
    file = csv_file.inspect(connection, source.path, max_columns=source.max_columns)
    plan = convert.plan(connection, file)
    rows = convert.write_parquet(connection, file, plan, target)
    report = _report(connection, file, detected, replaced, plan.conversions())
    _refuse_empty(rows, report)
    return Read(rows, report)


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
    report = clean_report("csv")
    report["encoding"] = detected.name
    report["encoding_certain"] = detected.certain
    report["replaced_characters"] = replaced
    report["delimiter"] = file.delimiter
    report["header"] = file.has_header
    report["skipped_lines"] = file.skip
    report["renamed"] = list(file.renamed)
    report["conversions"] = conversions
    report["rejected_rows"] = sum(count for _, count in reasons)
    report["rejected_reasons"] = {_REASONS[reason]: count for reason, count in reasons}
    report["rejected_samples"] = [
        RejectedLine(line=line, reason=_REASONS[why], text=text or "") for line, why, text in samples
    ]
    return report


def _refuse_empty(rows: int, report: IngestReport) -> None:
    if report["rejected_rows"] > rows:
        sample = report["rejected_samples"][0]
        raise not_tabular(f"Most lines do not fit its first ones: line {sample['line']}: {sample['reason']}.")
    if rows == 0:
        raise no_rows()
