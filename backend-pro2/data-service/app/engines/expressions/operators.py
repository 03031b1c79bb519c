"""What operators take and give, and their SQL."""

from collections.abc import Sequence

from shared.tabular.quoting import literal
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, JSON, NUMBER, STRING

from .failures import refused
from .nodes import NULL, NUMBERS, SQL_TYPES, Node, as_type, combined, named, require, unified

BOOLEANS, STRINGS = frozenset({BOOLEAN}), frozenset({STRING})
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TYPE_NAMES = {
    **{name: name for name in SQL_TYPES},
    **dict.fromkeys(("int", "bigint"), INTEGER),
    **dict.fromkeys(("double", "float", "real"), NUMBER),
    **dict.fromkeys(("text", "varchar"), STRING),
    "bool": BOOLEAN,
    "timestamp": DATETIME,
}
_FAMILIES = (frozenset({INTEGER, NUMBER, BOOLEAN}), frozenset({DATE, DATETIME}))


def binary(operator: str, left: Node, right: Node) -> Node:
    """`left operator right` for comparisons, arithmetic and ||."""
    if operator in _COMPARISONS:
        return comparison(_COMPARISONS[operator], left, right)
    if operator == "||":
        parts = [text_of(node) for node in (left, right)]
        return combined(f"({parts[0].sql} || {parts[1].sql})", STRING, left.position, parts)
    return _arithmetic(operator, left, right)


def comparison(operator: str, left: Node, right: Node) -> Node:
    """A comparison, also IS [NOT] DISTINCT FROM; null makes the others null."""
    nodes, _ = unified([left, right], "The comparison")
    return combined(f"({nodes[0].sql} {operator} {nodes[1].sql})", BOOLEAN, left.position, nodes)


def text_of(node: Node) -> Node:
    """`node` as text."""
    if node.type == JSON:
        raise refused("A nested value is no text; write cast(x as string)", node.position)
    return as_type(node, STRING)


def _arithmetic(operator: str, left: Node, right: Node) -> Node:
    if DATE in {left.type, right.type} and operator in "+-":
        return _days(operator, left, right)
    if STRING in {left.type, right.type} and operator == "+":
        raise refused("Texts are joined with ||; a text that holds a number is cast(x as number)", right.position)
    if DATETIME in {left.type, right.type}:
        raise refused("Moments are moved by date_add and subtracted by date_diff", left.position)
    what = f"The operator {operator}"
    nodes = [require(left, NUMBERS, what), require(right, NUMBERS, what)]
    kind = NUMBER if operator == "/" or NUMBER in {left.type, right.type} else INTEGER
    nodes = [as_type(node, kind) for node in nodes]
    divisor = f"nullif({nodes[1].sql}, 0)" if operator in "/%" else nodes[1].sql
    return combined(f"({nodes[0].sql} {operator} {divisor})", kind, left.position, nodes)


def _days(operator: str, left: Node, right: Node) -> Node:
    """A date and a number of days, or the days between two dates."""
    if left.type == right.type == DATE and operator == "-":
        return combined(f"CAST({left.sql} - {right.sql} AS BIGINT)", INTEGER, left.position, [left, right])
    if left.type == DATE and right.type in {INTEGER, NULL}:
        sql = f"({left.sql} {operator} CAST({right.sql} AS INTEGER))"
        return combined(sql, DATE, left.position, [left, right])
    raise refused("A date takes + or - a whole number of days; for more use date_add and date_diff", right.position)


def negative(node: Node) -> Node:
    """`-node`."""
    require(node, NUMBERS, "The minus sign")
    kind = INTEGER if node.type == NULL else node.type
    return combined(f"(-{as_type(node, kind).sql})", kind, node.position, [node])


def negation(node: Node) -> Node:
    """`NOT node`; null stays null."""
    condition = as_condition(node, "not")
    return combined(f"(NOT {condition.sql})", BOOLEAN, node.position, [condition])


def junction(word: str, nodes: Sequence[Node]) -> Node:
    """All `nodes` joined by AND or OR, side by side: a long chain is not a deep one."""
    conditions = [as_condition(node, word.lower()) for node in nodes]
    return combined(f"({f' {word} '.join(node.sql for node in conditions)})", BOOLEAN, nodes[0].position, conditions)


def as_condition(node: Node, what: str) -> Node:
    """`node`, if it is true, false or null."""
    return as_type(require(node, BOOLEANS, f"'{what}'"), BOOLEAN)


