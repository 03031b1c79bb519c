"""Files that leave: the same values, and nothing that a spreadsheet would run."""

import csv
import hashlib
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import python_calamine

from shared.compute.protocol import ComputeError

from ..app.engines import export_xlsx
from ..app.engines.export import export
from ..app.services.downloads import Download, disposition
from ..app.services.new_datasets import default_name, first_free
from .conftest import quiet


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.parquet"
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE t (n INTEGER, s VARCHAR, "=h" VARCHAR)')
        texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "plain", None, 'say "hi", he', "two\nlines"]
        connection.executemany("INSERT INTO t VALUES (?, ?, 'x')", [[-index, text] for index, text in enumerate(texts)])
        connection.table("t").write_parquet(str(path))
    return path


def _export(source: Path, kind: str, *, raw: bool = False) -> tuple[dict[str, Any], Path]:
    target = source.with_name(f"out.{kind}")
    job = {"path": str(source), "target": str(target), "format": kind, "raw": raw, "scratch": str(source.parent)}
    return export({**job, "memory_mb": 256, "threads": 1}, quiet), target


def _table(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_formulas_are_neutralised(source: Path) -> None:
    answer, path = _export(source, "csv")
    header, *rows = _table(path)
    assert header == ["n", "s", "'=h"]
    assert [row[1] for row in rows[:6]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx"]
    assert [row[1] for row in rows[6:]] == ["plain", "", 'say "hi", he', "two\nlines"]
    assert [row[0] for row in rows[:3]] == ["0", "-1", "-2"]
    assert (answer["rows"], answer["bytes"]) == (10, path.stat().st_size)
    assert answer["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_raw_leaves_texts_as_they_are(source: Path) -> None:
    _, path = _export(source, "csv", raw=True)
    assert _table(path)[1][1] == "=1+1"


def test_json_lines(source: Path) -> None:
    _, path = _export(source, "jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[0] == {"n": 0, "s": "=1+1", "=h": "x"}
    assert rows[7]["s"] is None


def _workbook(select: str, folder: Path) -> tuple[dict[str, Any], Path]:
    source = folder / "wide.parquet"
    with duckdb.connect() as connection:
        connection.sql(select).write_parquet(str(source))
    return _export(source, "xlsx")


def test_workbooks_hold_texts_not_formulas(source: Path) -> None:
    answer, path = _export(source, "xlsx")
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(name) for name in archive.namelist()]
    assert not any(b"<f>" in part or b"hyperlink" in part for part in parts)
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        header, *rows = book.get_sheet_by_index(0).to_python()
    assert header == ["n", "s", "=h"]
    assert [row[1] for row in rows[:6]] == ["=1+1", "+1", "-1", "@x", "\tx", "\rx"]
    assert (answer["rows"], answer["bytes"]) == (10, path.stat().st_size)


def test_workbooks_continue_on_further_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_xlsx, "MAX_ROWS", 3)
    answer, path = _workbook("SELECT range AS a FROM range(7)", tmp_path)
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
        names = list(book.sheet_names)
    assert (answer["rows"], names) == (7, ["data", "data 2", "data 3"])
    assert sheets == [[["a"], [0], [1], [2]], [["a"], [3], [4], [5]], [["a"], [6]]]


@pytest.mark.parametrize(
    "select",
    [
        "SELECT repeat('x', 32768) AS a",
        "SELECT repeat('😀', 16384) AS a",
        "SELECT {'x': repeat('y', 40000)} AS a",
        "SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d",
    ],
)
def test_what_no_sheet_can_hold_is_refused(select: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_xlsx, "MAX_COLUMNS", 3)
    with pytest.raises(ComputeError) as caught:
        _workbook(select, tmp_path)
    assert caught.value.code == "too_wide_for_xlsx"


def test_the_longest_text_of_a_cell(tmp_path: Path) -> None:
    _, path = _workbook("SELECT repeat('x', 32767) AS a", tmp_path)
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        assert book.get_sheet_by_index(0).to_python()[1] == ["x" * 32767]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_nested_values_are_json_text(kind: str, tmp_path: Path) -> None:
    source = tmp_path / "nested.parquet"
    with duckdb.connect() as connection:
        connection.sql("SELECT [{'a': 1}] AS l, '{\"b\": 2}'::JSON AS j").write_parquet(str(source))
    _, path = _export(source, kind)
    if kind == "csv":
        cells = _table(path)[1]
    else:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            cells = [str(value) for value in book.get_sheet_by_index(0).to_python()[1]]
    assert [json.loads(cell) for cell in cells] == [[{"a": 1}], {"b": 2}]


def test_headers_keep_a_browser_from_showing_it() -> None:
    download = Download(_nothing(), "a.html", "text/csv", 1, 2, "ab")
    assert download.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert download.headers["Content-Disposition"].startswith("attachment; ")
    assert (download.headers["X-Row-Count"], download.headers["X-Content-SHA256"]) == ("2", "ab")


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


def test_names_of_downloads() -> None:
    assert (
        disposition('a"b\r\nc é.csv') == "attachment; filename=\"a_b__c _.csv\"; filename*=UTF-8''a%22b__c%20%C3%A9.csv"
    )


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("sales.2024.csv", "sales.2024"),
        ("", "dataset"),
        (".csv", ".csv"),
        ("a\x00b\n.csv", "a b"),
        ("x" * 300, "x" * 114),
    ],
)
def test_names_of_datasets(filename: str, name: str) -> None:
    assert default_name(filename) == name


def test_free_names() -> None:
    assert first_free("Sales", {"sales", "sales 2"}) == "Sales 3"
