"""A CSV file on disk: how to read it with DuckDB, typed or as bare text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb

from ..duck import literal
from ..names import Renamed, unique_names
from . import dialect
from .encoding import read_sample

SAMPLE_ROWS = 20_480
MAX_LINE_BYTES = 4 * 1024 * 1024
BUFFER_BYTES = 32 * 1024 * 1024
_YEAR = re.compile(r"\s*(1[89]|20)\d\d\s*")
_TYPES = ["BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An UTF-8 file and its shape; `skip` lines stand above the table, `types` are what its first rows look like."""

    path: Path
    delimiter: str
    skip: int
    has_header: bool
    types: Mapping[str, str]
    date_format: str | None = None
    timestamp_format: str | None = None
    renamed: Sequence[Renamed] = field(default=())

    def reader(self, types: Mapping[str, str], *, rejects: bool = True) -> str:
        """SQL that reads the file with `types`; lines that do not fit go to the table reject_errors."""
        columns = ", ".join(f"{literal(name)}: {literal(types[name])}" for name in self.types)
        options = [
            _dialect(self.delimiter, self.skip),
            f"auto_detect=false, header={str(self.has_header).lower()}, columns={{{columns}}}",
            "store_rejects=true, rejects_limit=0, rejects_line_size_limit=500" if rejects else "ignore_errors=true",
        ]
        options += [f"dateformat={literal(self.date_format)}"] if self.date_format else []
        options += [f"timestampformat={literal(self.timestamp_format)}"] if self.timestamp_format else []
        return f"read_csv({literal(self.path)}, {', '.join(options)})"

    def text_reader(self) -> str:
        """SQL that reads every column as text."""
        return self.reader(dict.fromkeys(self.types, "VARCHAR"), rejects=False)


def inspect(connection: duckdb.DuckDBPyConnection, path: Path, *, max_columns: int) -> CsvFile:
    """Find delimiter, header, names and types of the file.

    Raises:
        ComputeError: `not_tabular`, `too_many_columns`.
    """
    sample, whole = read_sample(path)
    shape = dialect.detect(sample, whole=whole)
    if len(shape.header) > max_columns:
        raise dialect.too_many_columns(len(shape.header), max_columns)
    options = _dialect(shape.delimiter, shape.skip)
    has_header, columns, date_format, timestamp_format = _sniff(connection, path, options)
    if not has_header and _is_years(shape.header):
        has_header, columns, date_format, timestamp_format = _sniff(connection, path, f"{options}, header=true")
    names, renamed = _names(shape.header, columns, has_header=has_header)
    types = dict(zip(names, (column["type"] for column in columns), strict=True))
    return CsvFile(path, shape.delimiter, shape.skip, has_header, types, date_format, timestamp_format, renamed)


def _dialect(delimiter: str, skip: int) -> str:
    return (
        f"delim={literal(delimiter)}, quote='\"', escape='\"', comment='', skip={skip}, "
        f"strict_mode=true, max_line_size={MAX_LINE_BYTES}, buffer_size={BUFFER_BYTES}"
    )


def _is_years(header: Sequence[str]) -> bool:
    """Whether these are a name or two and then years in even steps: numbers, but no data."""
    years = [int(name) for name in header if _YEAR.fullmatch(name)]
    steps = {later - earlier for earlier, later in pairwise(years)}
    return 0 < len(header) - len(years) < len(years) and len(years) > 2 and len(steps) == 1 and 0 not in steps


def _sniff(
    connection: duckdb.DuckDBPyConnection, path: Path, options: str
) -> tuple[bool, list[dict[str, str]], str | None, str | None]:
    options = f"{options}, ignore_errors=true, sample_size={SAMPLE_ROWS}"
    types = ", ".join(literal(name) for name in _TYPES)
    row = connection.execute(
        "SELECT HasHeader, Columns, DateFormat, TimestampFormat "  # noqa: S608 - quoted literals
        f"FROM sniff_csv({literal(path)}, {options}, auto_type_candidates=[{types}])"
    ).fetchone()
    if row is None:
        raise dialect.not_tabular("It has no readable lines.")
    return row[0], row[1], row[2], row[3]


def _names(
    header: Sequence[str], columns: Sequence[Mapping[str, str]], *, has_header: bool
) -> tuple[list[str], list[Renamed]]:
    if not has_header:
        return [f"column_{number}" for number in range(1, len(columns) + 1)], []
    if len(header) != len(columns):
        header = [column["name"] for column in columns]
    return unique_names(header)
