"""XLSX: types by cell, the right table of the right sheet, and workbooks that mean harm."""

# ruff: noqa: DTZ001 - a dataset's moments have no zone

import datetime as dt
from typing import Any

import pytest

from .reading import read_file, refusal
from .sample_files import edited, sheet, workbook

BASE = sheet(["a", "b"], [1, "x"], [2.5, "y"])
SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"


def _cell(reference: str, value: str = "<v>1</v>") -> bytes:
    """A workbook with one cell more, wherever its reference says."""
    row = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    added = f'<row r="{row}"><c r="{reference}">{value}</c></row></sheetData>'.encode()
    return edited(BASE, SHEET, lambda text: text.replace(b"</sheetData>", added))


def test_types_by_cell() -> None:
    def fill(book: Any) -> None:
        day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
        written = book.add_worksheet()
        written.write_row(0, 0, ["i", "n", "b", "d", "t", "s", "iso", "m"])
        for row, (i, n, b, d, t, s, iso, m) in enumerate(
            [
                (1, 1.5, True, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 10), "007", "2024-01-31", 1),
                (-5, 1e300, False, dt.date(1999, 12, 31), dt.datetime(2024, 2, 1), " é ", "2024-02-01", "x"),
            ],
            start=1,
        ):
            written.write_row(row, 0, [i, n, b])
            written.write_datetime(row, 3, d, day)
            written.write_datetime(row, 4, t, moment)
            written.write_row(row, 5, [s, iso, m])

    table = read_file(workbook(fill))
    assert list(table.types.values()) == [
        "integer",
        "number",
        "boolean",
        "date",
        "datetime",
        "string",
        "date",
        "string",
    ]
    first = (1, 1.5, True, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 10), "007", dt.date(2024, 1, 31), "1")
    assert table.rows[0] == first
    assert table.rows[1][5:] == (" é ", dt.date(2024, 2, 1), "x")
    assert table.report["conversions"][0] == {"column": "m", "note": "kept as text: it holds numbers, texts"}


def test_errors_and_merged_cells_are_reported() -> None:
    def fill(book: Any) -> None:
        written = book.add_worksheet()
        written.write_row(0, 1, ["a", "b"])
        written.write_row(1, 1, [1, 2])
        written.write_formula(2, 2, "=1/0", None, "#DIV/0!")
        written.write_number(2, 1, 3)
        written.merge_range(4, 1, 5, 1, 7)

    table = read_file(workbook(fill))
    assert table.rows == [(1, 2), (3, None), (7, None)]
    assert table.report["rejected_cell_samples"] == [{"line": 3, "column": "b", "text": "#DIV/0!"}]
    assert (table.report["rejected_cells"], table.report["merged_ranges"]) == (1, 1)


def test_sheets() -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("Empty")
        book.add_worksheet("First").write_column(0, 0, ["a", 1])
        book.add_worksheet("Ünd 'so").write_column(0, 0, ["b", 2])

    content = workbook(fill)
    table = read_file(content)
    assert (table.report["sheet"], table.report["sheets"]) == ("First", ["Empty", "First", "Ünd 'so"])
    assert read_file(content, sheet="Ünd 'so").types == {"b": "integer"}
    assert refusal(content, sheet="Third") == "sheet_not_found"
    assert refusal(content, sheet="Empty") == "no_rows"


def test_titles_blank_rows_and_years() -> None:
    table = read_file(sheet(["Report"], [], ["land", 2018, 2019], ["DE", 1, 2], [], ["FR", 3, 4.5]))
    assert table.types == {"land": "string", "2018": "integer", "2019": "number"}
    assert (table.rows, table.report["skipped_lines"]) == ([("DE", 1, 2.0), ("FR", 3, 4.5)], 2)


def test_header_and_lines_above_as_the_uploader_says() -> None:
    content = sheet(["x", "y"], ["a", "b"], ["c", "d"])
    assert read_file(content).types == {"x": "string", "y": "string"}
    assert len(read_file(content, header=False).rows) == 3
    assert read_file(content, skip=1).rows == [("c", "d")]
    assert read_file(sheet([1, 2], [3, 4])).types == {"column_1": "integer", "column_2": "integer"}


def test_types_and_markers_that_the_uploader_insists_on() -> None:
    table = read_file(sheet(["a", "b"], [1, "5"], ["NA", "x"]), null_values=["NA"], types={"b": "integer"})
    assert (table.rows, table.types) == ([(1, 5), (None, None)], {"a": "integer", "b": "integer"})
    assert table.report["rejected_cell_samples"] == [{"line": 3, "column": "b", "text": "x"}]


def test_formulas_and_links_are_only_what_they_show() -> None:
    def fill(book: Any) -> None:
        written = book.add_worksheet()
        written.write_column(0, 0, ["a", "b"])
        written.write_url(1, 0, "http://127.0.0.1:9/x", string="shown")
        written.write_formula(2, 0, '=WEBSERVICE("http://127.0.0.1:9/")', None, "cached")

    assert read_file(workbook(fill)).column("a") == ["shown", "cached"]


def test_far_cells_are_not_allocated() -> None:
    assert refusal(_cell("XFD1048576")) == "too_many_cells"
    assert refusal(_cell("XFD3")) == "too_many_columns"
    assert refusal(_cell("CV1048576")) == "too_many_cells"
    assert refusal(_cell("A1048577")) == "too_many_cells"
    assert refusal(_cell("XFE1")) == "too_many_cells"
    assert refusal(_cell("ZZZZ1")) == "damaged_file"
    assert len(read_file(_cell("XFD1048576", "")).rows) == 2


def test_one_far_cell_alone() -> None:
    table = read_file(workbook(lambda book: book.add_worksheet().write("XFD1048576", 1)))
    assert table.rows == [(1,)]


def _declared(text: bytes, entity: bytes) -> bytes:
    return b'<?xml version="1.0"?><!DOCTYPE x [' + entity + b"]>" + text.split(b"?>", 1)[1]


@pytest.mark.parametrize("member", [SHEET, STRINGS, BOOK, "xl/styles.xml", "[Content_Types].xml"])
@pytest.mark.parametrize("entity", [b'<!ENTITY a "lol">', b'<!ENTITY a SYSTEM "file:///etc/passwd">', b""])
def test_document_types_are_refused(member: str, entity: bytes) -> None:
    assert refusal(edited(BASE, member, lambda text: _declared(text, entity))) == "unsafe_workbook"


def test_more_sheets_than_anybody_has() -> None:
    many = b"".join(b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>' % (n, n) for n in range(9, 100_000))
    content = edited(BASE, BOOK, lambda text: text.replace(b"<sheets>", b"<sheets>" + many))
    assert refusal(content) == "unsafe_workbook"


def test_bombs() -> None:
    blank = b" " * 50_000_000
    content = edited(BASE, SHEET, lambda text: text.replace(b"</sheetData>", b"</sheetData>" + blank))
    assert refusal(content) == "decompression_bomb"


@pytest.mark.parametrize("member", [SHEET, BOOK, "xl/_rels/workbook.xml.rels"])
def test_damage(member: str) -> None:
    assert refusal(edited(BASE, member, lambda text: text[: len(text) // 2])) == "damaged_file"
    assert refusal(BASE[:-200]) == "damaged_archive"


@pytest.mark.parametrize("member", [SHEET, STRINGS, BOOK])
def test_an_encoding_that_nobody_knows(member: str) -> None:
    content = edited(BASE, member, lambda text: text.replace(b"UTF-8", b"URF-8", 1))
    assert refusal(content) == "damaged_file"
