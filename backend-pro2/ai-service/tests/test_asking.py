"""Queries of a model in the sandbox: what can be reached, what may be told, and what proves something."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from shared.compute import ComputeError

from ..app.engines.asking.charting import draw
from ..app.engines.asking.queries import run
from ..app.engines.asking.visible import copy_visible
from .support import write_parquet

NAMES = [f"person {number}" for number in range(20)]


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "sales.parquet"
    columns = {
        "id": list(range(20)),
        "name": NAMES,
        "region": ["north"] * 8 + ["south"] * 9 + ["tiny"] * 3,
        "day": [dt.date(2024, 1 + number % 2, 15) for number in range(20)],
        "price": [float(number) for number in range(20)],
        "email": [f"canary-{number}@example.org" for number in range(20)],
    }
    write_parquet(path, columns)
    return {"name": "sales", "path": str(path), "hidden": ["email"], "low": ["region"], "temporal": ["day"]}


def ask(sql: str, table: dict[str, Any], limit: int = 100, **more: Any) -> Any:
    job = {"sql": sql, "limit": limit, "tables": [table], "memory_mb": 512, "threads": 1, "private": True, **more}
    return run(job, lambda *_: None)


def refused(sql: str, table: dict[str, Any], **more: Any) -> ComputeError:
    with pytest.raises(ComputeError) as caught:
        ask(sql, table, **more)
    return caught.value


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT email FROM sales",
        "SELECT sales.email FROM sales",
        "SELECT * EXCLUDE (email) FROM sales",
        "SELECT max(emali) FROM sales",
        "SELECT sales.* REPLACE (upper(email) AS name) FROM sales",
        "SELECT COLUMNS('e.*l')::VARCHAR FROM sales",
        "SELECT name FROM sales WHERE email LIKE 'canary%'",
        "SELECT s.email FROM (SELECT * FROM sales) AS s",
        "SELECT (SELECT email FROM sales LIMIT 1) FROM sales",
        "SELECT \"EMAIL\" FROM sales",
    ],
)  # fmt: skip
def test_hidden_columns_are_not_there(sql: str, table: dict[str, Any]) -> None:
    error = refused(sql, table)
    assert error.code in {"unknown_column", "invalid_sql"}
    # A name that the query itself does not give is not told of.
    assert ("email" in error.detail.lower()) <= ("email" in sql.lower()), error.detail
    assert "canary" not in error.detail.replace("'canary%'", "")
    assert "Did you mean 'email'" not in error.detail


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM sales", "SELECT s FROM sales AS s", "FROM sales", "SELECT to_json(s) FROM sales s"]
)
def test_whole_rows_come_without_them(sql: str, table: dict[str, Any]) -> None:
    answer = json.dumps(ask(sql, table))
    assert "canary" not in answer
    assert "email" not in answer


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT 999", "no_data"),
        ("WITH t AS (SELECT 999 AS n) SELECT n FROM t", "no_data"),
        ("SELECT * FROM (VALUES (1), (2))", "no_data"),
        ("SELECT unnest([1, 2])", "no_data"),
        ("SELECT * FROM other", "unknown_table"),
        ("DROP TABLE sales", "invalid_sql"),
        ("SELECT 1; SELECT 2", "invalid_sql"),
        ("SELECT * FROM read_csv('/etc/passwd')", "forbidden_sql"),
        ("SELECT * FROM '/etc/passwd'", "unknown_table"),
        ("COPY sales TO '/tmp/x'", "invalid_sql"),
        ("ATTACH '/tmp/x.db'", "invalid_sql"),
        ("INSERT INTO sales SELECT * FROM sales", "invalid_sql"),
        ("SELECT current_setting('secret_directory') FROM sales", "forbidden_sql"),
        ("SELECT * FROM duckdb_views(), sales", "forbidden_sql"),
        ("SELECT sql FROM duckdb_views", "unknown_table"),
    ],
)
def test_what_is_refused(sql: str, code: str, table: dict[str, Any]) -> None:
    assert refused(sql, table).code == code


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(name AS INTEGER) FROM sales",
        "SELECT strptime(name, '%Y') FROM sales",
        "SELECT regexp_matches('x', '[' || name) FROM sales",
        "SELECT name::DATE FROM sales",
        "SELECT (id::TINYINT + 120)::TINYINT FROM sales",
        "SELECT CAST(name AS DECIMAL(3, 2)) FROM sales",
    ],
)
def test_errors_repeat_no_values(sql: str, table: dict[str, Any]) -> None:
    error = refused(sql, table)
    assert error.code == "query_failed"
    assert "person" not in error.detail
    assert not any(letter.isdigit() for letter in error.detail)
    assert "person" in refused("SELECT CAST(name AS INTEGER) FROM sales", table, private=False).detail


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT region, count(*) AS n, avg(price) FROM sales GROUP BY region ORDER BY n DESC LIMIT 2",
        "SELECT region, round(sum(price) / count(*), 2) AS mean FROM sales GROUP BY ALL HAVING count(*) > 6 ORDER BY 1",
        "SELECT date_trunc('month', day) FROM sales GROUP BY 1",
        "SELECT count(*), min(price), max(price), median(price) FROM sales",
        "SELECT sum(price * id) FROM sales WHERE region <> 'tiny'",
        "SELECT year(day), count(DISTINCT name) FROM sales GROUP BY 1",
    ],
)
def test_aggregates_may_be_told(sql: str, table: dict[str, Any]) -> None:
    answer = ask(sql, table, aggregates=True)
    assert answer["rows_told"] == [True] * len(answer["rows"]) != []
    assert answer["columns_told"] == [True] * len(answer["columns"]) != []
    assert "rows of the group" not in [column["name"] for column in answer["columns"]]


def test_small_groups_and_texts_stay(table: dict[str, Any]) -> None:
    answer = ask("SELECT region, max(name), max(price) FROM sales GROUP BY 1 ORDER BY 3", table, aggregates=True)
    assert answer["rows_told"] == [True, True, False]
    assert answer["columns_told"] == [True, False, True]
    one = ask("SELECT max(price) FROM sales WHERE name = 'person 7'", table, aggregates=True)
    assert one["rows_told"] == [False]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name, price FROM sales",
        "SELECT name, max(price) FROM sales GROUP BY name",
        "SELECT max(price) FILTER (WHERE name = 'person 7') FROM sales",
        "SELECT sum(CASE WHEN name = 'person 7' THEN price END) FROM sales",
        "SELECT sum(price * (1 - id) * (1 - id)) FROM sales",
        "SELECT sum(price / id) FROM sales",
        "SELECT max(price) FROM (SELECT * FROM sales LIMIT 1)",
        "SELECT max(price) FROM sales, range(10) WHERE name = 'person 7'",
        "SELECT max(a.price) FROM sales a JOIN sales b ON true WHERE a.name = 'person 7'",
        "SELECT list(name) FROM sales",
        "SELECT string_agg(name, ',') FROM sales",
        "SELECT any_value(name), first(price) FROM sales",
        "SELECT arg_max(name, price) FROM sales",
        "SELECT mode(price) FROM sales",
        "SELECT count(*) FROM sales WHERE (SELECT max(price) FROM sales WHERE id = 7) > 5",
        "SELECT region, count(*) FROM sales GROUP BY 1 HAVING max(CASE WHEN id = 7 THEN price END) > 5",
        "SELECT region, count(*) FROM sales GROUP BY 1 ORDER BY sum(CASE WHEN id = 7 THEN price END)",
        "SELECT region, sum(count(*)) OVER () FROM sales GROUP BY 1",
        "SELECT DISTINCT region FROM sales",
        "SELECT count(*) FROM sales UNION ALL SELECT max(price) FROM sales",
        "WITH t AS (SELECT * FROM sales) SELECT count(*) FROM t",
        "SELECT region, count(*) FROM sales AS s(region, id) GROUP BY 1",
        "SELECT substr(name, 1, 3), count(*) FROM sales GROUP BY 1",
        "SELECT count(*) FROM sales TABLESAMPLE 1 ROWS",
    ],
)
def test_what_could_single_out_rows_stays(sql: str, table: dict[str, Any]) -> None:
    answer = ask(sql, table, aggregates=True)
    assert answer["rows_told"] == []
    assert not any(answer["columns_told"])


@pytest.mark.parametrize(
    ("sql", "literals"),
    [
        ("SELECT region, 999 AS n FROM sales", {"999"}),
        ("SELECT 900 + 99 FROM sales", {"999", "900", "99"}),
        ("SELECT coalesce(NULL, 999), round(avg(price), 2) FROM sales", {"999"}),
        ("SELECT max(CASE WHEN price > 5 THEN 999 ELSE 998 END) FROM sales", {"5", "999", "998"}),
        ("WITH c AS (SELECT 999 AS n FROM sales) SELECT n FROM c", {"999"}),
        ("SELECT region FROM sales UNION ALL SELECT '999'", {"999"}),
        ("SELECT v.n, count(*) FROM sales, (VALUES (999)) AS v(n) GROUP BY 1", {"999"}),
        ("SELECT date_trunc('month', DATE '2024-01-01') FROM sales WHERE price > 7 LIMIT 3", set()),
    ],
)
def test_constants_of_a_query_are_known(sql: str, literals: set[str], table: dict[str, Any]) -> None:
    assert literals <= set(ask(sql, table)["literals"]) <= literals | {"5"}


def test_columns_that_stand_as_they_are(table: dict[str, Any]) -> None:
    answer = ask("SELECT region, price AS p, price * 1 AS q, 999 AS made, made AS again FROM sales", table)
    assert answer["plain"] == [True, True, False, False, False]
    assert answer["constant"] == [False, False, False, True, False]
    assert ask("SELECT * FROM sales", table)["plain"] == [True] * 5
    assert ask("SELECT n FROM (SELECT 1 AS n FROM sales)", table)["plain"] == [False]


def test_results_are_bounded(table: dict[str, Any]) -> None:
    answer = ask("SELECT repeat(name, 9000) AS long FROM sales", table, limit=1000)
    assert answer["truncated"]
    assert 0 < len(answer["rows"]) < 20
    assert ask("SELECT name FROM sales", table, limit=3)["truncated"]


def test_a_copy_without_hidden_columns(tmp_path: Path) -> None:
    source, target = tmp_path / "source.parquet", tmp_path / "target.parquet"
    write_parquet(source, {"a": [1, 2], "secret": ["canary", "canary"], "b.c": [1.5, None]})
    made = copy_visible({"source": str(source), "target": str(target), "hidden": ["secret"]}, lambda *_: None)
    assert pq.read_table(target).to_pydict() == {"a": [1, 2], "b.c": [1.5, None]}
    assert b"canary" not in target.read_bytes()
    assert b"secret" not in target.read_bytes()
    assert len(made["sha256"]) == 64


def test_charts_by_the_kinds_of_columns() -> None:
    def column(name: str, kind: str) -> dict[str, str]:
        return {"name": name, "type": kind}

    region, day, group, n = (
        column("region", "string"),
        column("day", "date"),
        column("g", "string"),
        column("n", "integer"),
    )
    tables = [
        {"columns": [region, n], "rows": [["a", 1], ["b", "9007199254740993"]]},
        {"columns": [day, n], "rows": [["2024-01-01", 1], ["2024-01-02", None]]},
        {"columns": [day, group, column("n", "number")], "rows": [["2024-01-01", "x", 1.5]] * 2},
        {"columns": [column("year", "integer"), column("n", "number")], "rows": [[2023, 1.5], [2024, 2.5]]},
        {"columns": [column("x", "number"), column("y", "number")], "rows": [[1.5, 1.5], [1.5, 2.5]]},
        {"columns": [column("n", "number")], "rows": [[1.5], [2.5]]},
        {"columns": [column("a", "string"), column("b", "string")], "rows": [["x", "y"]] * 2},
    ]  # fmt: skip
    charts = draw({"tables": tables}, lambda *_: None)["charts"]
    assert [chart["title"] for chart in charts] == ["n by region", "n by day", "n by day", "n by year", "y by x"]
    assert [chart["spec"]["mark"]["type"] for chart in charts] == ["bar", "line", "line", "bar", "point"]
    assert all(axis["title"] for chart in charts for name, axis in chart["spec"]["encoding"].items() if name in "xy")
