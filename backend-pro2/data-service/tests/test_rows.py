"""Pages of rows, and values of a column, as the engine finds them."""

import itertools
import math
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError
from shared.errors import Invalid

from ..app.engines import rows
from ..app.services import cursors
from ..app.services.column_lists import split_columns
from ..app.services.rows import RowsWanted, _number
from .conftest import quiet

ROWS = """
SELECT i AS id, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 3 END AS k,
       CASE WHEN i % 7 = 0 THEN 'nan'::double WHEN i % 4 = 0 THEN NULL ELSE (i * 31 % 17) / 2 END AS x,
       'text ' || (i % 6) AS "a, ""b"" c", TIMESTAMPTZ '2024-01-01 12:00:00+02' AS at
FROM range(60) r(i)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write(tmp_path, ROWS)


def write(folder: Path, select: str) -> str:
    target = str(folder / "t.parquet")
    with duckdb.connect() as connection:
        connection.sql(select).write_parquet(target, row_group_size=20)
    return target


def page(path: str, **asked: Any) -> dict[str, Any]:
    job: dict[str, Any] = {"columns": None, "filter": None, "sort": [], "after": None, "limit": 7}
    return rows.page({**job, "memory_mb": 256, "threads": 2, "path": path, **asked}, quiet)


def pages(path: str, **asked: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    after = None
    while True:
        answer = page(path, after=after, **asked)
        found += answer["rows"]
        after = answer["next_after"]
        if after is None:
            return found


def refused(path: str, **asked: Any) -> ComputeError:
    with pytest.raises(ComputeError) as caught:
        page(path, **asked)
    return caught.value


def test_pages_are_the_file_in_its_order(path: str) -> None:
    first = page(path)
    assert [column["name"] for column in first["columns"]] == ["id", "k", "x", 'a, "b" c', "at"]
    assert first["rows"][1] == [1, 1, 7.0, "text 1", "2024-01-01T10:00:00Z"]
    assert (first["row_count"], first["next_after"]) == (7, 6)
    assert [row[0] for row in pages(path)] == list(range(60))


def ordered(table: list[list[Any]], keys: list[tuple[int, bool]]) -> list[Any]:
    """Python's own idea of the order: NaN is the largest number, missing values come last."""
    for position, descending in reversed(keys):
        there = [row for row in table if row[position] is not None]
        missing = [row for row in table if row[position] is None]
        there.sort(key=lambda row: _rank(row[position]), reverse=descending)
        table = there + missing
    return [row[0] for row in table]


def _rank(value: Any) -> tuple[bool, Any]:
    odd = isinstance(value, float) and math.isnan(value)
    return odd, 0 if odd else value


@pytest.mark.parametrize(("first", "second"), list(itertools.product([False, True], repeat=2)))
def test_sorted_pages_neither_skip_nor_repeat(path: str, first: bool, second: bool) -> None:
    with duckdb.connect() as connection:
        table = [list(row[:3]) for row in connection.sql(ROWS.replace("TIMESTAMPTZ", "")).fetchall()]
    # A stable sort in reverse keeps equal rows as they were, as the position in the file does.
    expected = ordered(table, [(1, first), (2, second)])
    found = pages(path, sort=[["K", first], ["x", second]], columns=["id"])
    assert [row[0] for row in found] == expected


def test_filter_with_sort_and_columns(path: str) -> None:
    found = pages(path, filter="id >= 30 and k = 1", sort=[["id", True]], columns=["id", "k"], limit=2)
    assert found == [[i, 1] for i in range(59, 29, -1) if i % 5 and i % 3 == 1]


def test_a_column_that_is_called_like_the_position(tmp_path: Path) -> None:
    path = write(tmp_path, "SELECT i * 2 AS file_row_number, i AS position, i AS position_ FROM range(50) r(i)")
    assert pages(path, sort=[["file_row_number", True]]) == [[2 * i, i, i] for i in range(49, -1, -1)]
    assert [row[0] for row in pages(path, filter="position > 40")] == [2 * i for i in range(41, 50)]


