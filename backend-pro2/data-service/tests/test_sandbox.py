"""The corpus of escapes is refused, and what people need is not."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.compute.protocol import ComputeError
from shared.queries import policy, query
from shared.queries.errors import explain
from shared.tabular.duck import connect

CORPUS = json.loads(Path(__file__).with_name("sandbox_corpus.json").read_bytes())
BENIGN: list[str] = CORPUS["benign"]
TOO_MUCH = [
    "SELECT " + "+".join(["1"] * 50_000),
    "SELECT a FROM sales WHERE a IN (" + ",".join(map(str, range(200_000))) + ")",  # noqa: S608 - an attack
    "SELECT '" + "x" * 20_000 + "'",
    "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
    "SELECT " + "[" * 4_000 + "]" * 4_000,
    "SELECT " + "NOT " * 3_500 + "true",
    "SELECT --\n" + "- " * 7_000 + "1",
]
ESCAPES: dict[str, list[str]] = {**CORPUS["escapes"], "too much": TOO_MUCH}
OUTWARD = (
    "COPY",
    "EXPORT",
    "IMPORT",
    "LOAD",
    "INSTALL",
    "FORCE INSTALL",
    "SET memory",
    "SET threads",
    "SET enable",
    "RESET",
)
NAMES = ("sales", "sales@1")
REFUSALS = {"invalid_sql", "forbidden_sql", "unknown_table"}
SALES = """
SELECT i AS a, i % 3 AS k, 'x' || i AS s, i / 4 AS price, DATE '2024-01-01' + i::INTEGER AS day,
       '{"n": 1, "tags": ["a", "b"]}'::JSON AS doc
FROM range(12) r(i)
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """What a child has before it runs a query."""
    path = tmp_path_factory.mktemp("sandbox") / "sales.parquet"
    with duckdb.connect() as connection:
        connection.sql(SALES).write_parquet(str(path))
    tables = [query.Table(name=name, path=str(path)) for name in NAMES]
    with connect(memory_mb=256, threads=1) as connection:
        query.lock_up(connection, tables)
        yield connection


def answer(sandbox: duckdb.DuckDBPyConnection, sql: str) -> list[list[Any]]:
    """As query.run, in a connection that is there already."""
    tables = [query.Table(name=name, path="") for name in NAMES]
    query._require(policy.check(sandbox, sql), tables)
    try:
        rows: list[list[Any]] = query._answer(sandbox, sql, 10)["rows"]
    except duckdb.Error as error:
        raise explain(sandbox, error, sql, tables) from error
    return rows


def test_the_corpus_is_large() -> None:
    escapes = list(chain.from_iterable(ESCAPES.values()))
    assert len(escapes) == len(set(escapes)) >= 250
    assert len(BENIGN) == len(set(BENIGN)) >= 50


@pytest.mark.parametrize("kind", ESCAPES)
def test_escapes_are_refused(sandbox: duckdb.DuckDBPyConnection, kind: str) -> None:
    passed: list[tuple[str, object]] = []
    for sql in ESCAPES[kind]:
        try:
            passed.append((sql[:100], answer(sandbox, sql)[:1]))
        except ComputeError as error:
            if error.code not in REFUSALS:
                passed.append((sql[:100], str(error)))
    assert passed == []


@pytest.mark.parametrize("sql", BENIGN)
def test_what_people_need_runs(sandbox: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert answer(sandbox, sql)


def test_the_second_wall_holds_alone(sandbox: duckdb.DuckDBPyConnection) -> None:
    """What reaches outside fails in the connection itself, as if the first wall had a hole."""
    statements = [sql for sql in ESCAPES["statements"] if sql.startswith(OUTWARD)]
    through = []
    for sql in (*ESCAPES["files"], *ESCAPES["network"], *statements):
        try:
            through.append((sql, sandbox.execute(sql).fetchmany(1)))
        except duckdb.Error:
            continue
    assert through == []
