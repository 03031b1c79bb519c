"""Rules that a profiled version satisfies and that its successors probably should."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.tabular.types import DATE, DATETIME, INTEGER, STRING

FEW_VALUES = 20
ENOUGH_ROWS = 20
# A set is suggested where each of its values occurs this often on average.
TIMES_EACH = 5


def suggest(profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rules with reasons (schemas.quality.Suggestion), from a profile alone; estimates make no rules."""
    if not profile["rows"]:
        return []
    found = [{"rule": {"kind": "row_count", "min": 1}, "reason": "A version without rows is hardly wanted."}]
    for column in profile["columns"]:
        found += [{"rule": rule, "reason": reason} for rule, reason in _about(column, profile["rows"])]
    return found


def _about(column: Mapping[str, Any], rows: int) -> Iterator[tuple[dict[str, Any], str]]:
    name, count, distinct = column["name"], column["count"], column["distinct"]
    exact = "distinct" not in column["approximate"]
    if column["nulls"] == 0:
        yield {"kind": "not_null", "column": name}, "No value is missing."
    if exact and count == distinct and count == rows >= ENOUGH_ROWS and column["type"] in (INTEGER, STRING):
        yield {"kind": "unique", "columns": [name]}, "No value occurs twice."
    elif exact and column["type"] == STRING and _is_category(column):
        values = [top["value"] for top in column["top"]]
        yield {"kind": "set", "column": name, "values": values}, f"It has {distinct} different values only."
    if column["type"] in (INTEGER, "number") and column["min"] is not None and _small(column["min"]) >= 0:
        yield {"kind": "range", "column": name, "min": 0}, "No value is negative."
    if column["type"] in (DATE, DATETIME) and column["max"] is not None:
        yield {"kind": "range", "column": name, "min": column["min"]}, "Its first value; earlier ones would be new."


def _is_category(column: Mapping[str, Any]) -> bool:
    """All of its values are among the frequent ones that a profile lists, in full length."""
    listed = sum(top["count"] for top in column["top"])
    few = 1 < column["distinct"] <= FEW_VALUES and column["count"] >= TIMES_EACH * column["distinct"]
    return few and listed == column["count"] and all(isinstance(top["value"], str) for top in column["top"])


def _small(value: object) -> float:
    """Integers beyond 2**53 are texts in a profile."""
    return float(str(value))
