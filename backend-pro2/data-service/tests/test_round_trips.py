"""Whatever comes in in one format leaves in any other with the same values.

What formats themselves cannot say: CSV and XLSX do not tell an empty text from a missing value, both come in as
missing. XLSX holds doubles, days from March 1900 on and milliseconds: what is more is text there, and a column of it
comes back as text unless all of it are ISO dates. CSV has no types: a text column is one as long as some value of it
is nothing else.
"""

# ruff: noqa: DTZ001 - a dataset's moments have no zone

import csv
import datetime as dt
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
import python_calamine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ..app.engines.export import export
from .conftest import quiet
from .reading import read_file
from .sample_files import workbook

NAMES = ["i", "n", "b", "d", "t", "=s"]
TYPES = [pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.string()]
SAFE = 2**53
FIRST_DAY = dt.date(1900, 3, 1)
HOSTILE = [
    "=1+1",
    "+1",
    "-x",
    "@x",
    'say "x"',
    "a,b;c|d",
    "two\nlines",
    "NULL",
    "'",
    "_x0041_",
    "007",
    "<b>&amp;",
    "😀\u202e",
]

Row = list[Any]

texts = st.one_of(
    st.sampled_from([*HOSTILE, "", "\t", "\r", "a\x00b", " sp "]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**63 - 1, -(2**63), SAFE + 1, 0]),
        st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e308, 5e-324, 0.1 + 0.2]),
        st.none() | st.booleans(),
        st.none() | st.dates() | st.sampled_from([dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        st.none() | st.datetimes(dt.datetime(1, 1, 1)) | st.sampled_from([dt.datetime(2024, 1, 31, 10, 0, 0, 123000)]),
        st.none() | texts,
    ).map(list),
    min_size=5,
    max_size=20,
)


def _anchored(table: list[Row]) -> list[Row]:
    """With a row that fixes each column's type, for formats in which nothing else does."""
    return [[1, 0.5, True, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 10, 0, 0, 5000), "text, plain"], *table]


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value


def _as_parquet(table: list[Row]) -> bytes:
    file = io.BytesIO()
    columns = [pa.array(values, kind) for values, kind in zip(zip(*table, strict=True), TYPES, strict=True)]
    parquet.write_table(pa.table(columns, names=NAMES), file)
    return file.getvalue()


def _as_jsonl(table: list[Row]) -> bytes:
    return "".join(json.dumps(dict(zip(NAMES, map(_iso, row), strict=True))) + "\n" for row in table).encode()


def _as_json(table: list[Row]) -> bytes:
    return json.dumps([dict(zip(NAMES, map(_iso, row), strict=True)) for row in table], indent=1).encode()


