"""SQL against columns that datasets show, and what counts as one expression."""

from typing import Any

import pytest

from shared.compute import ComputeError

from ..app.engines.sql_check import check_expression, check_query

TABLE = {
    "name": 'my "sales"',
    "columns": [
        {"name": "units", "type": "integer"},
        {"name": "unit price", "type": "number"},
        {"name": "region", "type": "string"},
        {"name": "sold", "type": "date"},
        {"name": "moment", "type": "datetime"},
        {"name": "gift", "type": "boolean"},
        {"name": "tags", "type": "json"},
    ],
}


def _silent(done: int, total: int, message: str) -> None:
    """Progress is of no interest."""


def kind_of(expression: str) -> str:
    answer: dict[str, Any] = check_expression({"expression": expression, "table": TABLE}, _silent)
    return str(answer["type"])


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ('sum(units * "unit price") / count(*)', "number"),
        ("units", "integer"),
        ("count(*) FILTER (WHERE gift AND region = 'north')", "integer"),
        ("max(sold)", "date"),
        ("date_trunc('month', moment)", "datetime"),
        ("CASE WHEN gift THEN 'yes' ELSE region END", "string"),
        ("units -- as counted", "integer"),
        ('(SELECT max(units) FROM "my ""sales""")', "integer"),
    ],
)
def test_expressions(expression: str, kind: str) -> None:
    assert kind_of(expression) == kind


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("", "invalid_sql"),
        ("units, region", "invalid_sql"),
        ("units), (region", "invalid_sql"),
        ("*", "invalid_sql"),
        ("COLUMNS(*)", "invalid_sql"),
        ("1) UNION SELECT (2", "invalid_sql"),
        ("units) FROM (SELECT 1) WHERE (true", "invalid_sql"),
        ("units AS x", "invalid_sql"),
        ("sum(region)", "invalid_sql"),
        ("1; SELECT 2", "invalid_sql"),
        ("strftime(moment, '%Ù')", "query_failed"),
        ("profit", "unknown_column"),
        ("(SELECT 1 FROM elsewhere)", "unknown_table"),
        ("read_text('/etc/passwd')", "forbidden_sql"),
        ("(SELECT count(*) FROM read_csv('/etc/passwd'))", "forbidden_sql"),
        ("getvariable('a')", "forbidden_sql"),
    ],
)
def test_what_is_no_expression(expression: str, code: str) -> None:
    with pytest.raises(ComputeError) as refused:
        kind_of(expression)
    assert refused.value.code == code
    assert "line" not in refused.value.detail


def test_queries_over_several_tables() -> None:
    tables = [TABLE, {"name": "regions", "columns": [{"name": "region", "type": "string"}]}]
    sql = 'SELECT region, sum(units) AS units FROM "my ""sales""" JOIN regions USING (region) GROUP BY region'
    answer = check_query({"sql": sql, "tables": tables}, _silent)
    assert answer["columns"] == [{"name": "region", "type": "string"}, {"name": "units", "type": "integer"}]
    with pytest.raises(ComputeError) as refused:
        check_query({"sql": "SELECT name FROM regions", "tables": tables}, _silent)
    assert refused.value.code == "unknown_column"
