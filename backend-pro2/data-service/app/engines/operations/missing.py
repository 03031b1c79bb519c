"""Steps about missing values that fill them."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.types import JSON, NUMBER, NUMERIC, TEMPORAL

from .base import AnyNames, Names, Scalar, StepModel
from .builder import Builder, over
from .columns import moment
from .failures import invalid
from .literals import as_kind, double, kind_for, value_sql
from .relation import Column, Relation
from .stats import finite, moments, quantiles

Method = Literal["constant", "mean", "median", "mode", "forward", "backward", "interpolate"]
_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
_FROM_HERE = "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"


class FillMissing(StepModel):
    """Fill nulls."""

    title: ClassVar = "Fill missing values"
    description: ClassVar = (
        "Fills nulls with a constant, the column's mean, median (type 7) or mode (the most frequent value, of equally "
        "frequent ones the smallest), the value before (`forward`) or behind (`backward`), or on the line between both "
        "(`interpolate`, over the places of the rows, or over the values of the one column in `order_by`; before the "
        "first and behind the last value nulls stay). Order is that of the rows unless `order_by` says otherwise; "
        "`by` keeps groups apart. A column of integers that gets a fraction becomes one of numbers."
    )
    example: ClassVar = {"op": "fill_missing", "columns": ["price"], "method": "mean"}

    op: Literal["fill_missing"]
    columns: Names
    method: Method
    value: Scalar | None = Field(default=None, description="For `constant`.")
    order_by: AnyNames = Field(default_factory=list)
    by: AnyNames = Field(default_factory=list)

    @model_validator(mode="after")
    def _value_for_constant(self) -> Self:
        if (self.value is None) == (self.method == "constant"):
            raise ValueError("value is needed for the method constant, and for no other")
        if self.method not in {"forward", "backward", "interpolate"} and (self.order_by or self.by):
            raise ValueError("order_by and by are for the methods forward, backward and interpolate")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The columns with fewer nulls."""
        columns = table.picked(self.columns)
        if self.method == "interpolate":
            return self._interpolated(table, builder)
        if self.method in {"forward", "backward"}:
            changes = {column.name: (column.type, self._neighbour(table, column)) for column in columns}
            return builder.replace(table, changes, in_order=False)
        return builder.replace(table, {column.name: self._filled(table, builder, column) for column in columns})

    def _order(self, table: Relation) -> str:
        named = [f"{column.sql} ASC NULLS LAST" for column in table.picked(self.order_by)]
        return ", ".join([*named, table.order])

    def _neighbour(self, table: Relation, column: Column) -> str:
        name, frame = ("last_value", _SO_FAR) if self.method == "forward" else ("first_value", _FROM_HERE)
        window = over(table.picked(self.by), self._order(table), frame)
        return f"coalesce({column.sql}, {name}({column.sql} IGNORE NULLS) {window})"

    def _filled(self, table: Relation, builder: Builder, column: Column) -> tuple[str, str]:
        if self.method == "constant" and self.value is not None:
            kind = kind_for(self.value, column.type)
            sql = value_sql(self.value, kind, f"The value for {shown(column.name)}")
            return kind, f"coalesce({as_kind(column.sql, column.type, kind)}, {sql})"
        if self.method == "mode":
            return column.type, self._with_mode(table, builder, column)
        found = self._middle(table, builder, table.numeric(column.name))
        if found is None:
            builder.warn("nothing_to_fill_with", f"{shown(column.name)} has no value at all; it stays as it is.")
            return column.type, column.sql
        builder.learned[column.name] = found
        return NUMBER, f"coalesce(CAST({column.sql} AS DOUBLE), {double(found)})"

    def _middle(self, table: Relation, builder: Builder, column: Column) -> float | None:
        if self.method == "mean":
            return moments(builder, table, column).mean
        middle = quantiles(builder, table, column, [0.5])
        return middle[0] if middle else None

    def _with_mode(self, table: Relation, builder: Builder, column: Column) -> str:
        """The mode stays in SQL, where it keeps its type to the last digit."""
        if column.type == JSON:
            raise invalid(f"{shown(column.name)} holds nested values, which have no mode.")
        counted = f"SELECT {column.sql} AS x, count(*) AS n FROM {table.view} WHERE x IS NOT NULL GROUP BY x"  # noqa: S608
        mode = builder.view(f"SELECT x FROM ({counted}) ORDER BY n DESC, x LIMIT 1")  # noqa: S608
        return f"coalesce({column.sql}, (SELECT x FROM {mode}))"  # noqa: S608

    def _interpolated(self, table: Relation, builder: Builder) -> Relation:
        columns = [table.numeric(name) for name in self.columns]
        window = over(table.picked(self.by), self._order(table))
        place = self._place(table) or f"row_number() {window}"
        placed = builder.fresh()
        inner = builder.view(f"SELECT *, CAST({place} AS DOUBLE) AS {placed} FROM {table.view}")  # noqa: S608
        table = Relation(inner, table.columns, table.keys, in_order=False)
        return builder.replace(
            table, {column.name: (NUMBER, self._line(table, column, placed)) for column in columns}, in_order=False
        )

    def _place(self, table: Relation) -> str:
        if len(self.order_by) != 1:
            return ""
        column = table.column(self.order_by[0])
        if column.type in TEMPORAL:
            return f"epoch({moment(column)})"
        return column.sql if column.type in NUMERIC else ""

    def _line(self, table: Relation, column: Column, place: str) -> str:
        by, order = table.picked(self.by), self._order(table)
        value = finite(column)
        at = f"CASE WHEN ({value}) IS NOT NULL THEN {place} END"
        before, behind = over(by, order, _SO_FAR), over(by, order, _FROM_HERE)
        y0, x0 = (f"last_value({what} IGNORE NULLS) {before}" for what in (f"({value})", f"({at})"))
        y1, x1 = (f"first_value({what} IGNORE NULLS) {behind}" for what in (f"({value})", f"({at})"))
        line = f"{y0} + ({y1} - {y0}) * ({place} - {x0}) / nullif({x1} - {x0}, 0)"
        return f"coalesce(CAST({column.sql} AS DOUBLE), {line})"


MODELS: tuple[type[StepModel], ...] = (FillMissing,)
