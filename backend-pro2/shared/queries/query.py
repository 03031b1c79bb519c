"""Run one SELECT over Parquet files, in a connection that reaches nothing else."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import duckdb

from shared.compute import Report
from shared.queries import policy
from shared.queries.errors import DESCRIBE, explain, unknown
from shared.queries.template import opened
from shared.tabular.answers import json_rows, not_finite, readable
from shared.tabular.duck import engine_memory_mb, torn_letters_mended
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import ColumnSchema, contract_type

PLANNING_MEMORY_MB = 128
_ENDS = "; \t\r\n"


class Table(TypedDict):
    """A Parquet file and the name that the query has for it; its `hidden` columns are not there for the query."""

    name: str
    path: str
    hidden: NotRequired[Sequence[str]]


class QueryJob(TypedDict):
    """`limit` bounds the rows of the answer; `tables` are all that the query names.

    Errors of a `private` query tell nothing of the values that it met.
    """

    sql: str
    limit: int
    tables: list[Table]
    memory_mb: int
    threads: int
    private: NotRequired[bool]


class QueryAnswer(TypedDict):
    """The rows, as JSON values in the order of `columns`; `truncated` where there are more."""

    columns: list[ColumnSchema]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    took_ms: float
    warnings: list[dict[str, str]]


def plan(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Check `job["sql"]` and name the tables it needs: {"tables", "optional", "digest", "repeatable"}.

    Raises:
        ComputeError: `invalid_sql`, `forbidden_sql`.
    """
    with opened(memory_mb=PLANNING_MEMORY_MB, threads=1) as connection:
        checked = policy.check(connection, job["sql"])
    report(1, 1, "Checked")
    return {
        "tables": list(checked.tables),
        "optional": list(checked.optional),
        "digest": checked.digest,
        "repeatable": checked.is_repeatable,
    }


def run(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Check and run one query (job: QueryJob, answer: QueryAnswer).

    Raises:
        ComputeError: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_column`, `query_failed`,
        `query_too_large`, `file_gone`.
    """
    started = time.perf_counter()
    with checked(job) as connection:
        answer = _answer(connection, job["sql"], int(job["limit"]))
    report(1, 1, "Done")
    return {**answer, "took_ms": round((time.perf_counter() - started) * 1000, 1)}


def describe(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The columns that a query would answer with, without running it: {"columns": [...]}.

    Raises:
        ComputeError: as `run`.
    """
    with checked(job) as connection:
        columns = columns_of(connection, job["sql"])
    report(1, 1, "Done")
    return {"columns": [ColumnSchema(name=name, type=contract_type(kind)) for name, kind in columns]}


@contextmanager
def checked(
    job: Mapping[str, Any], *, scratch: str | None = None, target: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for the job's query, which is allowed: it reaches the job's tables and the file `target` alone.

    Raises:
        ComputeError: as `run`, also for what DuckDB says of the block.
    """
    sql, tables = job["sql"], job["tables"]
    limits = {"memory_mb": engine_memory_mb(int(job["memory_mb"])), "threads": int(job["threads"])}
    with opened(**limits, scratch=Path(scratch) if scratch else None) as connection:
        _require(policy.check(connection, sql), tables)
        try:
            lock_up(connection, tables, target)
            with torn_letters_mended():
                yield connection
        except duckdb.Error as error:
            raise explain(connection, error, sql, tables, private=bool(job.get("private"))) from error


def lock_up(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], target: str | None = None) -> None:
    """Define the views, then close every way out for good."""
    paths = [table["path"] for table in tables] + ([target] if target else [])
    connection.execute(f"SET allowed_paths = [{', '.join(map(literal, paths))}]")
    for table in tables:
        shown = f"SELECT *{_except(table.get('hidden', ()))} FROM read_parquet({literal(table['path'])})"  # noqa: S608 - quoted
        connection.execute(f"CREATE VIEW main.{identifier(table['name'])} AS {shown}")
    connection.execute(
        "SET enable_external_access = false; SET python_enable_replacements = false; SET lock_configuration = true"
    )


def _except(hidden: Sequence[str]) -> str:
    return f" EXCLUDE ({', '.join(map(identifier, hidden))})" if hidden else ""


def columns_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    """Names and DuckDB types of a query's columns."""
    return [(str(row[0]), str(row[1])) for row in connection.execute(f"{DESCRIBE}{sql}").fetchall()]


def execute_within(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: str, limit: int, form: tuple[str, str] = ("", "")
) -> duckdb.DuckDBPyConnection:
    """Run the query inside one that bounds its rows, so that a sort keeps no more than those; and that in `form`."""
    before, after = form
    try:
        return connection.execute(f"{before}SELECT {columns} FROM (\n{sql.rstrip(_ENDS)}\n) LIMIT {limit}{after}")  # noqa: S608
    except duckdb.ParserException:
        # A comment behind the semicolon; written anew from its tree, the query has neither.
        row = connection.execute("SELECT json_deserialize_sql(json_serialize_sql(?))", [sql]).fetchone() or ("",)
        return connection.execute(f"{before}SELECT {columns} FROM ({row[0]}) LIMIT {limit}{after}")  # noqa: S608


def rows_answer(columns: Sequence[tuple[str, str]], result: duckdb.DuckDBPyConnection, limit: int) -> dict[str, Any]:
    """A QueryAnswer, but for the time it took, of `result`, which has a row more than `limit` where there are more.

    Raises:
        ComputeError: `query_too_large`.
    """
    rows, lost = json_rows(result)
    return {
        "columns": [ColumnSchema(name=name, type=contract_type(kind)) for name, kind in columns],
        "rows": rows[:limit],
        "row_count": min(len(rows), limit),
        "truncated": len(rows) > limit,
        "warnings": not_finite(lost),
    }


def _require(checked: policy.Checked, tables: Sequence[Table]) -> None:
    known = {table["name"].lower(): table["name"] for table in tables}
    for name in checked.tables:
        if name.lower() not in known:
            raise unknown("table", name, known.values())


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, limit: int) -> dict[str, Any]:
    columns = columns_of(connection, sql)
    shown = ", ".join(readable(f"#{position}", kind) for position, (_, kind) in enumerate(columns, start=1))
    return rows_answer(columns, execute_within(connection, sql, shown, limit + 1), limit)
