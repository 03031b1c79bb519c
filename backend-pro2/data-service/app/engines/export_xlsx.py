"""A version as an XLSX workbook, written row by row: texts are texts, never formulas or links.

What a cell cannot hold is written as text rather than rounded: integers beyond 2**53 and decimals of more than 15
digits, infinities, dates before March 1900, and moments finer than a millisecond. An empty text is an empty cell.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from shared.compute.protocol import ComputeError
from shared.tabular.quoting import identifier
from shared.tabular.types import STRING, contract_type

MAX_COLUMNS = 16_384
# One more is the header's.
MAX_ROWS = 1_048_575
MAX_TEXT = 32_767
AT_ONCE = 2000
COLUMNS_AT_ONCE = 200
MAX_SAFE_INTEGER = 2**53
MAX_SAFE_DIGITS = 15
# Excel counts a 29 February 1900 that never was.
_FIRST_DAY = dt.date(1900, 3, 1)
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}

Write = Callable[[Worksheet, int, int, Any], None]


class _ExactSheet(Worksheet):  # type: ignore[misc]
    """The library writes 16 digits of a number, which loses the last bits of a double; this writes all of them."""

    def _xml_number_element(self, number: float, attributes: Sequence[tuple[str, object]] = ()) -> None:
        written = "".join(f' {key}="{self._escape_attributes(value)}"' for key, value in attributes)
        self.fh.write(f"<c{written}><v>{number!r}</v></c>")


def write_workbook(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    """Write the rows of `query` to `target`; how many they were.

    Rows beyond MAX_ROWS continue on further sheets, each with the header.

    Raises:
        ComputeError: `too_wide_for_xlsx`, for more columns or longer texts than a sheet can hold.
    """
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    names = [str(row[0]) for row in described]
    texts = [name for name, kind, *_ in described if contract_type(kind) == STRING]
    _require_fitting(connection, query, names, texts)
    found = connection.execute(query)
    book = xlsxwriter.Workbook(str(target), {**_OPTIONS, "tmpdir": str(target.parent)})
    book.use_zip64()
    writers = _Writers(book)
    rows = 0
    try:
        sheet = _sheet(book, names, 1)
        for row in _rows(found):
            place = rows % MAX_ROWS
            if rows and place == 0:
                sheet = _sheet(book, names, rows // MAX_ROWS + 1)
            for column, value in enumerate(row):
                if value is not None:
                    writers.of[type(value)](sheet, place + 1, column, value)
            rows += 1
    finally:
        book.close()
    return rows


def _sheet(book: Any, names: Sequence[str], number: int) -> Any:
    sheet = book.add_worksheet("data" if number == 1 else f"data {number}", _ExactSheet)
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name)
    return sheet


def _rows(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := found.fetchmany(AT_ONCE):
        yield from batch


def _require_fitting(
    connection: duckdb.DuckDBPyConnection, query: str, names: Sequence[str], texts: Sequence[str]
) -> None:
    if len(names) > MAX_COLUMNS:
        raise _too_wide(f"{len(names)} columns; a sheet has at most {MAX_COLUMNS}")
    for start in range(0, len(texts), COLUMNS_AT_ONCE):
        batch = texts[start : start + COLUMNS_AT_ONCE]
        lengths = ", ".join(f"max({_length(identifier(name))})" for name in batch)
        row = connection.execute(f"SELECT {lengths} FROM ({query})").fetchone() or ()  # noqa: S608 - quoted names
        for name, length in zip(batch, row, strict=True):
            if (length or 0) > MAX_TEXT:
                raise _too_wide(f"a text of {length} characters in column {name!r}; a cell holds at most {MAX_TEXT}")


def _length(value: str) -> str:
    """SQL of a text's length as Excel counts it: characters beyond the first plane twice."""
    text = f"CAST({value} AS VARCHAR)"
    beyond = f"length(regexp_replace({text}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"
    return f"length({text}) + CASE WHEN length({text}) > {MAX_TEXT // 2} THEN {beyond} ELSE 0 END"


def _too_wide(what: str) -> ComputeError:
    return ComputeError("too_wide_for_xlsx", f"The dataset has {what}. Take it as CSV, JSON Lines or Parquet.")


class _Writers:
    """How values of each of Python's types are written."""

    def __init__(self, book: Any) -> None:
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self.of: dict[type, Write] = {
            bool: lambda sheet, row, column, value: _checked(sheet.write_boolean(row, column, value)),
            int: self._integer,
            float: self._float,
            Decimal: self._decimal,
            dt.date: self._date,
            dt.datetime: self._datetime,
            str: _text,
        }

    def _integer(self, sheet: Any, row: int, column: int, value: int) -> None:
        if abs(value) <= MAX_SAFE_INTEGER:
            _checked(sheet.write_number(row, column, value))
        else:
            _text(sheet, row, column, str(value))

    def _float(self, sheet: Any, row: int, column: int, value: float) -> None:
        if math.isfinite(value):
            _checked(sheet.write_number(row, column, value))
        else:
            _text(sheet, row, column, str(value))

    def _decimal(self, sheet: Any, row: int, column: int, value: Decimal) -> None:
        if len(value.normalize().as_tuple().digits) <= MAX_SAFE_DIGITS:
            _checked(sheet.write_number(row, column, float(value)))
        else:
            _text(sheet, row, column, f"{value:f}")

    def _date(self, sheet: Any, row: int, column: int, value: dt.date) -> None:
        if value >= _FIRST_DAY:
            _checked(sheet.write_datetime(row, column, value, self._day))
        else:
            _text(sheet, row, column, value.isoformat())

    def _datetime(self, sheet: Any, row: int, column: int, value: dt.datetime) -> None:
        if value.date() >= _FIRST_DAY and value.microsecond % 1000 == 0:
            _checked(sheet.write_datetime(row, column, value, self._moment))
        else:
            _text(sheet, row, column, value.isoformat(" "))


def _text(sheet: Any, row: int, column: int, value: str) -> None:
    if value:
        _checked(sheet.write_string(row, column, value))


def _checked(code: int) -> None:
    if code != 0:
        # The library tells by a number that it has left a cell out.
        raise _too_wide("a value that no cell can hold")
