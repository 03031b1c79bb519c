"""Steps on texts, and the replacing of values one by one."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import INTEGER, JSON, STRING

from ..expressions.nodes import SQL_TYPES
from .base import Name, NewName, Scalar, StepModel
from .builder import Builder
from .failures import invalid
from .literals import as_kind, kind_for, value_sql
from .relation import Column, Relation

Function = Literal[
    "trim", "lower", "upper", "title", "length", "strip_accents", "collapse_spaces", "extract", "replace", "split"
]
_SIMPLE: Mapping[str, str] = {
    "trim": "trim({0}, ' ' || chr(9) || chr(10) || chr(13))",
    "lower": "lower({0})",
    "upper": "upper({0})",
    "title": (
        "array_to_string(list_transform(regexp_extract_all(lower({0}), '(?s)[^\\s]+|\\s+'), "
        "lambda word: upper(left(word, 1)) || substr(word, 2)), '')"
    ),
    "length": "length({0})",
    "strip_accents": "strip_accents({0})",
    "collapse_spaces": "trim(regexp_replace({0}, '\\s+', ' ', 'g'))",
}


class Text(StepModel):
    """Change texts."""

    title: ClassVar = "Work on text"
    description: ClassVar = (
        "Changes a column of texts in its place, or into the new column `as`: trim, lower, upper, title (each word "
        "with a capital), length, strip_accents, collapse_spaces (white space becomes one blank), extract (what "
        "`pattern`, or its first group, matches first, else null), replace (each match of `pattern`, or `find` "
        "literally, becomes `replacement`), split (the part number `part`, from 1, between `separator`, else null). "
        "Patterns are RE2's."
    )
    example: ClassVar = {"op": "text", "column": "city", "function": "upper"}

    op: Literal["text"]
    column: Name
    function: Function
    pattern: str | None = Field(default=None, min_length=1, max_length=1000)
    find: str | None = Field(default=None, min_length=1, max_length=1000)
    replacement: str = Field(default="", max_length=1000)
    separator: str | None = Field(default=None, min_length=1, max_length=100)
    part: int = Field(default=1, ge=1, le=1000)
    as_: NewName | None = Field(default=None, alias="as")

    @model_validator(mode="after")
    def _needed(self) -> Self:
        if self.function == "extract" and self.pattern is None:
            raise ValueError("extract needs a pattern")
        if self.function == "replace" and (self.pattern is None) == (self.find is None):
            raise ValueError("replace needs either a pattern or what to find")
        if self.function == "split" and self.separator is None:
            raise ValueError("split needs a separator")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The column in another form."""
        column = table.column(self.column)
        if column.type != STRING:
            raise invalid(f"{shown(column.name)} must hold texts, but holds {column.type}; use the step cast first.")
        kind = INTEGER if self.function == "length" else STRING
        return builder.add(table, self.as_ or self.column, kind, self._sql(f"CAST({column.sql} AS VARCHAR)"))

    def _sql(self, sql: str) -> str:
        if self.function in _SIMPLE:
            return _SIMPLE[self.function].format(sql)
        if self.function == "extract":
            pattern = self.pattern or ""
            # Group 1 where the pattern has one that captures; a wrong pattern is refused by DuckDB itself.
            group = 1 if _captures(pattern) else 0
            return f"nullif(regexp_extract({sql}, {literal(pattern)}, {group}), '')"
        if self.function == "split":
            return f"nullif(split_part({sql}, {literal(self.separator or '')}, {self.part}), '')"
        new = literal(self.replacement)
        if self.find is not None:
            return f"replace({sql}, {literal(self.find)}, {new})"
        return f"regexp_replace({sql}, {literal(self.pattern or '')}, {new}, 'g')"


def _captures(pattern: str) -> bool:
    """Whether a pattern has a group that captures: a parenthesis neither escaped, in brackets, nor followed by ?."""
    inside = escaped = False
    for place, letter in enumerate(pattern):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif inside:
            inside = letter != "]"
        elif letter == "[":
            inside = True
        elif letter == "(" and (pattern[place + 1 : place + 2] != "?" or pattern[place + 1 : place + 3] == "?P"):
            return True
    return False


class Replace(StepModel):
    """Replace values."""

    title: ClassVar = "Replace values"
    description: ClassVar = (
        "Turns values into others, all others stay. The keys are values as text (numbers as digits, true or false, "
        "dates like 2024-01-31); a value may become null."
    )
    example: ClassVar = {"op": "replace", "column": "city", "mapping": {"Rome": "Roma", "?": None}}

    op: Literal["replace"]
    column: Name
    mapping: dict[str, Scalar | None] = Field(min_length=1, max_length=1000, description="New value by old value.")

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The column with some other values."""
        column = table.column(self.column)
        if column.type == JSON:
            raise invalid(f"{shown(column.name)} holds nested values, which cannot be replaced one by one.")
        kinds = {kind_for(new, column.type) for new in self.mapping.values()} - {column.type}
        kind = kinds.pop() if kinds else column.type
        arms = " ".join(self._arm(column, kind, old, new) for old, new in self.mapping.items())
        rest = as_kind(column.sql, column.type, kind)
        return builder.replace(table, {column.name: (kind, f"CASE {arms} ELSE {rest} END")})

    def _arm(self, column: Column, kind: str, old: str, new: Scalar | None) -> str:
        key = value_sql(_read(old, column.type), column.type, "A key of the mapping")
        value = (
            f"CAST(NULL AS {SQL_TYPES[kind]})" if new is None else value_sql(new, kind, f"What {shown(old)} becomes")
        )
        return f"WHEN {column.sql} = {key} THEN {value}"


def _read(text: str, kind: str) -> Scalar:
    """A key of a JSON object, which is always text, as a value of the column's type."""
    try:
        return _READ.get(kind, str)(text)
    except (ValueError, KeyError) as error:
        raise invalid(f"{shown(text)} in the mapping is no {kind}.") from error


_READ: Mapping[str, Callable[[str], Scalar]] = {
    "integer": int,
    "number": float,
    "boolean": {"true": True, "false": False}.__getitem__,
}

MODELS: tuple[type[StepModel], ...] = (Text, Replace)
