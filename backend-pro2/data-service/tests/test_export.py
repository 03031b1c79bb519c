"""Files that leave: the same values, and nothing that a spreadsheet would run."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ..app.engines.export import export
from ..app.services.downloads import disposition
from ..app.services.uploads import default_name, first_free
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


def test_names_of_downloads() -> None:
    assert (
        disposition('a"b\r\nc é.csv')
        == "attachment; filename=\"a_b__c _.csv\"; filename*=UTF-8''a%22b%0D%0Ac%20%C3%A9.csv"
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
