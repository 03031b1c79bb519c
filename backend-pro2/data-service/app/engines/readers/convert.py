"""A CSV file becomes typed Parquet; every line is kept or reported, no value is changed in silence.

A value that its column's type cannot hold never costs its row: unless the uploader insists on the type, the whole
column is looked at again for a notation that all its values are in, and if there is none, it is kept as text.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from shared.tabular.duck import error_message
from shared.tabular.quoting import identifier, literal

from ..parquet import write_rows
from . import column_types, moments, notations, rejects
from .column_types import AMBIGUOUS, NUMERIC
from .csv_file import CsvFile
from .notations import Notation
from .source import Conversion, ReadOptions

# One more than it takes: the second look at the file settles every column.
ATTEMPTS = 3
CHECKED_AT_ONCE = 200
NARROW, NARROW_MB = 50, 256
_MARK = re.compile(r"~(\d+)~(.*)", re.DOTALL)


def write_parquet(connection: duckdb.DuckDBPyConnection, file: CsvFile, options: ReadOptions, target: Path) -> int:
    """Write the file as Parquet, widening readings of `file` as needed; the number of rows.

    Raises:
        duckdb.Error: the file cannot be read at all.
    """
    words = options.null_values is None
    if len(file.readings) > CHECKED_AT_ONCE:
        _check_wide(connection, file, options)
    for _ in range(ATTEMPTS):
        try:
            rows = _copy(connection, file, target, words=words)
        except duckdb.InvalidInputException as error:
            if not (found := _MARK.search(error_message(error))):
                raise
            _look_again(connection, file, options, {list(file.readings)[int(found[1])]: f"it holds {found[2]!r}"})
            continue
        misfits = _misfits(connection, file.path)
        if not misfits:
            _settle_orders(connection, file, target)
            return rows
        _look_again(connection, file, options, {name: f"line {line} is {text!r}" for name, line, text in misfits})
    raise duckdb.InvalidInputException("The columns' types cannot be settled.")


def conversions(file: CsvFile) -> list[Conversion]:
    """What was done to columns, in their order."""
    return [Conversion(column=name, note=reading.note) for name, reading in file.readings.items() if reading.note]


def _copy(connection: duckdb.DuckDBPyConnection, file: CsvFile, target: Path, *, words: bool) -> int:
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    used = {name: reading.notation for name, reading in file.readings.items() if reading.notation}
    reader = file.reader({name: notation.reads_as for name, notation in used.items() if notation.reads_as})
    select = f"SELECT {', '.join(_expressions(file, words=words))} FROM {reader}"  # noqa: S608 - quoted identifiers
    with _little_memory(connection, len(file.readings)):
        return write_rows(connection, select, target, len(file.readings))


@contextmanager
def _little_memory(connection: duckdb.DuckDBPyConnection, columns: int) -> Iterator[None]:
    """Reading a narrow file is as fast in less memory; what it may use it would fill with what waits to be written."""
    usual = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    if columns > NARROW or usual is None:
        yield
        return
    connection.execute(f"SET memory_limit = '{NARROW_MB}MiB'")
    try:
        yield
    finally:
        connection.execute(f"SET memory_limit = {literal(usual[0])}")


def _expressions(file: CsvFile, *, words: bool) -> Iterator[str]:
    for index, (name, reading) in enumerate(file.readings.items()):
        column, notation = identifier(name), reading.notation
        if notation is None:
            yield column
            continue
        bad = f"error('~{index}~' || left(CAST({column} AS VARCHAR), 80))"
        bad = f"CAST(NULL AS {notation.duck_type})" if reading.tolerant else bad
        yield f"{notations.expression(name, notation, bad, words=words)} AS {column}"


def _misfits(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, int, str]]:
    """(column, line, start of that line) of the first line of each column whose value does not fit its type."""
    found = connection.execute(
        "SELECT column_name, min(line_byte_position) AS place, left(arg_min(csv_line, line_byte_position), 80) "
        "FROM reject_errors WHERE error_type = 'CAST' AND line_byte_position NOT IN "
        "(SELECT line_byte_position FROM reject_errors WHERE error_type <> 'CAST') GROUP BY column_name ORDER BY place"
    ).fetchall()
    lines = rejects.lines_at(path, [place for _, place, _ in found])
    return [(column, line, text) for line, (column, _, text) in zip(lines, found, strict=True)]


def _look_again(
    connection: duckdb.DuckDBPyConnection, file: CsvFile, options: ReadOptions, reasons: dict[str, str]
) -> None:
    """Settle the reading of every column by all rows; `reasons` tells what is known to be wrong."""
    for name, reading in file.readings.items():
        if checked := moments.CHECKED.get(reading.notation):
            reading.notation = checked
            # What the reader has made of a text is not what the file holds.
            reasons.pop(name, None)
    _settle(connection, file, options, reasons, list(file.readings))


def _settle(
    connection: duckdb.DuckDBPyConnection,
    file: CsvFile,
    options: ReadOptions,
    reasons: dict[str, str],
    columns: Sequence[str],
) -> None:
    words, table = options.null_values is None, file.text_reader()
    used = [(name, notation) for name in columns if (notation := file.readings[name].notation)]
    counts = column_types.count_fits(connection, table, used, words=words)
    unfit = {name: held for (name, held), (fit, present) in zip(used, counts, strict=True) if fit < present}
    for name in unfit:
        file.readings[name].tolerant = file.readings[name].told
    among = column_types.candidates(options, file.delimiter)
    wider = {name: _family(held, among) for name, held in unfit.items() if not file.readings[name].told}
    for name, found in column_types.first_fits(connection, table, wider, words=words).items():
        if found.notation:
            found.note = found.note or f"read as {found.notation.name}"
        else:
            found.note = f"kept as text: {reasons.get(name, 'not all of its values are in one notation')}"
        file.readings[name] = found


def _family(notation: Notation, among: Sequence[Notation]) -> list[Notation]:
    """Those of `among` whose values are alike, and that are read from text."""
    kinds = NUMERIC if notation.duck_type in NUMERIC else (notation.duck_type,)
    return [entry for entry in among if entry.duck_type in kinds and not entry.reads_as]


def _check_wide(connection: duckdb.DuckDBPyConnection, file: CsvFile, options: ReadOptions) -> None:
    """Check integers beforehand: in so wide a table, checking on the way would take too much memory."""
    plain = [name for name, reading in file.readings.items() if reading.notation == notations.PLAIN_INTEGER]
    for name in plain:
        file.readings[name].notation = notations.READ_INTEGER
    _settle(connection, file, options, {}, plain)


def _settle_orders(connection: duckdb.DuckDBPyConnection, file: CsvFile, target: Path) -> None:
    """Take back that both orders of day and month fit, where a later row has shown that only one does."""
    for name, reading in file.readings.items():
        if not reading.note.endswith(AMBIGUOUS) or reading.notation is None:
            continue
        row = connection.execute(
            f"SELECT max(day({identifier(name)})) FROM read_parquet({literal(target)})"  # noqa: S608
        ).fetchone()
        if row and row[0] is not None and row[0] > 12:
            reading.note = reading.notation.note
