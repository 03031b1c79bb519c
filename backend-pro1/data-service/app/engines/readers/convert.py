"""A CSV file becomes typed Parquet; every line is kept or reported, no value is changed in silence.

A value that its column's type cannot hold never costs its row: the column is read again as numbers in another notation,
and if that fails too, as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ..duck import error_message, identifier, literal
from . import notations
from .csv_file import CsvFile
from .notations import Notation
from .source import Conversion

# Every attempt widens all columns that do not fit; none can be widened more often than this.
ATTEMPTS = 8
ISO_DATE = "%Y-%m-%d"
GROUP_CELLS = 2_000_000
CHECKED_AT_ONCE = 200
MAX_GROUP_ROWS = 122_880
_MARK = re.compile(r"~(\d+)~(.*)", re.DOTALL)
_WIDER: dict[Notation | str, Notation] = {
    "DOUBLE": notations.POINT,
    notations.PLAIN_INTEGER: notations.INTEGER,
    notations.INTEGER: notations.POINT,
    notations.GROUPED_INTEGER: notations.GROUPED,
}


@dataclass(slots=True)
class Plan:
    """How each column is read: with a DuckDB type, or as text and then as numbers in a notation."""

    types: dict[str, str]
    notations: dict[str, Notation] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def as_text(self, column: str, reason: str) -> None:
        """Keep the column's text as it stands."""
        self.types[column] = "VARCHAR"
        self.notations.pop(column, None)
        self.notes[column] = f"kept as text: {reason}"

    def as_notation(self, column: str, notation: Notation) -> None:
        """Read the column as text and turn it into numbers."""
        self.types[column] = "VARCHAR"
        self.notations[column] = notation
        self.notes[column] = f"read as {notation.name}; words for a missing value became null"

    def widen(self, column: str, reason: str) -> None:
        """The next wider reading of a column that does not fit."""
        wider = _WIDER.get(self.notations.get(column) or self.types[column])
        if wider is None:
            self.as_text(column, reason)
        else:
            self.as_notation(column, wider)

    def give_up(self) -> None:
        """Keep every column as text that is read in a notation."""
        for column in list(self.notations):
            self.as_text(column, "it holds a number too large for 64 bits, or stands beside one")

    def conversions(self) -> list[Conversion]:
        """The notes, in the order of the columns."""
        return [Conversion(column=column, note=self.notes[column]) for column in self.types if column in self.notes]


def plan(connection: duckdb.DuckDBPyConnection, file: CsvFile) -> Plan:
    """Types from the sniffer, corrected by a look at the first rows as text.

    Integers are read as text too, because DuckDB's reader would round a later 1.5 in silence. In a table so wide that
    checking on the way would take too much memory, they are checked beforehand.
    """
    result = Plan(dict(file.types))
    integers = [name for name, kind in file.types.items() if kind == "BIGINT"]
    if len(file.types) <= CHECKED_AT_ONCE:
        for column in integers:
            result.types[column] = "VARCHAR"
            result.notations[column] = notations.PLAIN_INTEGER
    else:
        for column in notations.misfits(connection, file.text_reader(), integers, notations.PLAIN_INTEGER):
            result.as_notation(column, notations.INTEGER)
    if file.date_format and file.date_format != ISO_DATE:
        written = file.date_format.replace("%", "")
        result.notes = {name: f"read as dates written {written}" for name, kind in file.types.items() if kind == "DATE"}
    texts = [name for name, kind in file.types.items() if kind == "VARCHAR"]
    doubles = [name for name, kind in file.types.items() if kind == "DOUBLE"]
    sample = f"(SELECT * FROM {file.text_reader()} LIMIT 20480)"  # noqa: S608 - quoted literals
    for column in notations.lossy(connection, sample, doubles):
        result.as_text(column, "as numbers its values would lose digits")
    for column, notation in notations.detect(connection, sample, texts, delimiter=file.delimiter).items():
        result.as_notation(column, notation)
    return result


def write_parquet(connection: duckdb.DuckDBPyConnection, file: CsvFile, plan: Plan, target: Path) -> int:
    """Write the file as Parquet, widening columns of `plan` as needed; the number of rows.

    Raises:
        duckdb.Error: the file cannot be read at all.
    """
    rows = 0
    for _ in range(ATTEMPTS):
        try:
            rows = _copy(connection, file, plan, target)
        except duckdb.ConversionException:
            # An integer beyond 64 bits: too rare to find out which.
            plan.give_up()
            continue
        except duckdb.InvalidInputException as error:
            if not (found := _MARK.search(error_message(error))):
                raise
            _widen_unfit(connection, file, plan, list(plan.types)[int(found[1])], found[2])
            continue
        misfits = _misfits(connection)
        if not misfits:
            break
        for column, line, text in misfits:
            plan.widen(column, f"line {line} is {text!r}")
    return rows


def _copy(connection: duckdb.DuckDBPyConnection, file: CsvFile, plan: Plan, target: Path) -> int:
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    group = max(2048, min(MAX_GROUP_ROWS, GROUP_CELLS // len(plan.types)))
    row = connection.execute(
        f"COPY (SELECT {', '.join(_expressions(plan))} FROM {file.reader(plan.types)}) TO {literal(target)} "  # noqa: S608
        f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2, ROW_GROUP_SIZE {group})"
    ).fetchone()
    return int(row[0]) if row else 0


def _expressions(plan: Plan) -> Iterator[str]:
    for index, (name, kind) in enumerate(plan.types.items()):
        column = identifier(name)
        if name in plan.notations:
            yield f"{notations.expression(name, plan.notations[name], f'~{index}~')} AS {column}"
        elif kind == "DOUBLE":
            # A NaN in a file says that the value is missing.
            yield f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END AS {column}"
        elif kind == "TIMESTAMP WITH TIME ZONE":
            yield f"{column} AT TIME ZONE 'UTC' AS {column}"
        else:
            yield column


def _misfits(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str]]:
    """(column, line, start of that line) of the first line of each column whose value does not fit its type."""
    return connection.execute(
        "SELECT column_name, min(line), left(arg_min(csv_line, line), 80) FROM reject_errors "
        "WHERE error_type = 'CAST' AND line NOT IN (SELECT line FROM reject_errors WHERE error_type <> 'CAST') "
        "GROUP BY column_name"
    ).fetchall()


def _widen_unfit(connection: duckdb.DuckDBPyConnection, file: CsvFile, plan: Plan, column: str, text: str) -> None:
    """Widen `column`, which holds `text`, and every other that does not fit: one look at the file for each notation."""
    reasons = {column: f"it holds {text!r}"}
    for notation in set(plan.notations.values()):
        columns = [name for name, used in plan.notations.items() if used == notation]
        unfit = notations.misfits(connection, file.text_reader(), columns, notation)
        reasons = dict.fromkeys(unfit, "not all of its values are numbers") | reasons
    for name, reason in reasons.items():
        plan.widen(name, reason)
