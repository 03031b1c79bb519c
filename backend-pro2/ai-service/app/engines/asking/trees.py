"""The tree of a query, as DuckDB parses it, and what it says about where the numbers of its result come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb

Node = Mapping[str, Any]

# Constants in the arguments of others are precisions, units and patterns.
_PASSING_ON = frozenset(
    {
        *(
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "coalesce",
            "ifnull",
            "nullif",
            "greatest",
            "least",
            "if",
            "max",
            "min",
            "round",
        ),
        *(
            "any_value",
            "first",
            "last",
            "arbitrary",
            "sum",
            "avg",
            "mean",
            "mode",
            "median",
            "concat",
            "concat_ws",
            "||",
        ),
    }
)
_ARITHMETIC = frozenset("+-*/")


def tree_of(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """The whole tree of one SELECT that was checked before."""
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone() or ("{}",)
    tree: dict[str, Any] = json.loads(row[0])
    return tree


def sql_of(connection: duckdb.DuckDBPyConnection, tree: Node) -> str:
    """A tree as SQL."""
    row = connection.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone() or ("",)
    return str(row[0])


def root_of(tree: Node) -> Node:
    """The node of the statement."""
    root: Node = tree["statements"][0]["node"]
    return root


def walk(node: object) -> Iterator[Node]:
    """Every object within, itself first, without recursion."""
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, Mapping):
            yield each
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)


def reads_data(tree: Node) -> bool:
    """Whether any table is read that the query does not make itself."""
    own = _own_names(tree)
    return any(node.get("type") == "BASE_TABLE" and str(node["table_name"]).lower() not in own for node in walk(tree))


def literals(tree: Node) -> list[str]:
    """Constants that can come out as cells: those of lists of values, and of what is selected anywhere in the query."""
    found: list[str] = []
    for node in walk(tree):
        for item in node.get("select_list", ()):
            found += _constants(item)
        for row in node.get("values", ()) if node.get("type") == "EXPRESSION_LIST" else ():
            found += [text for item in row for text in _constants(item)]
    return [text for text in dict.fromkeys(found) if text]


def plain_columns(tree: Node, count: int) -> list[bool]:
    """Which of the `count` columns of the result are columns of datasets, as they stand there."""
    root = root_of(tree)
    if root.get("type") != "SELECT_NODE" or not _is_of_datasets(root.get("from_table"), _own_names(tree)):
        return [False] * count
    items: Sequence[Node] = root["select_list"]
    # A name may also mean what another item of the list is called.
    given = {str(item.get("alias", "")).lower() for item in items}
    kinds = [_is_star(item) or _is_column(item, given) for item in items]
    if len(items) == count and not any(map(_is_star, items)):
        return kinds
    return [all(kinds)] * count


def constant_columns(tree: Node, count: int) -> list[bool]:
    """Which of the columns hold what no table was read for."""
    items = root_of(tree).get("select_list", ())
    if len(items) != count or any(map(_is_star, items)):
        return [False] * count
    return [not any(map(_reads, walk(item))) for item in items]


def _reads(node: Node) -> bool:
    return node.get("class") in {"COLUMN_REF", "STAR", "SUBQUERY", "POSITIONAL_REFERENCE"} or (
        node.get("function_name") in {"count_star", "count"} or node.get("class") == "WINDOW"
    )


def _is_column(item: Node, given: set[str]) -> bool:
    return item.get("class") == "COLUMN_REF" and str(item["column_names"][-1]).lower() not in given


def _is_star(item: Node) -> bool:
    return item.get("class") == "STAR" and not item.get("replace_list") and not item.get("expr")


def _is_of_datasets(source: object, own: frozenset[str]) -> bool:
    if not isinstance(source, Mapping):
        return False
    if source.get("type") == "JOIN":
        return _is_of_datasets(source["left"], own) and _is_of_datasets(source["right"], own)
    return source.get("type") == "BASE_TABLE" and str(source["table_name"]).lower() not in own


def _own_names(tree: Node) -> frozenset[str]:
    maps = (node["cte_map"] for node in walk(tree) if isinstance(node.get("cte_map"), Mapping))
    return frozenset(str(entry["key"]).lower() for each in maps for entry in each.get("map", ()))


def _constants(item: Node) -> list[str]:
    """Constants that an expression may pass on, and what it makes of them by itself."""
    folded = _folded(item)
    if folded is not None:
        return [format(folded, "f"), *_texts(item)]
    return _texts(item)


def _texts(item: Node) -> list[str]:
    found: list[str] = []
    pending = [item]
    while pending:
        node = pending.pop()
        if node.get("class") == "CONSTANT":
            found += [str(node["literal"].get("text", ""))] if node.get("literal") else []
        elif node.get("class") != "FUNCTION":
            pending += [each for value in node.values() for each in _children(value)]
        elif str(node["function_name"]).lower() in _PASSING_ON:
            arguments = [argument["expression"] for argument in node["arguments"]]
            pending += arguments[:1] if node["function_name"] == "round" else arguments
    return found


def _children(value: object) -> list[Node]:
    return (
        [value]
        if isinstance(value, Mapping)
        else [each for each in value if isinstance(each, Mapping)]
        if isinstance(value, list)
        else []
    )


def _folded(item: Node) -> Decimal | None:
    """What arithmetic of constants alone comes to."""
    if item.get("class") == "CONSTANT":
        with suppress(InvalidOperation, KeyError, TypeError):
            return Decimal(item["literal"]["text"])
        return None
    name, arguments = item.get("function_name"), item.get("arguments", ())
    if name not in _ARITHMETIC or len(arguments) != 2:
        return None
    left, right = (_folded(argument["expression"]) for argument in arguments)
    if left is None or right is None or (name == "/" and right == 0):
        return None
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1)}[str(name)]