def _as_csv(table: list[Row]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(NAMES)
    for row in table:
        writer.writerow(["" if value is None else _iso(value) for value in row])
    return file.getvalue().encode()


def _as_xlsx(table: list[Row]) -> bytes:
    def fill(book: Any) -> None:
        day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000"))
        sheet = book.add_worksheet()
        for column, name in enumerate(NAMES):
            sheet.write_string(0, column, name)
        for number, row in enumerate(table, start=1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif isinstance(value, dt.date):
                    sheet.write_datetime(number, column, value, moment if isinstance(value, dt.datetime) else day)
                elif value is not None:
                    sheet.write(number, column, value)

    return workbook(fill)


def _for_csv(row: Row) -> Row:
    text = row[5]
    # Which line ends stand inside of quotation marks, a CSV does not say; and control characters are no text.
    return [*row[:5], text if text and text.strip() and text.replace("\n", "").isprintable() else None]


def _for_xlsx(row: Row) -> Row:
    whole, number, flag, day, moment, text = row
    return [
        whole if whole is not None and abs(whole) <= SAFE else None,
        None if number is None or abs(number) > 1e300 or 0 < abs(number) < 1e-300 else float(f"{number:.15g}"),
        flag,
        day if day and day >= FIRST_DAY else None,
        moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        if moment and moment.date() >= FIRST_DAY
        else None,
        text or None,
    ]


def _same(row: Row) -> Row:
    return row


IN: dict[str, tuple[Callable[[list[Row]], bytes], Callable[[Row], Row]]] = {
    "parquet": (_as_parquet, _same),
    "jsonl": (_as_jsonl, _same),
    "json": (_as_json, _same),
    "csv": (_as_csv, _for_csv),
    "xlsx": (_as_xlsx, _for_xlsx),
}


def _from_csv(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *found = csv.reader(file)
    assert header == [*NAMES[:5], "'=s"]
    return [
        [
            int(i) if i else None,
            float(n) if n else None,
            {"true": True, "false": False}.get(b),
            dt.date.fromisoformat(d) if d else None,
            dt.datetime.fromisoformat(t) if t else None,
            s.removeprefix("'") if s[1:2] and s[1] in "=+-@\t\r" else s or None,
        ]
        for i, n, b, d, t, s in found
    ]


def _from_jsonl(path: Path) -> list[Row]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    assert all(list(record) == NAMES for record in records)
    return [
        [i, n, b, d and dt.date.fromisoformat(d), t and dt.datetime.fromisoformat(t), s]
        for i, n, b, d, t, s in (record.values() for record in records)
    ]


def _from_xlsx(path: Path) -> list[Row]:
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        header, *found = book.get_sheet_by_index(0).to_python()
    assert header == NAMES
    blank = [[None if value == "" else value for value in row] for row in found]
    return [
        [
            None if i is None else int(str(i).removesuffix(".0")),
            None if n is None else float(str(n)),
            b,
            dt.date.fromisoformat(d) if isinstance(d, str) else d,
            _moment(t),
            s,
        ]
        for i, n, b, d, t, s in blank
    ]


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    # A cell at midnight looks like a day.
    return value if value is None or isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)


def _no_empty(row: Row) -> Row:
    return [*row[:5], row[5] or None]


OUT: dict[str, tuple[Callable[[Path], list[Row]], Callable[[Row], Row]]] = {
    "csv": (_from_csv, _no_empty),
    "jsonl": (_from_jsonl, _same),
    "xlsx": (_from_xlsx, _no_empty),
}


def _export(source: Path, kind: str) -> Path:
    target = source.with_name(f"out.{kind}")
    job = {"path": str(source), "target": str(target), "format": kind, "raw": False, "scratch": str(source.parent)}
    assert export({**job, "memory_mb": 256, "threads": 1}, quiet)["rows"] > 0
    return target


@pytest.mark.parametrize("into", IN)
@given(rows)
@settings(max_examples=3, deadline=None, phases=(Phase.generate,))
def test_every_format_in_and_every_format_out(into: str, table: list[Row]) -> None:
    write, told = IN[into]
    # A row with nothing in it is a blank line to a spreadsheet.
    expected = [row for row in map(told, _anchored(table)) if any(value is not None for value in _no_empty(row))]
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.parquet"
        read = read_file(write(expected), f"x.{into}", keep=kept)
        assert [list(row) for row in read.rows] == expected
        for out, (read_out, shown) in OUT.items():
            assert read_out(_export(kept, out)) == [shown(list(row)) for row in read.rows], out


@given(rows)
@settings(max_examples=3, deadline=None, phases=(Phase.generate,))
def test_what_left_comes_in_again(table: list[Row]) -> None:
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.parquet"
        first = read_file(_as_parquet(_anchored(table)), keep=kept)
        again = read_file(_export(kept, "jsonl"), "out.jsonl")
        assert (again.rows, again.types) == (first.rows, first.types)


def test_infinities_and_what_a_cell_cannot_hold() -> None:
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.parquet"
        read_file(_as_parquet(_anchored([[SAFE + 1, math.inf, None, dt.date(1900, 1, 1), None, ""]])), keep=kept)
        assert json.loads(_export(kept, "jsonl").read_text().split("\n")[1])["n"] is None
        with python_calamine.CalamineWorkbook.from_path(_export(kept, "xlsx")) as book:
            cells = book.get_sheet_by_index(0).to_python()[2]
    assert cells == [str(SAFE + 1), "inf", "", "1900-01-01", "", ""]
