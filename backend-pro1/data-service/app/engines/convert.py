"""A CSV file becomes typed Parquet; every line is kept or reported, no value is changed in silence.

A value that its column's type cannot hold never costs its row: the column is read again as numbers in another notation,
and if that fails too, as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import duckdb

from . import notations
from .csv_file import CsvFile
from .duck import error_message, identifier, literal
from .notations import Notation

PATIENT_ATTEMPTS = 5
# One in which a notation fails, one that finds all misfits, one that is clean.
FINAL_ATTEMPTS = 3
GROUP_CELLS = 2_000_000
MAX_GROUP_ROWS = 122_880
_MARK = re.compile(r"~(\d+)~(.*)", re.DOTALL)
_WIDER: dict[Notation | str, Notation] = {
    "BIGINT": notations.INTEGER,
    "DOUBLE": notations.POINT,
    notations.INTEGER: notations.POINT,
    notations.GROUPED_INTEGER: notations.GROUPED,
}


class Conversion(TypedDict):
    """What was done to a column beyond a plain cast, and why."""

    column: str
    note: str


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

    def widen(self, column: str, reason: str, *, at_once: bool) -> None:
        """The next wider reading of a column that does not fit, or text `at_once`."""
        current = self.notations.get(column) or self.types[column]
        wider = None if at_once else _WIDER.get(current)
        if wider is None:
            self.as_text(column, reason)
        else:
            self.as_notation(column, wider)

    def conversions(self) -> list[Conversion]:
        """The notes, in the order of the columns."""
        return [Conversion(column=column, note=self.notes[column]) for column in self.types if column in self.notes]


def plan(connection: duckdb.DuckDBPyConnection, file: CsvFile) -> Plan:
    """Types from the sniffer, corrected by a look at the first rows as text."""
    result = Plan(dict(file.types))
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
    for attempt in range(PATIENT_ATTEMPTS + FINAL_ATTEMPTS):
        at_once = attempt >= PATIENT_ATTEMPTS
        try:
            rows = _copy(connection, file, plan, target)
        except duckdb.InvalidInputException as error:
            if not (found := _MARK.search(error_message(error))):
                raise
            _widen_marked(plan, found, at_once=at_once)
            continue
        misfits = _misfits(connection)
        if not misfits:
            break
        for column, line, text in misfits:
            plan.widen(column, f"line {line} is {text!r}", at_once=at_once)
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


def _widen_marked(plan: Plan, found: re.Match[str], *, at_once: bool) -> None:
    column = list(plan.types)[int(found[1])]
    for name in list(plan.notations) if at_once else [column]:
        plan.widen(name, f"it holds {found[2]!r}" if name == column else "too many readings failed", at_once=at_once)
