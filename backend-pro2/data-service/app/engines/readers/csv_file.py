"""A CSV file on disk: how to read it with DuckDB, typed or as bare text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from shared.tabular.names import Renamed
from shared.tabular.quoting import identifier, literal

from . import column_types, dialect, header
from .column_types import Reading
from .dialect import Dialect
from .encoding import read_sample
from .moments import ISO_FORMATS
from .source import ReadOptions

SAMPLE_ROWS = 20_480
SAMPLE_CELLS = 4_000_000
MAX_LINE_BYTES = 4 * 1024 * 1024
BUFFER_BYTES = 8 * 1024 * 1024
FIRST_ROWS = "first_rows"
TABLE_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An UTF-8 file and its shape; `skip` lines stand above the table, `readings` are what its first rows look like."""

    path: Path
    delimiter: str
    quote: str
    skip: int
    has_header: bool
    readings: dict[str, Reading]
    nulls: Sequence[str] = ()
    renamed: Sequence[Renamed] = field(default=())

    def reader(self, read_as: Mapping[str, str], *, rejects: bool = True) -> str:
        """SQL that reads the file, columns not in `read_as` as text; lines that do not fit go to reject_errors."""
        columns = ", ".join(f"{literal(name)}: {literal(read_as.get(name, 'VARCHAR'))}" for name in self.readings)
        dates, moments = (literal(form) for form in ISO_FORMATS)
        quote, nulls = literal(self.quote), ", ".join(literal(text) for text in ("", *self.nulls))
        options = [
            f"delim={literal(self.delimiter)}, quote={quote}, escape={quote}, comment='', skip={self.skip}",
            f"strict_mode=true, max_line_size={MAX_LINE_BYTES}, buffer_size={BUFFER_BYTES}, nullstr=[{nulls}]",
            f"auto_detect=false, header={str(self.has_header).lower()}, columns={{{columns}}}",
            f"dateformat={dates}, timestampformat={moments}",
            "store_rejects=true, rejects_limit=0, rejects_line_size_limit=500" if rejects else "ignore_errors=true",
        ]
        return f"read_csv({literal(self.path)}, {', '.join(options)})"

    def text_reader(self) -> str:
        """SQL that reads every column as text."""
        return self.reader({}, rejects=False)


def inspect(connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, *, max_columns: int) -> CsvFile:
    """Find delimiter, header, names and readings of the file.

    Raises:
        ComputeError: `not_tabular`, `no_rows`, `too_many_columns`, `invalid_options`.
    """
    found = shape(path, options, max_columns=max_columns)
    _check_nulls(options.null_values or (), found.delimiter, found.quote)
    named = header.has_header(found.records) if options.header is None else options.header
    names, renamed = header.names(found.header, named=named)
    nulls = tuple(text for text in options.null_values or () if text)
    blank = {name: Reading() for name in names}
    file = CsvFile(path, found.delimiter, found.quote, found.skip, named, blank, nulls, renamed)
    column_types.check_types(options, names)
    for start in range(0, len(names), TABLE_COLUMNS):
        part = names[start : start + TABLE_COLUMNS]
        _take_first_rows(connection, file, part)
        file.readings.update(column_types.detect(connection, FIRST_ROWS, part, options, found.delimiter))
    connection.execute(f"DROP TABLE {FIRST_ROWS}")
    return file


def shape(path: Path, options: ReadOptions, *, max_columns: int) -> Dialect:
    """Delimiter, header and first records of the file.

    Raises:
        ComputeError: `not_tabular`, `no_rows`, `too_many_columns`.
    """
    sample, whole = read_sample(path, longest=MAX_LINE_BYTES)
    found = dialect.detect(sample, options, whole=whole)
    if len(found.header) > max_columns:
        raise dialect.too_many_columns(len(found.header), max_columns)
    return found


def _take_first_rows(connection: duckdb.DuckDBPyConnection, file: CsvFile, columns: Sequence[str]) -> None:
    """A table of the first rows of these columns; one of all columns would take too much memory where they are many."""
    rows = max(200, min(SAMPLE_ROWS, SAMPLE_CELLS // len(file.readings)))
    listed = ", ".join(identifier(column) for column in columns)
    query = f"SELECT {listed} FROM {file.text_reader()} LIMIT {rows}"  # noqa: S608 - quoted identifiers and literals
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {FIRST_ROWS} AS {query}")


def _check_nulls(texts: Sequence[str], delimiter: str, quote: str) -> None:
    for text in texts:
        if any(mark in text for mark in (delimiter, quote, "\n", "\r")):
            raise column_types.invalid(f"{text!r} cannot mean a missing value: it holds a delimiter or a quote.")
