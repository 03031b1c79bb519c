"""Run one SELECT over Parquet files, in a connection that reaches nothing else."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.compute.protocol import ComputeError

from . import sql_policy
from .duck import connect, engine_memory_mb, identifier, literal
from .query_errors import DESCRIBE, explain, unknown
from .types import ColumnSchema, contract_type
from .values import is_lossless, json_value

ROWS_AT_ONCE = 256
MAX_ANSWER_BYTES = 32 * 1024 * 1024
PLANNING_MEMORY_MB = 128
_ENDS = "; \t\r\n"


class Table(TypedDict):
    """A Parquet file and the name that the query has for it."""

    name: str
    path: str


class QueryJob(TypedDict):
    """`limit` bounds the rows of the answer; `tables` are all that the query names."""

    sql: str
    limit: int
    tables: list[Table]
    memory_mb: int
    threads: int


class QueryAnswer(TypedDict):
    """The rows, as JSON values in the order of `columns`; `truncated` where there are more."""

    columns: list[ColumnSchema]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    took_ms: float
    warnings: list[dict[str, str]]


def plan(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Check `job["sql"]` and name the tables it needs: {"tables": [...], "optional": [...]}.

    Raises:
        ComputeError: `invalid_sql`, `forbidden_sql`.
    """
    with connect(memory_mb=PLANNING_MEMORY_MB, threads=1) as connection:
        checked = sql_policy.check(connection, job["sql"])
    report(1, 1, "Checked")
    return {"tables": list(checked.tables), "optional": list(checked.optional)}


def run(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Check and run one query (job: QueryJob, answer: QueryAnswer).

    Raises:
        ComputeError: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_column`, `query_failed`,
        `query_too_large`, `file_gone`.
    """
    started = time.perf_counter()
    sql, limit, tables = job["sql"], int(job["limit"]), job["tables"]
    with connect(memory_mb=engine_memory_mb(int(job["memory_mb"])), threads=int(job["threads"])) as connection:
        _require(sql_policy.check(connection, sql), tables)
        try:
            _lock_up(connection, tables)
            answer = _answer(connection, sql, limit)
        except duckdb.Error as error:
            raise explain(connection, error, sql, tables) from error
    report(1, 1, "Done")
    return {**answer, "took_ms": round((time.perf_counter() - started) * 1000, 1)}


def _lock_up(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> None:
    """Define the views, then close every way out for good."""
    paths = ", ".join(literal(table["path"]) for table in tables)
    connection.execute(f"SET allowed_paths = [{paths}]")
    for table in tables:
        connection.execute(
            f"CREATE VIEW main.{identifier(table['name'])} AS SELECT * FROM read_parquet({literal(table['path'])})"  # noqa: S608
        )
    connection.execute(
        "SET enable_external_access = false; SET python_enable_replacements = false; SET lock_configuration = true"
    )


def _require(checked: sql_policy.Checked, tables: Sequence[Table]) -> None:
    known = {table["name"].lower(): table["name"] for table in tables}
    for name in checked.tables:
        if name.lower() not in known:
            raise unknown("table", name, known.values())


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, limit: int) -> dict[str, Any]:
    described = connection.execute(f"{DESCRIBE}{sql}").fetchall()
    kinds = [str(row[1]) for row in described]
    rows, lost = _fetch(_execute(connection, sql, ", ".join(_readable(kinds)), limit + 1))
    message = f"{lost} values were NaN or infinite; they are null here."
    return {
        "columns": [ColumnSchema(name=row[0], type=contract_type(row[1])) for row in described],
        "rows": rows[:limit],
        "row_count": min(len(rows), limit),
        "truncated": len(rows) > limit,
        "warnings": [{"code": "not_finite", "message": message}] if lost else [],
    }


def _execute(connection: duckdb.DuckDBPyConnection, sql: str, columns: str, limit: int) -> duckdb.DuckDBPyConnection:
    """Run the query inside one that bounds its rows, so that a sort keeps no more than those."""
    try:
        return connection.execute(f"SELECT {columns} FROM (\n{sql.rstrip(_ENDS)}\n) LIMIT {limit}")  # noqa: S608
    except duckdb.ParserException:
        # A comment behind the semicolon; written anew from its tree, the query has neither.
        row = connection.execute("SELECT json_deserialize_sql(json_serialize_sql(?))", [sql]).fetchone() or ("",)
        return connection.execute(f"SELECT {columns} FROM ({row[0]}) LIMIT {limit}")  # noqa: S608 - checked before


def _readable(kinds: Sequence[str]) -> Iterator[str]:
    """Zoned moments would need a time zone library in Python; they leave DuckDB as UTC."""
    for position, kind in enumerate(kinds, start=1):
        if kind == "TIMESTAMP WITH TIME ZONE":
            yield f"CAST(#{position} AS TIMESTAMP)"
        elif "WITH TIME ZONE" in kind:
            yield f"CAST(#{position} AS VARCHAR)"
        else:
            yield f"#{position}"


def _fetch(result: duckdb.DuckDBPyConnection) -> tuple[list[list[Any]], int]:
    rows: list[list[Any]] = []
    lost = size = 0
    while batch := result.fetchmany(ROWS_AT_ONCE):
        for row in batch:
            size += sum(len(value) if isinstance(value, str | bytes) else 16 for value in row)
            lost += sum(not is_lossless(value) for value in row)
            rows.append([json_value(value) for value in row])
        if size > MAX_ANSWER_BYTES:
            raise ComputeError(
                "query_too_large", "The answer is larger than 32 MiB. Select fewer columns or lower the limit."
            )
    return rows, lost
