"""What a query would read, told before it runs."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError
from shared.queries import plans, query

from ..app.routers.row_cursors import decode_row, encode_row
from .conftest import quiet

LIMITS = {"memory_mb": 256, "threads": 1}


@pytest.fixture
def tables(tmp_path: Path) -> list[dict[str, str]]:
    with duckdb.connect() as connection:
        sales = "SELECT i AS a, i % 3 AS k, hash(i) AS noise FROM range(5000) r(i)"
        for name, sql in (("sales", sales), ("kinds", "SELECT i AS k, 'kind ' || i AS kind FROM range(3) r(i)")):
            connection.sql(sql).write_parquet(str(tmp_path / f"{name}.parquet"))
    return [{"name": name, "path": str(tmp_path / f"{name}.parquet")} for name in ("sales", "kinds")]


def estimate(sql: str, tables: list[dict[str, str]]) -> dict[str, Any]:
    return plans.estimate({"sql": sql, "tables": tables, **LIMITS}, quiet)


def read(found: dict[str, Any]) -> dict[str, list[str]]:
    return {entry["table"]: sorted(entry["columns"]) for entry in found["columns_read"]}


def test_only_the_columns_that_are_needed(tables: list[dict[str, str]]) -> None:
    few = estimate("SELECT sum(a) FROM sales -- all", tables)
    assert (read(few), few["rows_scanned"]) == ({"sales": ["a"]}, 5000)
    everything = estimate("SELECT * FROM sales", tables)
    assert read(everything) == {"sales": ["a", "k", "noise"]}
    assert 0 < few["bytes_scanned"] < everything["bytes_scanned"] / 2


def test_a_column_that_only_filters_is_read_too(tables: list[dict[str, str]]) -> None:
    assert read(estimate("SELECT sum(a) FROM sales WHERE noise > 5", tables)) == {"sales": ["a", "noise"]}


def test_each_table_of_a_join(tables: list[dict[str, str]]) -> None:
    found = estimate("SELECT kind, count(*) FROM sales JOIN kinds USING (k) GROUP BY kind", tables)
    assert read(found) == {"sales": ["k"], "kinds": ["k", "kind"]}
    assert found["rows_scanned"] == 5003


def test_the_plan_tells_no_path(tables: list[dict[str, str]]) -> None:
    found = estimate("SELECT k, count(*) FROM sales GROUP BY k", tables)
    assert "READ_PARQUET (about 5000 rows)" in found["plan"]
    assert "/" not in found["plan"]
    assert found["estimated_rows"] > 0


def test_a_query_without_tables(tables: list[dict[str, str]]) -> None:
    found = estimate("SELECT 1;", tables)
    assert (found["rows_scanned"], found["bytes_scanned"], found["columns_read"]) == (0, 0, [])


def test_what_would_not_run(tables: list[dict[str, str]]) -> None:
    for function in (plans.estimate, query.describe):
        with pytest.raises(ComputeError) as caught:
            function({"sql": "SELECT b FROM sales", "tables": tables, **LIMITS}, quiet)
        assert caught.value.code == "unknown_column"


def test_columns_without_running(tables: list[dict[str, str]]) -> None:
    endless = "SELECT k, avg(a) AS mean FROM sales, range(1000000000000) GROUP BY k"
    answer = query.describe({"sql": endless, "tables": tables, **LIMITS}, quiet)
    assert answer["columns"] == [{"name": "k", "type": "integer"}, {"name": "mean", "type": "number"}]


def test_cursors_of_rows() -> None:
    assert [decode_row(encode_row(row)) for row in (0, 1, 10_000_000)] == [0, 1, 10_000_000]
