"""Steps that choose and order rows."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.types import BOOLEAN

from .base import AnyNames, MembersModel, Name, Seed, StepModel
from .builder import Builder, over
from .columns import Expression
from .failures import invalid
from .relation import Key, Relation

Rows = Annotated[int, Field(ge=0, le=10**12)]


class Filter(StepModel):
    """Keep rows."""

    title: ClassVar = "Filter rows"
    description: ClassVar = "Keeps the rows for which the condition is true; where it is null, the row goes."
    example: ClassVar = {"op": "filter", "where": "price > 10 and city is not null"}

    op: Literal["filter"]
    where: Expression

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The rows that fit."""
        compiled = builder.compiled(self.where, table)
        if compiled.type != BOOLEAN:
            raise invalid(f"The condition must be true or false, but is {compiled.type}; write a comparison.")
        return builder.where(table, compiled.sql)


class SortKey(MembersModel):
    """A column to sort by."""

    column: Name
    descending: bool = False


class Sort(StepModel):
    """Order rows."""

    title: ClassVar = "Sort rows"
    description: ClassVar = "Orders the rows; nulls come last either way, and equal rows keep their order."
    example: ClassVar = {"op": "sort", "by": [{"column": "price", "descending": True}, "id"]}

    op: Literal["sort"]
    by: list[Name | SortKey] = Field(min_length=1, max_length=100, description="Columns, the most important first.")

    def apply(self, table: Relation, _builder: Builder) -> Relation:
        """The same rows under other keys; the sorting itself happens where the order matters."""
        wanted = [key if isinstance(key, SortKey) else SortKey(column=key) for key in self.by]
        columns = table.picked([key.column for key in wanted])
        keys = tuple(Key(column.sql, key.descending) for column, key in zip(columns, wanted, strict=True))
        return Relation(table.view, table.columns, (*keys, *table.keys), in_order=False)


class Limit(StepModel):
    """Keep the first rows."""

    title: ClassVar = "First rows"
    description: ClassVar = "Keeps the first rows, after leaving out `offset` of them."
    example: ClassVar = {"op": "limit", "n": 100}

    op: Literal["limit"]
    n: Rows
    offset: Rows = 0

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The first rows in the order of the keys."""
        ordered = "" if table.in_order else f" ORDER BY {table.order}"
        sql = f"SELECT * FROM {table.view}{ordered} LIMIT {self.n} OFFSET {self.offset}"  # noqa: S608
        return Relation(builder.view(sql), table.columns, table.keys, in_order=True)


class Sample(StepModel):
    """Keep rows by lot."""

    title: ClassVar = "Sample rows"
    description: ClassVar = (
        "Keeps `n` rows, or each row with the probability `fraction`, drawn without replacement by a hash of the seed "
        "and the row's place: the same seed gives the same rows whatever the machine. The rows keep their order."
    )
    example: ClassVar = {"op": "sample", "n": 2, "seed": 7}

    op: Literal["sample"]
    n: Annotated[int, Field(ge=1, le=10**9)] | None = None
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.n is None) == (self.fraction is None):
            raise ValueError("give either n or fraction")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The rows whose lots are the smallest, or small enough."""
        table, key = builder.numbered(table)
        if self.fraction is not None:
            return builder.where(table, f"{lot(key, self.seed)} < {self.fraction!r}")
        view = builder.view(f"SELECT * FROM {table.view} ORDER BY {lot(key, self.seed)}, {key} LIMIT {self.n}")  # noqa: S608
        return Relation(view, table.columns, table.keys, in_order=False)


def lot(key: str, seed: int) -> str:
    """SQL for a number from 0 to below 1 that the seed and a row's key determine: 53 bits of an MD5."""
    return f"((md5_number_lower('{seed}:' || {key}) >> 11) / 9007199254740992.0::DOUBLE)"


class DropDuplicates(StepModel):
    """Keep one of equal rows."""

    title: ClassVar = "Drop duplicates"
    description: ClassVar = "Keeps the first of the rows that are equal in the columns (default: all); nulls are equal."
    example: ClassVar = {"op": "drop_duplicates", "columns": ["city"]}

    op: Literal["drop_duplicates"]
    columns: AnyNames = Field(default_factory=list)

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The first row of each group."""
        columns = table.picked(self.columns) or list(table.columns)
        return builder.qualify(table, f"row_number() {over(columns, table.order)} = 1")


class DropMissing(StepModel):
    """Leave out rows with nulls."""

    title: ClassVar = "Drop rows with missing values"
    description: ClassVar = "Leaves out the rows that have a null in any, or with `how: all` in all, of the columns."
    example: ClassVar = {"op": "drop_missing", "columns": ["price"]}

    op: Literal["drop_missing"]
    columns: AnyNames = Field(default_factory=list)
    how: Literal["any", "all"] = "any"

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The rows whose values are there."""
        columns = table.picked(self.columns) or list(table.columns)
        joint = " AND " if self.how == "any" else " OR "
        return builder.where(table, joint.join(f"{column.sql} IS NOT NULL" for column in columns))


MODELS: tuple[type[StepModel], ...] = (Filter, Sort, Limit, Sample, DropDuplicates, DropMissing)
