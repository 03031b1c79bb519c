"""Whether SQL fits the columns of datasets, found out over empty tables: no data is touched."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import duckdb

from shared.compute import ComputeError, Report
from shared.queries import policy
from shared.queries.errors import explain, unknown
from shared.queries.query import columns_of, lock_up
from shared.queries.template import opened
from shared.tabular.duck import torn_letters_mended
from shared.tabular.quoting import identifier
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, JSON, NUMBER, STRING, ColumnSchema, contract_type

MEMORY_MB = 128
_TYPES = {
    INTEGER: "BIGINT",
    NUMBER: "DOUBLE",
    BOOLEAN: "BOOLEAN",
    DATE: "DATE",
    DATETIME: "TIMESTAMP",
    STRING: "VARCHAR",
    JSON: "JSON",
}
_GROWN = ("where_clause", "having", "qualify", "sample", "group_expressions", "modifiers")
_PLACE = re.compile(r" \(line \d+, column \d+\)")


class CheckTable(TypedDict):
    """A dataset as SQL names it, and those of its columns that SQL may name."""

    name: str
    columns: list[ColumnSchema]


def check_query(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The columns that `job["sql"]` would answer with over `job["tables"]`: {"columns": [...]}.

    Raises:
        ComputeError: `invalid_sql`, `forbidden_sql`, `unknown_table`, `unknown_column`, `query_failed`.
    """
    columns = _columns(job["sql"], job["tables"])
    report(1, 1, "Checked")
    return {"columns": [ColumnSchema(name=name, type=contract_type(kind)) for name, kind in columns]}


def check_expression(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The type of the one value that `job["expression"]` makes of the columns of `job["table"]`: {"type": ...}.

    Raises:
        ComputeError: as check_query; `invalid_sql` also where it is no expression.
    """
    table: CheckTable = job["table"]
    sql = f"SELECT (\n{job['expression']}\n) FROM {identifier(table['name'])}"  # noqa: S608 - checked, and never run
    try:
        columns = _columns(sql, [table], alone=True)
    except ComputeError as error:
        # Places in the text count from a SELECT that nobody wrote.
        raise ComputeError(error.code, _PLACE.sub("", error.detail)) from error
    report(1, 1, "Checked")
    return {"type": contract_type(columns[0][1])}


def _columns(sql: str, tables: Sequence[CheckTable], *, alone: bool = False) -> list[tuple[str, str]]:
    with opened(memory_mb=MEMORY_MB, threads=1) as connection:
        checked = policy.check(connection, sql)
        known = {table["name"].lower(): table["name"] for table in tables}
        for name in checked.tables:
            if name.lower() not in known:
                raise unknown("table", name, known.values())
        if alone and not _is_expression(connection, sql):
            raise ComputeError("invalid_sql", "This is no single expression over the columns of the dataset.")
        try:
            for table in tables:
                connection.execute(_empty(table))
            lock_up(connection, [])
            with torn_letters_mended():
                return columns_of(connection, sql)
        except duckdb.Error as error:
            raise explain(connection, error, sql, [{"name": table["name"]} for table in tables]) from error


def _empty(table: CheckTable) -> str:
    columns = ", ".join(
        f"{identifier(column['name'])} {_TYPES.get(column['type'], 'VARCHAR')}" for column in table["columns"]
    )
    return f"CREATE TABLE main.{identifier(table['name'])} ({columns})"


def _is_expression(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether what stands between SELECT and FROM has not become more than one value of that table."""
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone() or ("{}",)
    node = json.loads(row[0])["statements"][0]["node"]
    return node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1 and not _has_more(node)


def _has_more(node: Mapping[str, Any]) -> bool:
    value = node["select_list"][0]
    # Several values between brackets, or none, are a row.
    return any(node.get(name) for name in _GROWN) or value.get("class") == "STAR" or value.get("function_name") == "row"
