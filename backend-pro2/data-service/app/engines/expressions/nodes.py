"""A checked part of an expression: its SQL, its type, and where it stands.

The SQL of a node is put together from fixed pieces, quoted identifiers of known columns, and literals written anew;
no piece of the user's text gets in otherwise. No piece uses an argument twice, so SQL grows only in step with the text.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, JSON, NUMBER, STRING

from .failures import refused

NULL = "null"
MAX_INTEGER = 2**63 - 1
MAX_DIGITS = len(str(MAX_INTEGER))
SQL_TYPES = {
    INTEGER: "BIGINT",
    NUMBER: "DOUBLE",
    BOOLEAN: "BOOLEAN",
    DATE: "DATE",
    DATETIME: "TIMESTAMP",
    STRING: "VARCHAR",
}
NUMBERS = frozenset({INTEGER, NUMBER})
TIMES = frozenset({DATE, DATETIME})


@dataclass(frozen=True, slots=True)
class Node:
    """`value` is set for literals (not for null); `depth` counts the levels that the SQL nests."""

    sql: str
    type: str
    position: int
    columns: frozenset[str] = frozenset()
    depth: int = 1
    value: str | int | float | bool | None = None


def combined(sql: str, type_: str, position: int, parts: Sequence[Node]) -> Node:
    """A node over `parts`."""
    columns = frozenset[str]().union(*(part.columns for part in parts))
    return Node(sql, type_, position, columns, 1 + max((part.depth for part in parts), default=0))


def text_node(value: str, position: int) -> Node:
    """A text."""
    return Node(literal(value), STRING, position, value=value)


def integer_node(value: int, position: int) -> Node:
    """A whole number of 64 bits."""
    return Node(f"CAST({value} AS BIGINT)", INTEGER, position, value=value)


def number_node(text: str, position: int) -> Node:
    """The number that `text` writes: an integer if it fits one, else a double."""
    digits = text.lstrip("-").lstrip("0") or "0"
    # Python refuses to read an integer of thousands of digits.
    if digits.isdecimal() and len(digits) <= MAX_DIGITS and int(digits) <= MAX_INTEGER:
        return integer_node(-int(digits) if text.startswith("-") else int(digits), position)
    value = float(text)
    if not math.isfinite(value):
        raise refused("The number is too large", position)
    return Node(f"CAST('{value!r}' AS DOUBLE)", NUMBER, position, value=value)


def boolean_node(value: bool, position: int) -> Node:
    """True or false."""
    return Node("TRUE" if value else "FALSE", BOOLEAN, position, value=value)


def time_node(kind: str, text: str, position: int) -> Node:
    """A date or a moment; one with an offset is turned to UTC."""
    try:
        if kind == DATE:
            return Node(f"DATE '{dt.date.fromisoformat(text).isoformat()}'", DATE, position, value=text)
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        example = "'2024-01-31'" if kind == DATE else "'2024-01-31 12:30:00'"
        raise refused(f"{shown(text)} is no {kind}; write it like {example}", position) from error
    return Node(f"TIMESTAMP '{moment.isoformat(sep=' ')}'", DATETIME, position, value=text)


def as_type(node: Node, type_: str) -> Node:
    """`node` read as `type_`, which it is known to fit; null fits everything."""
    if node.type == type_:
        return node
    return replace(node, sql=f"CAST({node.sql} AS {SQL_TYPES[type_]})", type=type_, depth=node.depth + 1)


def unified(nodes: Sequence[Node], what: str) -> tuple[list[Node], str]:
    """`nodes` brought to the one type that they share; texts among times are read as times."""
    kinds = {node.type for node in nodes} - {NULL}
    if kinds & TIMES and STRING in kinds:
        nodes = [_as_time(node, kinds - {STRING}) for node in nodes]
        kinds = {node.type for node in nodes} - {NULL}
    if not kinds:
        return list(nodes), NULL
    if JSON in kinds:
        raise refused(f"{what} cannot take nested values", nodes[0].position)
    common = _common(kinds)
    if common is None:
        odd = next(node for node in nodes if node.type not in {nodes[0].type, NULL})
        raise refused(f"{what}: {named(nodes[0].type)} and {named(odd.type)} do not go together; {_HINT}", odd.position)
    return [as_type(node, common) for node in nodes], common


_HINT = "turn one into the other with cast(x as type)"


def _common(kinds: set[str]) -> str | None:
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds <= NUMBERS:
        return NUMBER
    return DATETIME if kinds <= TIMES else None


def _as_time(node: Node, times: set[str]) -> Node:
    """A text between times, as `day >= '2024-01-31'` has it."""
    if node.type != STRING:
        return node
    if not isinstance(node.value, str):
        raise refused("A column of text is no time; use to_date(text, format) or cast(x as datetime)", node.position)
    whole_day = times == {DATE} and len(node.value) == len("2024-01-31")
    return time_node(DATE if whole_day else DATETIME, node.value, node.position)


def named(type_: str) -> str:
    """A type as a sentence has it."""
    return {"null": "null", "integer": "an integer"}.get(type_, f"a {type_}")


def require(node: Node, kinds: frozenset[str], what: str) -> Node:
    """`node`, if it is of one of `kinds` or null.

    Raises:
        ComputeError: `invalid_expression`.
    """
    if node.type in kinds or node.type == NULL:
        return node
    wanted = " or ".join(sorted(kinds))
    raise refused(f"{what} takes {wanted}, not {node.type}; {_HINT}", node.position)
