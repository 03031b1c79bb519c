"""Which SQL may run: one SELECT over the project's datasets, built of parts that are known to be harmless.

DuckDB itself parses the text; its tree is walked and every node must be of a known kind. What is checked is what
runs: the same text goes to the same parser. The walk is the first wall; behind it the connection has no files, no
network and no settings.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from shared.compute.protocol import ComputeError
from shared.queries import functions

MAX_SQL_BYTES = 16 * 1024
TOO_DEEP = "The query is nested too deeply. Simplify it."

_NODES = frozenset(
    {
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
        *("BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "PIVOT"),
        *("ORDER_MODIFIER", "LIMIT_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_PERCENT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
    }
)
_EXPRESSIONS = frozenset(
    {
        *("COLUMN_REF", "CONSTANT", "FUNCTION", "COMPARISON", "CONJUNCTION", "OPERATOR", "CAST", "CASE", "BETWEEN"),
        *("STAR", "WINDOW", "SUBQUERY", "LAMBDA", "LAMBDA_REF", "COLLATE", "POSITIONAL_REFERENCE", "TYPE"),
    }
)
_HINTS = {
    "SHOW_REF": "DESCRIBE, SHOW and SUMMARIZE are not available here; the schema and the profile have their own routes",
    "PARAMETER": "parameters are not available; write the value into the query",
    **dict.fromkeys(
        ("INSERT_QUERY_NODE", "UPDATE_QUERY_NODE", "DELETE_QUERY_NODE", "MERGE_QUERY_NODE"), "only reading is possible"
    ),
}


_POSITIONS = ("query_location", "query_location_length")


@dataclass(frozen=True, slots=True)
class Checked:
    """A query that may run.

    Attributes:
        tables: the datasets it needs.
        optional: names that are its own, but may also mean a dataset.
        digest: of its tree, so that spaces, comments and the case of keywords make no difference.
        is_repeatable: whether the same data give the same answer each time.
    """

    tables: tuple[str, ...]
    optional: tuple[str, ...]
    digest: str
    is_repeatable: bool


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> Checked:
    """Refuse everything but one harmless SELECT.

    Raises:
        ComputeError: `invalid_sql` (not parsed, more than one statement), `forbidden_sql` (parsed, but not allowed).
    """
    tree = _parse(connection, sql)
    nodes = list(_walk(tree))
    own = {name for node in nodes for name in _cte_names(node)}
    _refuse_catalog_names(connection, own)
    for node in nodes:
        _check_node(node)
    named = [node["table_name"] for node in nodes if node.get("type") == "BASE_TABLE" and "table_name" in node]
    unique = tuple(dict.fromkeys(named))
    return Checked(
        tables=tuple(name for name in unique if name.lower() not in own),
        optional=tuple(name for name in unique if name.lower() in own),
        digest=_digest(tree),
        is_repeatable=_is_repeatable(nodes),
    )


def forbidden(reason: str) -> ComputeError:
    """The error for SQL that is well formed but not allowed."""
    return ComputeError("forbidden_sql", f"This query is not allowed: {reason}.")


def invalid(reason: str) -> ComputeError:
    """The error for text that is not one SELECT."""
    return ComputeError("invalid_sql", reason)


def _parse(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    if len(sql.encode()) > MAX_SQL_BYTES:
        raise invalid(f"The query is longer than {MAX_SQL_BYTES} bytes. Shorten it.")
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    try:
        tree: dict[str, Any] = json.loads(row[0]) if row else {}
    except RecursionError as error:
        raise invalid(TOO_DEEP) from error
    if tree.get("error"):
        raise _not_parsed(tree, sql)
    statements = tree.get("statements", [])
    if len(statements) != 1:
        raise invalid(f"Send exactly one SELECT statement; this has {len(statements)}.")
    return dict(statements[0])


def _not_parsed(tree: dict[str, Any], sql: str) -> ComputeError:
    if tree.get("error_type") != "parser":
        return invalid("Only one SELECT statement is possible here, without PIVOT that finds its own columns.")
    message = str(tree.get("error_message", "syntax error")).partition("\n")[0][:200]
    if message.startswith("Max expression depth"):
        return invalid(TOO_DEEP)
    return invalid(f"{message.capitalize()}{where(sql, tree.get('position'))}.")


def where(sql: str, position: object) -> str:
    """`" (line 2, column 5)"` for an offset in bytes into `sql`, or nothing."""
    if not isinstance(position, str | int) or not str(position).isdecimal():
        return ""
    before = sql.encode()[: int(position)].decode(errors="ignore")
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"


def _walk(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object of the tree, without recursion: its depth is the client's to choose. Positions are taken off."""
    pending: list[object] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            for name in _POSITIONS:
                node.pop(name, None)
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _digest(tree: dict[str, Any]) -> str:
    try:
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
    except RecursionError as error:
        raise invalid(TOO_DEEP) from error


def _is_repeatable(nodes: Sequence[dict[str, Any]]) -> bool:
    for node in nodes:
        columns = node.get("column_names") or [""]
        names = {str(node.get("function_name", "")).lower(), str(columns[-1]).lower()}
        if names & functions.VOLATILE or node.get("sample") is not None:
            return False
    return True


def _cte_names(node: dict[str, Any]) -> Iterator[str]:
    cte_map = node.get("cte_map")
    if isinstance(cte_map, dict):
        for entry in cte_map.get("map", []):
            yield str(entry["key"]).lower()


def _refuse_catalog_names(connection: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    """A name defined in one branch of a query could mean DuckDB's own view of that name in another."""
    views = {
        row[0] for row in connection.execute("SELECT lower(view_name) FROM duckdb_views() WHERE internal").fetchall()
    }
    if taken := sorted(names & views):
        raise forbidden(f"'{taken[0]}' is a reserved name, call it something else")


def _check_node(node: dict[str, Any]) -> None:
    kind, expression = node.get("type"), node.get("class")
    if isinstance(kind, str):
        allowed = expression in _EXPRESSIONS if expression else kind in _NODES
        if not allowed:
            hint = _HINTS.get(kind) or _HINTS.get(str(expression))
            raise forbidden(hint or f"it uses {str(expression or kind).lower().replace('_', ' ')}")
    if "function_name" in node:
        _check_function(node)
    if kind == "BASE_TABLE":
        _check_table(node)
    if kind == "TABLE_FUNCTION":
        _check_table_function(node)


def _check_function(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    if name not in functions.SCALAR_AND_AGGREGATE or _is_qualified(node):
        raise forbidden(f"the function '{name[:60]}' is not available")


def _check_table_function(node: dict[str, Any]) -> None:
    function = node.get("function")
    name = str(function.get("function_name", "")).lower() if isinstance(function, dict) else ""
    if name not in functions.TABLE:
        raise forbidden(f"the table function '{name[:60]}' is not available")


def _check_table(node: dict[str, Any]) -> None:
    if node.get("schema_name") or node.get("catalog_name") or _is_qualified(node) or node.get("at_clause"):
        raise forbidden('a dataset is named by its name alone, and its version 3 as "name@3"')


def _is_qualified(node: dict[str, Any]) -> bool:
    path = node.get("qualified_name", {}).get("path", [])
    return bool(node.get("schema") or node.get("catalog")) or len(path) > 1
