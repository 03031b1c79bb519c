"""Rules as conditions in DuckDB's SQL: about single rows, or about the table as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.compute.protocol import ComputeError
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import DATE, DATETIME, NUMERIC, STRING, TEMPORAL, ColumnSchema

from ..expressions import compile_expression


@dataclass(frozen=True, slots=True)
class RowRule:
    """SQL for the rows that the rule is about, and for those of them that break it; `columns` are shown as samples."""

    applies: str
    broken: str
    columns: tuple[str, ...]
    says: str

    def message(self, checked: int, violations: int) -> str:
        """What came out, in a sentence."""
        return f"{violations} of {checked} {self.says}."


@dataclass(frozen=True, slots=True)
class TableRule:
    """`counts` selects rows checked, rows that break the rule, and what was seen; `samples` selects such values."""

    counts: str
    samples: str
    says: Callable[[int, int, Any], str]

    def message(self, checked: int, violations: int, seen: Any) -> str:
        """What came out, in a sentence."""
        return self.says(checked, violations, seen)


def compile_rule(
    rule: Mapping[str, Any], schema: Sequence[ColumnSchema], parents: Mapping[str, str], source: str
) -> RowRule | TableRule:
    """The rule (schemas.quality.Rule) for a table `source` with these columns.

    Raises:
        ComputeError: it cannot be asked of this table: `unknown_column`, `invalid_rule`, `invalid_expression`.
    """
    return _KINDS[rule["kind"]](rule, {column["name"]: column["type"] for column in schema}, parents, source)


def _not_null(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], __: str) -> RowRule:
    name = _known(rule["column"], types)
    return RowRule("true", f"{identifier(name)} IS NULL", (name,), f"values of '{name}' are missing")


def _range(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], __: str) -> RowRule:
    name = _known(rule["column"], types)
    column, kind, low, high = identifier(name), types[name], rule.get("min"), rule.get("max")
    if kind not in NUMERIC | TEMPORAL:
        raise _invalid(f"'{name}' is of type {kind}; a range needs numbers, dates or moments.")
    outside = [f"{column} < {_bound(low, kind)}"] if low is not None else []
    outside += [f"{column} > {_bound(high, kind)}"] if high is not None else []
    parts = [f"below {low}"] if low is not None else []
    parts += [f"above {high}"] if high is not None else []
    return RowRule(
        f"{column} IS NOT NULL", " OR ".join(outside), (name,), f"values of '{name}' are {' or '.join(parts)}"
    )


def _set(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], __: str) -> RowRule:
    name = _known(rule["column"], types)
    text = f"CAST({identifier(name)} AS VARCHAR)"
    if types[name] in NUMERIC:
        numbers = [value for value in rule["values"] if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) < len(rule["values"]):
            raise _invalid(f"'{name}' holds numbers; the set holds something else.")
        broken = f"{identifier(name)} NOT IN ({', '.join(repr(value) for value in numbers)})"
    else:
        broken = f"{text} NOT IN ({', '.join(literal(_text(value)) for value in rule['values'])})"
    return RowRule(f"{identifier(name)} IS NOT NULL", broken, (name,), f"values of '{name}' are not in the set")


def _pattern(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], __: str) -> RowRule:
    name = _known(rule["column"], types)
    if types[name] != STRING:
        raise _invalid(f"'{name}' is of type {types[name]}; a pattern needs text.")
    column = identifier(name)
    broken = f"NOT regexp_full_match({column}, {literal(rule['pattern'])})"
    return RowRule(f"{column} IS NOT NULL", broken, (name,), f"values of '{name}' do not match the pattern")


def _expression(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], __: str) -> RowRule:
    compiled = compile_expression(rule["expression"], types)
    if compiled.type != "boolean":
        raise _invalid(f"The expression is of type {compiled.type}; a rule needs one that is true or false.")
    columns = tuple(sorted(compiled.columns)) or tuple(list(types)[:1])
    return RowRule("true", f"NOT ({compiled.sql})", columns, "rows break the expression")


def _unique(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], source: str) -> TableRule:
    names = [_known(name, types) for name in rule["columns"]]
    columns = [identifier(name) for name in names]
    key = columns[0] if len(columns) == 1 else f"row({', '.join(columns)})"
    present = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    groups = f"SELECT {key} AS k, count(*) AS n FROM {source} WHERE {present} GROUP BY ALL"  # noqa: S608
    shown = "', '".join(names)

    def says(checked: int, violations: int, _seen: Any) -> str:
        return f"{violations} of {checked} rows repeat the '{shown}' of another."

    return TableRule(
        f"SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n - 1), 0)::BIGINT, NULL FROM ({groups})",  # noqa: S608
        f"SELECT k FROM ({groups}) WHERE n > 1 ORDER BY n DESC LIMIT 5",  # noqa: S608 - quoted identifiers
        says,
    )


def _row_count(rule: Mapping[str, Any], _: Mapping[str, str], __: Mapping[str, str], source: str) -> TableRule:
    low, high = rule.get("min"), rule.get("max")
    outside = [f"count(*) < {int(low)}"] if low is not None else []
    outside += [f"count(*) > {int(high)}"] if high is not None else []
    wanted = f"{'any number' if low is None else low} to {'any number' if high is None else high}"

    def says(checked: int, _violations: int, _seen: Any) -> str:
        return f"The version has {checked} rows; {wanted} are wanted."

    counts = f"SELECT count(*), CAST({' OR '.join(outside)} AS BIGINT) * greatest(count(*), 1), NULL FROM {source}"  # noqa: S608
    return TableRule(counts, "", says)


def _foreign_key(
    rule: Mapping[str, Any], types: Mapping[str, str], parents: Mapping[str, str], source: str
) -> TableRule:
    name = _known(rule["column"], types)
    parent = parents.get(str(rule["parent_dataset_id"]))
    if parent is None:
        raise _invalid("the dataset that it refers to has no version that can be used.")
    column, other = identifier(name), identifier(rule["parent_column"])
    orphans = (
        f"SELECT {column} AS v FROM {source} AS child WHERE {column} IS NOT NULL AND NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM read_parquet({literal(parent)}) AS parent WHERE parent.{other} = child.{column})"
    )

    def says(checked: int, violations: int, _seen: Any) -> str:
        return (
            f"{violations} of {checked} values of '{name}' are not in '{rule['parent_column']}' of the other dataset."
        )

    return TableRule(
        f"SELECT (SELECT count({column}) FROM {source}), (SELECT count(*) FROM ({orphans})), NULL",  # noqa: S608
        f"SELECT DISTINCT v FROM ({orphans}) LIMIT 5",  # noqa: S608 - quoted identifiers
        says,
    )


def _freshness(rule: Mapping[str, Any], types: Mapping[str, str], _: Mapping[str, str], source: str) -> TableRule:
    name = _known(rule["column"], types)
    if types[name] not in TEMPORAL:
        raise _invalid(f"'{name}' is of type {types[name]}; freshness needs dates or moments.")
    latest = f"max({identifier(name)})"
    oldest = f"CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP) - to_seconds({float(rule['max_age_hours']) * 3600})"
    # A date counts until its end.
    moment = f"CAST({latest} AS TIMESTAMP)" + (" + INTERVAL 1 DAY" if types[name] == DATE else "")

    def says(_checked: int, _violations: int, seen: Any) -> str:
        return f"The latest '{name}' is {seen}; it may be {rule['max_age_hours']:g} hours old."

    return TableRule(
        f"SELECT 1, CAST(coalesce({moment} < {oldest}, true) AS BIGINT), {latest} FROM {source}",  # noqa: S608
        "",
        says,
    )


def _known(name: str, types: Mapping[str, str]) -> str:
    if name not in types:
        raise ComputeError("unknown_column", f"there is no column '{name}'.")
    return name


def _invalid(reason: str) -> ComputeError:
    return ComputeError("invalid_rule", reason)


def _bound(value: object, kind: str) -> str:
    if kind in NUMERIC:
        if isinstance(value, str):
            raise _invalid("the bounds of a number must be numbers.")
        return repr(value)
    if not isinstance(value, str):
        raise _invalid("the bounds of a date or moment must be ISO 8601 texts.")
    return f"CAST({literal(value)} AS {'TIMESTAMP' if kind == DATETIME else 'DATE'})"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_KINDS: Mapping[str, Callable[..., RowRule | TableRule]] = {
    "not_null": _not_null,
    "unique": _unique,
    "range": _range,
    "set": _set,
    "pattern": _pattern,
    "row_count": _row_count,
    "foreign_key": _foreign_key,
    "freshness": _freshness,
    "expression": _expression,
}
