"""Which cells of a query's result are aggregates of at least a few rows, and so may be told where single rows may not.

Judged narrowly: one SELECT over one dataset, whose columns are groups of few values or plain aggregates. Anything that
could single out a row on the way (conditions inside aggregates, subqueries, windows, joins) makes the result stay here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .trees import Node, root_of, walk

FEWEST_ROWS = 5
COUNT_NAME = "rows of the group"
_AGGREGATES = frozenset(
    {
        *("count", "count_star", "sum", "avg", "mean", "min", "max", "median", "stddev", "stddev_samp"),
        *("stddev_pop", "variance", "var_samp", "var_pop", "quantile", "quantile_cont", "quantile_disc"),
        *("approx_quantile", "approx_count_distinct", "corr", "covar_samp", "covar_pop", "skewness"),
        *("kurtosis", "sem", "mad", "favg", "fsum", "kahan_sum", "sumkahan", "geomean", "geometric_mean"),
        *("regr_slope", "regr_intercept", "regr_r2", "regr_count"),
    }
)
_AROUND = frozenset(
    {
        *("+", "-", "*", "/", "//", "%", "round", "floor", "ceil", "ceiling", "abs", "sqrt", "ln", "log"),
        *("log10", "trunc", "sign", "coalesce", "ifnull", "nullif"),
    }
)
_DATE_PARTS = frozenset(
    {
        *("date_trunc", "datetrunc", "date_part", "datepart", "year", "month", "quarter", "week", "day"),
        *("dayname", "monthname", "isodow", "dayofweek", "weekday", "hour", "decade", "last_day"),
        *("weekofyear", "strftime", "yearweek"),
    }
)
_MOST_COLUMNS_INSIDE = 2


def counted(tree: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """The tree with one more column, how many rows each row of the result stands for; None if it is no plain aggregate.

    `tables` maps small names to `low`, columns of few values, and `temporal` ones.
    """
    root = root_of(tree)
    if not _is_plain(root) or (table := tables.get(str(root["from_table"]["table_name"]).lower())) is None:
        return None
    items = root["select_list"]
    measures = [_is_measure(item) for item in items]
    if not all(measure or _is_group(item, table) for measure, item in zip(measures, items, strict=True)):
        return None
    if not (any(measures) or root.get("group_expressions")) or not _rest_is_plain(root):
        return None
    more = copy.deepcopy(dict(tree))
    root_of(more)["select_list"].append(_COUNT)
    return more


def _is_plain(root: Node) -> bool:
    source = root.get("from_table") or {}
    return (
        root.get("type") == "SELECT_NODE"
        and source.get("type") == "BASE_TABLE"
        and not source.get("sample")
        # Columns under other names might be any of them.
        and not source.get("column_name_alias")
        and not (root.get("cte_map") or {}).get("map")
        and not root.get("qualify")
        and not root.get("sample")
        and all(node.get("class") not in {"SUBQUERY", "WINDOW", "LAMBDA"} for node in walk(root))
    )


def _rest_is_plain(root: Node) -> bool:
    """What orders and filters groups sees no more of the rows than what is selected."""
    having = root.get("having")
    ordered = [order["expression"] for each in root["modifiers"] for order in each.get("orders", ())]
    kinds = {each["type"] for each in root["modifiers"]}
    return (
        kinds <= {"ORDER_MODIFIER", "LIMIT_MODIFIER"}
        and all(_is_measure(node) or node.get("class") in {"COLUMN_REF", "CONSTANT", "STAR"} for node in ordered)
        and (having is None or all(map(_is_measure_or_name, _compared(having))))
    )


def _compared(node: Node) -> list[Node]:
    """What a condition compares."""
    if node.get("class") == "CONJUNCTION":
        return [each for child in node["children"] for each in _compared(child)]
    if node.get("class") == "COMPARISON":
        return [node["left"], node["right"]]
    return [node]


def _is_measure_or_name(node: Node) -> bool:
    return node.get("class") in {"CONSTANT", "COLUMN_REF"} or _is_measure(node)


def _is_measure(item: Node) -> bool:
    """Whether it is made of aggregates and constants alone, with one aggregate at least."""
    found = False
    pending = [item]
    while pending:
        node = pending.pop()
        if _is_aggregate(node):
            found = True
        elif node.get("class") == "CAST":
            pending.append(node["child"])
        elif node.get("class") == "OPERATOR" and node.get("type") in {"OPERATOR_COALESCE", "OPERATOR_NULLIF"}:
            pending += node["children"]
        elif node.get("class") == "FUNCTION" and node["function_name"] in _AROUND:
            pending += [argument["expression"] for argument in node["arguments"]]
        elif node.get("class") != "CONSTANT":
            return False
    return found


def _is_aggregate(node: Node) -> bool:
    if node.get("class") != "FUNCTION" or node["function_name"] not in _AGGREGATES:
        return False
    if node.get("filter") or (node.get("order_bys") or {}).get("orders"):
        return False
    inside = [each for argument in node["arguments"] for each in walk(argument["expression"])]
    columns = sum(each.get("class") == "COLUMN_REF" for each in inside)
    return columns <= _MOST_COLUMNS_INSIDE and all(map(_is_simple, inside))


def _is_simple(node: Node) -> bool:
    """Whether a part of an aggregate's argument is a column, a constant, or a sum or product of such."""
    kind = node.get("class")
    if kind == "FUNCTION":
        return node["function_name"] in {"+", "-", "*"}
    return kind in {None, "COLUMN_REF", "CONSTANT", "TYPE"} or (kind == "CAST" and not node.get("try_cast"))


def _is_group(item: Node, table: Mapping[str, Any]) -> bool:
    if item.get("class") == "COLUMN_REF":
        return str(item["column_names"][-1]).lower() in table["low"]
    if item.get("class") != "FUNCTION" or item["function_name"] not in _DATE_PARTS:
        return False
    arguments = [argument["expression"] for argument in item["arguments"]]
    columns = [each for each in arguments if each.get("class") != "CONSTANT"]
    return (
        len(columns) == 1
        and columns[0].get("class") == "COLUMN_REF"
        and (str(columns[0]["column_names"][-1]).lower() in table["temporal"])
    )


_COUNT: dict[str, Any] = {
    "class": "FUNCTION",
    "type": "FUNCTION",
    "alias": COUNT_NAME,
    "query_location": 0,
    "function_name": "count_star",
    "schema": "",
    "arguments": [],
    "filter": None,
    "order_bys": {"type": "ORDER_MODIFIER", "orders": []},
    "distinct": False,
    "is_operator": False,
    "export_state": False,
    "catalog": "",
}
