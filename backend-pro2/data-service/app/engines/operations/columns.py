"""Steps that choose, name, type and compute columns."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import DATE, DATETIME, INTEGER, NUMBER, STRING, TEMPORAL

from ..expressions.functions_time import FORMAT
from ..expressions.nodes import SQL_TYPES
from ..expressions.operators import cast_sql, castable
from .base import Name, Names, NewName, StepModel
from .builder import Builder
from .failures import invalid
from .relation import Column, Relation, mapped

TypeName = Literal["integer", "number", "boolean", "date", "datetime", "string"]
Expression = Annotated[str, Field(min_length=1, max_length=8192, description="SQL's scalar syntax over the columns.")]


class Select(StepModel):
    """Keep columns."""

    title: ClassVar = "Select columns"
    description: ClassVar = "Keeps the columns, in the order in which they are listed, or with `exclude` all others."
    example: ClassVar = {"op": "select", "columns": ["id", "price"]}

    op: Literal["select"]
    columns: Names
    exclude: bool = Field(default=False, description="Leave these columns out instead.")

    def apply(self, table: Relation, _builder: Builder) -> Relation:
        """Other columns of the same view."""
        chosen = table.picked(self.columns)
        return table.named(table.without(self.columns) if self.exclude else chosen)


class Rename(StepModel):
    """Give columns other names."""

    title: ClassVar = "Rename columns"
    description: ClassVar = "Gives columns new names; all at once, so that two can swap theirs."
    example: ClassVar = {"op": "rename", "columns": {"price": "unit_price"}}

    op: Literal["rename"]
    columns: dict[Name, NewName] = Field(min_length=1, max_length=1000, description="New names by present name.")

    def apply(self, table: Relation, _builder: Builder) -> Relation:
        """The same view under other names."""
        changes = {c.name: Column(self.columns[c.name], c.type, c.sql) for c in table.picked(list(self.columns))}
        return table.named(mapped(table.columns, changes))


class Cast(StepModel):
    """Read columns as another type."""

    title: ClassVar = "Change types"
    description: ClassVar = (
        "Reads columns as another type. A value that does not fit becomes null and is counted in the warning "
        "`cast_failed`; a number that becomes an integer is rounded, halves away from zero, and counted in "
        "`cast_rounded`. Moments with an offset become UTC."
    )
    example: ClassVar = {"op": "cast", "columns": {"price": "integer"}}

    op: Literal["cast"]
    columns: dict[Name, TypeName] = Field(min_length=1, max_length=1000, description="The new type by column.")
    format: str | None = Field(
        default=None, max_length=100, description="How texts write the dates (strptime), such as %d.%m.%Y."
    )

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """Try each value; count what is lost."""
        if self.format is not None and not FORMAT.fullmatch(self.format):
            raise invalid(f"{shown(self.format)} is no format of dates; write it like %d.%m.%Y or %Y-%m-%d %H:%M:%S.")
        columns = table.picked(list(self.columns))
        changes = {column.name: (self.columns[column.name], self._sql(column)) for column in columns}
        self._count(table, builder, columns, {name: sql for name, (_, sql) in changes.items()})
        return builder.replace(table, changes)

    def _sql(self, column: Column) -> str:
        kind = self.columns[column.name]
        if not castable(column.type, kind):
            raise invalid(f"{shown(column.name)} holds {column.type}, which cannot become {kind}.")
        if self.format is not None and column.type == STRING and kind in TEMPORAL:
            return f"CAST(try_strptime({column.sql}, {literal(self.format)}) AS {SQL_TYPES[kind]})"
        if self.format is not None and column.type in TEMPORAL and kind == STRING:
            return f"strftime({column.sql}, {literal(self.format)})"
        source = f"CAST({column.sql} AS DOUBLE)" if column.type == NUMBER else column.sql
        if column.type == STRING and kind == INTEGER:
            # A text such as '1.5' is no integer; DuckDB would round it in silence.
            fits = f"regexp_full_match({source}, '\\s*[-+]?[0-9]+(\\.0*)?\\s*')"
            return f"CASE WHEN {fits} THEN TRY_CAST({source} AS BIGINT) END"
        return cast_sql(source, column.type, kind, forgiving=True)

    def _count(self, table: Relation, builder: Builder, columns: list[Column], sqls: dict[str, str]) -> None:
        counts = []
        for column in columns:
            rounded = column.type == NUMBER and self.columns[column.name] == INTEGER
            counts.append(f"count({column.sql}) - count({sqls[column.name]})")
            counts.append(f"count_if({column.sql} <> {sqls[column.name]})" if rounded else "0")
        found = iter(builder.row(f"SELECT {', '.join(counts)} FROM {table.view}"))  # noqa: S608 - our identifiers
        for column in columns:
            lost, rounded = next(found), next(found)
            kind = self.columns[column.name]
            if lost:
                builder.warn("cast_failed", f"{lost} values of {shown(column.name)} are no {kind}; they became null.")
            if rounded:
                builder.warn("cast_rounded", f"{rounded} values of {shown(column.name)} were rounded to integers.")


class Derive(StepModel):
    """Compute a column."""

    title: ClassVar = "Compute a column"
    description: ClassVar = (
        "Computes a column from others, row by row; one of the same name is replaced in its place. "
        "Dividing by zero gives null; integers that outgrow 64 bits are an error."
    )
    example: ClassVar = {"op": "derive", "name": "total", "expression": "price * quantity"}

    op: Literal["derive"]
    name: NewName
    expression: Expression

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One more column."""
        compiled = builder.compiled(self.expression, table)
        return builder.add(table, self.name, compiled.type, compiled.sql)


def moment(column: Column) -> str:
    """SQL for a date or moment as a moment."""
    return f"CAST({column.sql} AS TIMESTAMP)" if column.type in {DATE, DATETIME} else column.sql


MODELS: tuple[type[StepModel], ...] = (Select, Rename, Cast, Derive)
