"""Whatever compiles runs in DuckDB to one value a row, or fails in a way that users are told of."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.compute.protocol import ComputeError
from shared.tabular.duck import connect
from shared.tabular.types import contract_type

from ..app.engines.expressions import FUNCTIONS, compile_expression
from ..app.engines.expressions.nodes import SQL_TYPES
from ..app.engines.pipelines.errors import explained
from .test_expressions import COLUMNS, ROW

OPERATORS = ["+", "-", "*", "/", "%", "||", "=", "<>", "<", ">=", "and", "or", "is distinct from"]
ATOMS = st.sampled_from(
    [
        *(name for name in COLUMNS if name.isidentifier() and name != "from"),
        *("1", "0", "-7", "2.5", "1e300", "9223372036854775807", "null", "true", "'a'", "''", "'2024-01-31'"),
        *("date '2024-01-31'", "timestamp '9999-12-31 23:59:59'"),
    ]
)
UNITS = st.sampled_from(["'day'", "'month'", "'hour'", "'%Y'", "'(a)'", "1", "3"])


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = st.builds(
        lambda function, arguments: f"{function['name']}({', '.join(arguments[: len(function['arguments'])])})",
        st.sampled_from(FUNCTIONS),
        st.lists(st.one_of(inner, UNITS), min_size=3, max_size=3),
    )
    return st.one_of(
        st.builds(lambda a, o, b: f"({a} {o} {b})", inner, st.sampled_from(OPERATORS), inner),
        calls,
        st.builds(lambda a, t: f"cast({a} as {t})", inner, st.sampled_from(list(SQL_TYPES))),
        st.builds(lambda a, b, c: f"case when {a} is null then {b} else {c} end", inner, inner, inner),
        st.builds(lambda a, b: f"{a} in ({b}, {b})", inner, inner),
        st.builds(lambda a: f"(- {a})", inner),
        st.builds(lambda a: f"(not {a})", inner),
        st.builds(lambda a, b: f"({a} like {b})", inner, inner),
    )


WELL_FORMED = st.recursive(ATOMS, _deeper, max_leaves=6)
PIECES = st.lists(
    st.one_of(
        ATOMS,
        st.sampled_from(
            [*OPERATORS, "(", ")", ",", "'", '"', "--", "/*", ";", "select", "from", "case", "when", "end"]
        ),
        st.sampled_from([*(function["name"] for function in FUNCTIONS), "read_csv(", "not", "in", "between", "cast("]),
        st.text(max_size=3),
    ),
    max_size=12,
).map(" ".join)


@pytest.fixture(scope="module")
def table() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(memory_mb=128, threads=1) as connection:
        connection.execute(f"CREATE TABLE t AS {ROW} UNION ALL SELECT {', '.join('NULL' for _ in COLUMNS)}")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        yield connection


def _outcome(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """ "value" if each row gets a value of the promised type, or the code of the error."""
    try:
        compiled = compile_expression(text, COLUMNS)
    except ComputeError as error:
        return error.code
    try:
        described = connection.execute(f"DESCRIBE SELECT {compiled.sql} AS v FROM t").fetchall()  # noqa: S608
        rows = connection.execute(f"SELECT {compiled.sql} FROM t").fetchall()  # noqa: S608
    except duckdb.Error as error:
        # Raises again what is no fault of a value or a pattern.
        return explained(error).code
    assert contract_type(described[0][1]) == compiled.type, (text, described)
    assert [len(row) for row in rows] == [1, 1]
    return "value"


OUTCOMES = {"value", "invalid_expression", "conversion_failed", "out_of_range", "invalid_step"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=WELL_FORMED)
def test_what_is_well_formed_runs_or_is_refused(table: duckdb.DuckDBPyConnection, text: str) -> None:
    assert _outcome(table, text) in OUTCOMES


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=PIECES)
def test_any_text_is_refused_or_runs(table: duckdb.DuckDBPyConnection, text: str) -> None:
    assert _outcome(table, text) in OUTCOMES


def test_the_outcomes_differ(table: duckdb.DuckDBPyConnection) -> None:
    assert _outcome(table, "((i + x) * 2)") == "value"
    assert _outcome(table, "(s + x)") == "invalid_expression"
    assert _outcome(table, "cast(s as integer)") == "conversion_failed"
    assert _outcome(table, "9223372036854775807 + i") == "out_of_range"
