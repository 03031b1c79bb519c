"""CSV and TSV to Parquet."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from shared.tabular.duck import error_message

from . import convert, csv_file, encoding, rejects, repair
from .csv_file import MAX_LINE_BYTES, CsvFile
from .dialect import no_rows, not_tabular
from .encoding import Encoding
from .rejects import Rejected
from .source import IngestReport, Read, RejectedLine, Source, clean_report

REPAIRS = 5


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write the delimited text `source` to `target` as Parquet.

    Raises:
        ComputeError: `not_tabular`, `no_rows`, `too_many_columns`, `invalid_options`; the detail says what to do.
    """
    detected = encoding.detect(source.path, source.options.encoding)
    text, replaced = (source.path, 0) if detected.plain else _rewritten(source, detected)
    try:
        try:
            return _read_text(connection, source.at(text), target, detected, replaced)
        except duckdb.InvalidInputException:
            # Mixed line ends stop the strict reader; with one kind of them it either reads the file or it is no table.
            if not detected.plain:
                raise
            text, replaced = _rewritten(source, Encoding("utf-8-sig"))
            return _read_text(connection, source.at(text), target, detected, replaced)
    except duckdb.InvalidInputException as error:
        raise not_tabular(rejects.unreadable(error_message(error))) from error


def _rewritten(source: Source, detected: Encoding) -> tuple[Path, int]:
    text = source.scratch / "text.csv"
    return text, encoding.rewrite(source.path, text, detected)


def _read_text(
    connection: duckdb.DuckDBPyConnection, source: Source, target: Path, detected: Encoding, replaced: int
) -> Read:
    """Read what is UTF-8; lines whose quotation marks are not closed are left out one by one, not with all after them.

    Raises:
        ComputeError, duckdb.InvalidInputException.
    """
    rejected = Rejected()
    path = _without_odd_lines(source, rejected)
    for attempt in range(REPAIRS):
        file = csv_file.inspect(connection, path, source.options, max_columns=source.max_columns)
        rows = convert.write_parquet(connection, file, source.options, target)
        broken = rejects.swallowing(connection, path)
        if not broken:
            return Read(rows, _report(connection, source, file, detected, replaced, rejected, rows))
        rejected.add_all(broken)
        repaired = source.scratch / f"repaired-{attempt % 2}.csv"
        repair.empty_lines(path, repaired, {sample["line"] for sample in broken})
        path = repaired
    raise not_tabular(f"Its quotation marks are broken from line {broken[0]['line']} on.")


def _without_odd_lines(source: Source, rejected: Rejected) -> Path:
    """The file, or a copy without lines that are too long, and without those that have far too many values."""
    shape = csv_file.shape(source.path, source.options, max_columns=source.max_columns)
    seen = repair.survey(source.path, shape.delimiter, len(shape.header))
    path = source.path
    if seen.longest > MAX_LINE_BYTES:
        long = ((range(line, line + 1), text) for line, text in repair.too_long(path))
        path = _emptied(path, source.scratch / "short.csv", long, rejects.TOO_LONG, rejected)
    if seen.has_many_spare:
        path = _emptied(path, source.scratch / "narrow.csv", repair.too_wide(path, shape), rejects.TOO_MANY, rejected)
    return path


def _emptied(path: Path, target: Path, found: Iterable[tuple[range, str]], reason: str, rejected: Rejected) -> Path:
    """The file, or a copy without these records, which are counted for that reason."""
    emptied: set[int] = set()
    for lines, text in found:
        emptied.update(lines)
        rejected.add_all([RejectedLine(line=lines.start, reason=reason, text=text[: rejects.TEXT])])
    if not emptied:
        return path
    repair.empty_lines(path, target, emptied)
    return target


def _report(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    file: CsvFile,
    detected: Encoding,
    replaced: int,
    rejected: Rejected,
    rows: int,
) -> IngestReport:
    rejects.take(connection, file.path, rejected)
    report = clean_report("csv")
    report["encoding"] = detected.name
    report["encoding_certain"] = detected.certain
    report["replaced_characters"] = replaced
    report["delimiter"] = file.delimiter
    report["header"] = file.has_header
    report["skipped_lines"] = file.skip
    report["renamed"] = list(file.renamed)
    report["conversions"] = convert.conversions(file)
    rejected.write(report)
    rejects.add_cells(connection, file, report, words=source.options.null_values is None)
    _refuse_empty(rows, report)
    return report


def _refuse_empty(rows: int, report: IngestReport) -> None:
    if report["rejected_rows"] > rows:
        sample = report["rejected_samples"][0]
        raise not_tabular(f"Most lines do not fit its first ones: line {sample['line']}: {sample['reason']}.")
    if rows == 0:
        raise no_rows()