def test_what_is_refused(path: str) -> None:
    assert refused(path, columns=["ids"]).detail == "No column 'ids'. Did you mean 'id'?"
    assert refused(path, sort=[["nothing", False]]).code == "unknown_column"
    assert refused(path, filter="id").detail.endswith("compare it with something.")
    assert refused(path, filter="read_csv('/etc/passwd') = 'x'").code == "invalid_expression"
    assert refused(str(Path(path).parent / "gone.parquet")).code == "file_gone"
    with pytest.raises(ComputeError, match="32 MiB"):
        rows.page({**_large(path), "limit": 60}, quiet)


def _large(path: str) -> dict[str, Any]:
    select = "SELECT repeat('x', 1000000) AS t FROM range(60)"
    job: dict[str, Any] = {"columns": None, "filter": None, "sort": [], "after": None, "memory_mb": 512, "threads": 1}
    return {**job, "path": write(Path(path).parent, select)}


def test_only_the_file_is_in_reach(path: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with rows._opened({"path": path, "memory_mb": 256, "threads": 1}) as connection:
        assert connection.read_parquet(path).count("*").fetchall() == [(60,)]
        with pytest.raises(duckdb.PermissionException):
            connection.read_csv(str(tmp_path / "secret.csv"))


def values(path: str, column: str, text: str | None = None, **asked: Any) -> dict[str, Any]:
    job = {"path": path, "column": column, "text": text, "limit": 100, "memory_mb": 256, "threads": 2, **asked}
    return rows.values(job, quiet)


def test_values_with_counts(path: str) -> None:
    found = values(path, "K")
    assert (found["name"], found["type"], found["truncated"]) == ("k", "integer", False)
    assert found["values"] == [
        {"value": 0, "count": 16},
        {"value": 1, "count": 16},
        {"value": 2, "count": 16},
        {"value": None, "count": 12},
    ]
    assert values(path, "k", limit=2)["truncated"]
    assert values(path, 'a, "b" c', "TEXT 3")["values"] == [{"value": "text 3", "count": 10}]
    assert values(path, 'a, "b" c', "'); DROP TABLE t; --\x00")["values"] == []


def test_many_values_spill_to_disk(tmp_path: Path) -> None:
    path = write(tmp_path, "SELECT md5(i::varchar) || md5((i + 1)::varchar) AS t FROM range(600_000) r(i)")
    with pytest.raises(ComputeError) as caught:
        values(path, "t", memory_mb=128, limit=1)
    assert caught.value.code == "query_too_large"
    found = values(path, "t", memory_mb=128, scratch=str(tmp_path), limit=1)
    assert (found["values"][0]["count"], found["truncated"]) == (1, True)


def test_lists_are_lines_of_csv() -> None:
    assert split_columns(' a,"b, c", "d ""e""",a ', "columns") == ["a", "b, c", 'd "e"', "a"]
    for wrong in ("", "a,,b", 'a,"b', "a\nb", ",", "a,b,c"):
        with pytest.raises(Invalid, match="`sort`") as refused:
            split_columns(wrong, "sort", 2)
        assert refused.value.code == "invalid_list"


def test_cursors_belong_to_one_question() -> None:
    question = ["dataset", 3, "a > 1", [("a", True)]]
    cursor = cursors.encode(question, 3, 41)
    assert cursors.decode(cursor, question) == [3, 41]
    assert _number(RowsWanted(cursor=cursor)) == 3
    for other in (["dataset", 3, "a > 2", [("a", True)]], ["dataset", 4, "a > 1", [("a", True)]]):
        with pytest.raises(Invalid) as caught:
            cursors.decode(cursor, other)
        assert caught.value.code == "invalid_cursor"
    for odd in ("", "é", "WzFd", "e30", cursors.encode(question, "x")):
        with pytest.raises(Invalid):
            _number(RowsWanted(cursor=odd))
