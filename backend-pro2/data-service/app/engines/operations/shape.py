"""Steps that turn rows into columns and back."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from shared.compute.protocol import ComputeError
from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import JSON, NUMBER, NUMERIC, STRING

from ..expressions.nodes import SQL_TYPES
from .aggregate import Aggregation, Function, aggregated
from .base import Name, Names, NewName, StepModel
from .builder import Builder
from .failures import invalid
from .literals import as_kind
from .relation import MAX_NAME, Column, Key, Relation, check_names

MAX_NEW_COLUMNS = 1000
MAX_VALUE = 1000
MISSING = "(missing)"


class Pivot(StepModel):
    """Values become columns."""

    title: ClassVar = "Pivot"
    description: ClassVar = (
        "One row per value of `index`, ordered by it, and one column per value of `columns`, in their order and named "
        f"by them (null: {MISSING}), at most {MAX_NEW_COLUMNS}. Cells hold the `function` of `values`, and null where "
        "there are no rows (0 for count)."
    )
    example: ClassVar = {
        "op": "pivot", "index": ["city"], "columns": "kind", "values": "price", "function": "sum",
    }  # fmt: skip

    op: Literal["pivot"]
    index: Name | Names
    columns: Name
    values: Name
    function: Function = "sum"

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """Aggregate by index and value, then lay the values out side by side."""
        builder.known("What columns a pivot gives")
        index = table.picked([self.index] if isinstance(self.index, str) else self.index)
        spread = table.column(self.columns)
        if self.function == "quantile":
            raise invalid("quantile needs q, which a pivot does not take; use median.")
        name = (
            "value" if "value" not in {column.name.lower() for column in (*index, spread)} else builder.fresh("value")
        )
        cell = Aggregation.model_validate({"column": self.values, "function": self.function, "as": name})
        found = aggregated(builder, table, [*index, spread], [cell])
        values = distinct(builder, table, spread)
        builder.learned[self.columns] = [label(value) for value in values]
        return self._laid_out(builder, found, index, spread, values)

    def _laid_out(
        self, builder: Builder, found: Relation, index: list[Column], spread: Column, values: list[Any]
    ) -> Relation:
        cell = found.columns[-1]
        columns = [Column(label(value), cell.type, builder.fresh()) for value in values]
        empty = 0 if self.function in {"count", "distinct"} else "NULL"
        cells = [
            f"coalesce(max({cell.sql}) FILTER (WHERE {equals(spread, value)}), {empty}) AS {column.sql}"
            if empty == 0
            else f"any_value({cell.sql}) FILTER (WHERE {equals(spread, value)}) AS {column.sql}"
            for column, value in zip(columns, values, strict=True)
        ]
        keys = [column.sql for column in index]
        sql = f"SELECT {', '.join([*keys, *cells])} FROM {found.view} GROUP BY {', '.join(keys)}"  # noqa: S608
        return Relation(builder.view(sql), check_names([*index, *columns]), tuple(map(Key, keys)), in_order=False)


def distinct(builder: Builder, table: Relation, column: Column, most: int = MAX_NEW_COLUMNS) -> list[Any]:
    """The distinct values of a column as text, in their own order, null last.

    Raises:
        ComputeError: `too_many_columns`.
    """
    if column.type == JSON:
        raise invalid(f"{shown(column.name)} holds nested values, which cannot name columns.")
    values = f"SELECT {column.sql} AS x FROM {table.view} GROUP BY x"  # noqa: S608 - our identifiers
    ordered = f"SELECT left(CAST(x AS VARCHAR), {MAX_VALUE + 1}) FROM ({values}) ORDER BY x NULLS LAST LIMIT {most + 1}"  # noqa: S608
    found = [row[0] for row in builder.rows(ordered)]
    if any(value is not None and len(value) > MAX_VALUE for value in found):
        raise invalid(f"{shown(column.name)} has values of more than {MAX_VALUE} letters, which cannot name columns.")
    if len(found) > most:
        raise ComputeError(
            "too_many_columns",
            f"{shown(column.name)} has more than {most} values, each of which would become a column; bin or replace "
            "them first.",
        )
    return found


def label(value: str | None) -> str:
    """A value as a column's name."""
    if value is None:
        return MISSING
    cleaned = "".join(letter if letter.isprintable() else " " for letter in value).strip()[:MAX_NAME].strip()
    return cleaned or "(empty)"


def equals(column: Column, value: str | None) -> str:
    """SQL for "the column has this value", which is never null."""
    if value is None:
        return f"{column.sql} IS NULL"
    return f"CAST({column.sql} AS VARCHAR) IS NOT DISTINCT FROM {literal(value)}"


class Unpivot(StepModel):
    """Columns become rows."""

    title: ClassVar = "Unpivot"
    description: ClassVar = (
        "Turns each row into one row per column of `columns`, whose name goes into the column `name` and whose value "
        "into the column `value`; the other columns are repeated. The columns must be of one type, or all numbers."
    )
    example: ClassVar = {
        "op": "unpivot", "columns": ["price", "quantity"], "name": "measure", "value": "amount",
    }  # fmt: skip

    op: Literal["unpivot"]
    columns: Annotated[Names, Field(description="The columns to turn.")]
    name: NewName = "name"
    value: NewName = "value"

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """Row by row, in the order in which the columns are listed."""
        turned = table.picked(self.columns)
        kind = _one_type(turned)
        kept = table.without(self.columns)
        name, value = Column(self.name, STRING, builder.fresh()), Column(self.value, kind, builder.fresh())
        place = builder.fresh("k")
        inner = builder.view(f"SELECT *, unnest(range({len(turned)})) AS {place} FROM {table.view}")  # noqa: S608
        names = " ".join(f"WHEN {i} THEN {literal(column.name)}" for i, column in enumerate(turned))
        values = " ".join(f"WHEN {i} THEN {as_kind(c.sql, c.type, kind)}" for i, c in enumerate(turned))
        hidden = [key.sql for key in table.keys if key.sql not in {column.sql for column in kept}]
        listed = [
            *(column.sql for column in kept),
            f"CASE {place} {names} END AS {name.sql}",
            f"CASE {place} {values} END AS {value.sql}",
            *hidden,
            place,
        ]
        view = builder.view(f"SELECT {', '.join(listed)} FROM {inner}")  # noqa: S608 - our identifiers
        columns = check_names([*kept, name, value])
        return Relation(view, columns, (*table.keys, Key(place)), table.in_order)


def _one_type(columns: list[Column]) -> str:
    kinds = {column.type for column in columns}
    if kinds <= NUMERIC and len(kinds) > 1:
        return NUMBER
    if len(kinds) > 1:
        listed = ", ".join(f"{shown(column.name)} {column.type}" for column in columns[:5])
        raise invalid(f"The columns are of several types ({listed}); cast them to one of {', '.join(SQL_TYPES)} first.")
    return kinds.pop()


MODELS: tuple[type[StepModel], ...] = (Pivot, Unpivot)