def is_null(node: Node, *, negated: bool) -> Node:
    """`node IS [NOT] NULL`."""
    return combined(f"({node.sql} IS {'NOT ' if negated else ''}NULL)", BOOLEAN, node.position, [node])


def is_truth(node: Node, word: str, *, negated: bool) -> Node:
    """`node IS [NOT] TRUE` or FALSE, which is never null."""
    condition = as_condition(node, f"is {word.lower()}")
    operator = "IS DISTINCT FROM" if negated else "IS NOT DISTINCT FROM"
    return combined(f"({condition.sql} {operator} {word})", BOOLEAN, node.position, [condition])


def like(operator: str, node: Node, pattern: Node, escape: str | None) -> Node:
    """`node LIKE pattern`, where % stands for any text and _ for one letter."""
    parts = [as_type(require(part, STRINGS, operator.lower()), STRING) for part in (node, pattern)]
    suffix = "" if escape is None else f" ESCAPE {_escape(escape, pattern)}"
    return combined(f"({parts[0].sql} {operator} {parts[1].sql}{suffix})", BOOLEAN, node.position, parts)


def _escape(sign: str, pattern: Node) -> str:
    if len(sign) != 1 or not sign.isascii() or sign in "%_":
        raise refused("The escape of like is one plain sign, neither % nor _", pattern.position)
    return literal(sign)


def among(node: Node, items: Sequence[Node]) -> Node:
    """`node IN (items)`."""
    nodes, _ = unified([node, *items], "The list of 'in'")
    listed = ", ".join(item.sql for item in nodes[1:])
    return combined(f"({nodes[0].sql} IN ({listed}))", BOOLEAN, node.position, nodes)


def between(node: Node, low: Node, high: Node) -> Node:
    """`node BETWEEN low AND high`, both included."""
    nodes, _ = unified([node, low, high], "'between'")
    sql = f"({nodes[0].sql} BETWEEN {nodes[1].sql} AND {nodes[2].sql})"
    return combined(sql, BOOLEAN, node.position, nodes)


def case(conditions: Sequence[Node], values: Sequence[Node], position: int) -> Node:
    """`CASE WHEN condition THEN value ... ELSE value END`: one value more than conditions."""
    checked = [as_condition(condition, "when") for condition in conditions]
    results, kind = unified(values, "'case'")
    arms = " ".join(f"WHEN {c.sql} THEN {v.sql}" for c, v in zip(checked, results, strict=False))
    return combined(f"(CASE {arms} ELSE {results[-1].sql} END)", kind, position, [*checked, *results])


def simple_case(subject: Node, matches: Sequence[Node], values: Sequence[Node], position: int) -> Node:
    """`CASE subject WHEN match THEN value ... ELSE value END`."""
    keys, _ = unified([subject, *matches], "'case'")
    results, kind = unified(values, "'case'")
    arms = " ".join(f"WHEN {m.sql} THEN {v.sql}" for m, v in zip(keys[1:], results, strict=False))
    sql = f"(CASE {keys[0].sql} {arms} ELSE {results[-1].sql} END)"
    return combined(sql, kind, position, [*keys, *results])


def cast(node: Node, type_name: str, *, forgiving: bool, position: int) -> Node:
    """`node` as another type; where a value does not fit, null if `forgiving`, else an error when it runs."""
    kind = _TYPE_NAMES.get(type_name.lower())
    if kind is None:
        raise refused(f"Types are {', '.join(SQL_TYPES)}", position)
    if not castable(node.type, kind):
        raise refused(f"{named(node.type).capitalize()} cannot become {named(kind)}", node.position)
    return combined(cast_sql(node.sql, node.type, kind, forgiving=forgiving), kind, node.position, [node])


def castable(source: str, target: str) -> bool:
    """Whether values of one type can be read as another at all."""
    if source in {target, NULL} or target == STRING or (source == STRING and target in SQL_TYPES):
        return True
    return any({source, target} <= family for family in _FAMILIES)


def cast_sql(sql: str, source: str, target: str, *, forgiving: bool) -> str:
    """SQL for a cast: numbers become integers by rounding half away from zero, moments with an offset become UTC."""
    word = "TRY_CAST" if forgiving else "CAST"
    if source == NUMBER and target == INTEGER:
        sql = f"round({sql})"
    if source == STRING and target == DATETIME:
        sql = f"{word}({sql} AS TIMESTAMP WITH TIME ZONE)"
    return f"{word}({sql} AS {SQL_TYPES[target]})"
