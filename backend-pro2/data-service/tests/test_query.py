"""Queries over Parquet files in a locked connection."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError
from shared.queries import query
from shared.queries.errors import explain
from shared.tabular.duck import connect

from ..app.engines.preview import preview
from .conftest import quiet

SUM = 'SELECT sum(a) FROM "sales@1"'


@pytest.fixture
def tables(tmp_path: Path) -> list[dict[str, str]]:
    path = tmp_path / "t.parquet"
    with duckdb.connect() as connection:
        connection.sql(
            "SELECT i AS a, i / 2 AS price, 'x' || i AS s, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS moment "
            "FROM range(10) r(i)"
        ).write_parquet(str(path))
    return [{"name": "Sales", "path": str(path)}, {"name": "sales@1", "path": str(path)}]


def _run(sql: str, tables: list[dict[str, str]], limit: int = 100) -> dict[str, Any]:
    return query.run({"sql": sql, "limit": limit, "tables": tables, "memory_mb": 256, "threads": 1}, quiet)


def _refused(sql: str, tables: list[dict[str, str]]) -> ComputeError:
    with pytest.raises(ComputeError) as caught:
        _run(sql, tables)
    assert "/" not in caught.value.detail.replace("//", "")
    return caught.value


def test_rows_and_types(tables: list[dict[str, str]]) -> None:
    answer = _run("SELECT a, price, s, moment FROM sales ORDER BY a DESC", tables, limit=2)
    assert [column["type"] for column in answer["columns"]] == ["integer", "number", "string", "datetime"]
    assert answer["rows"][0] == [9, 4.5, "x9", "2024-01-01T09:00:00Z"]
    assert (answer["row_count"], answer["truncated"]) == (2, True)


@pytest.mark.parametrize("end", ["", ";", " ; ", " -- done", "; -- done", "; /* a */ ;"])
def test_ends_of_a_query(tables: list[dict[str, str]], end: str) -> None:
    assert _run(f"{SUM}{end}", tables)["rows"] == [[45]]


def test_repeated_names(tables: list[dict[str, str]]) -> None:
    assert _run("SELECT a, a FROM sales", tables, limit=1)["rows"] == [[0, 0]]


def test_zoned_moments(tables: list[dict[str, str]]) -> None:
    answer = _run("SELECT TIMESTAMPTZ '2024-01-01 12:00:00+02', [TIMESTAMPTZ '2024-01-01 12:00:00+02']", tables)
    assert answer["rows"][0][0] == "2024-01-01T10:00:00Z"


def test_values_that_json_cannot_hold(tables: list[dict[str, str]]) -> None:
    answer = _run("SELECT 'nan'::DOUBLE, 1 / 0, 9007199254740993, 9007199254740991", tables)
    assert answer["rows"] == [[None, None, "9007199254740993", 9007199254740991]]
    assert answer["warnings"] == [
        {"code": "not_finite", "message": "2 values were NaN or infinite; they are null here."}
    ]


@pytest.mark.parametrize(
    ("sql", "code", "hint"),
    [
        ("SELECT prise FROM sales", "unknown_column", "No column 'prise'. Did you mean 'price'?"),
        ("SELECT sales.prise FROM sales", "unknown_column", "Did you mean 'price'?"),
        ("SELECT * FROM sale", "unknown_table", "Did you mean 'Sales'?"),
        ("SELECT x.a FROM sales", "unknown_table", "No table 'x'."),
        ("SELECT * FROM 'x.csv'", "unknown_table", "No table 'x.csv'."),
        ("SELECT * FROM duckdb_tables", "unknown_table", "No table"),
        ("SELECT a + s FROM sales", "invalid_sql", "(line 1, column 10)"),
        ("SELECT s::INT FROM sales", "query_failed", "Could not convert"),
        ("SELECT printf('%é', a) FROM sales", "query_failed", 'Invalid type specifier "�"'),
        ("SELECT count(DISTINCT i * 7) FROM range(100000000) r(i)", "query_too_large", "more memory"),
        ("SELECT repeat('a', 1000000) FROM sales, sales b", "query_too_large", "32 MiB"),
    ],
)
def test_errors_tell_what_to_do(tables: list[dict[str, str]], sql: str, code: str, hint: str) -> None:
    error = _refused(sql, tables)
    assert (error.code, hint in error.detail) == (code, True), error.detail


def test_a_limit_keeps_a_sort_small(tables: list[dict[str, str]]) -> None:
    assert _run("SELECT i FROM range(5000000) r(i) ORDER BY i DESC", tables, limit=1)["rows"] == [[4999999]]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ComputeError) as caught:
        _run("SELECT * FROM t", [{"name": "t", "path": str(tmp_path / "none.parquet")}])
    assert caught.value.code == "file_gone"


def test_nothing_else_can_be_reached(tables: list[dict[str, str]], tmp_path: Path) -> None:
    """Even without the policy: the connection itself is closed."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with connect(memory_mb=128, threads=1) as connection:
        query.lock_up(connection, [query.Table(name=table["name"], path=table["path"]) for table in tables])
        for sql in (
            f"FROM read_csv('{secret}')",
            f"FROM '{secret}'",
            "INSTALL httpfs",
            f"ATTACH '{tmp_path}/x.db'",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            "SET memory_limit = '9GB'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)


def test_plan() -> None:
    answer = query.plan({"sql": "WITH c AS (SELECT * FROM a) SELECT * FROM c JOIN b USING (k)"}, quiet)
    assert (sorted(answer["tables"]), answer["optional"]) == (["a", "b"], ["c"])


def test_preview(tables: list[dict[str, str]]) -> None:
    answer = preview({"path": tables[0]["path"], "limit": 3, "memory_mb": 256, "threads": 1}, quiet)
    assert ([row[0] for row in answer["rows"]], answer["truncated"]) == ([0, 1, 2], True)


@pytest.mark.parametrize(
    "text",
    [
        'INTERNAL Error: {"exception_type":"INTERNAL","exception_message":"m","stack_trace":"/lib/x"}\nSee /lib/x',
        'INTERNAL Error: {"exception_type":"INTERNAL","stack_trace":"/lib/x',
    ],
)
def test_a_failure_inside_the_engine_tells_no_path(text: str) -> None:
    with duckdb.connect() as connection:
        error = explain(connection, duckdb.InternalException(text), "SELECT 1", [])
    assert error.code == "query_failed"
    assert "/lib" not in error.detail
