"""Figures over groups of rows."""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.types import BOOLEAN, INTEGER, JSON, NUMBER

from .base import AnyNames, MembersModel, Name, NewName, StepModel
from .builder import Builder, over
from .failures import invalid
from .relation import Column, Key, Relation, check_names

Function = Literal[
    "count", "sum", "mean", "median", "min", "max", "std", "var", "distinct", "first", "last", "quantile"
]
FUNCTIONS = (
    "count (of values; without a column, of rows), sum, mean, median and quantile (`q`, type 7: linear between "
    "neighbours), min, max, std and var (of the sample, n - 1), distinct, first and last (value that is not null). "
    "Nulls are left out; a group without values has null, its sum too"
)
_RANKED = frozenset({"median", "quantile", "distinct"})
_OF_NUMBERS = frozenset({"sum", "mean", "median", "std", "var", "quantile"})


class Aggregation(MembersModel):
    """One figure."""

    column: Name | None = Field(default=None, description="Left out, `count` counts rows.")
    function: Function
    q: Annotated[float, Field(ge=0, le=1)] | None = Field(default=None, description="For `quantile`.")
    as_: NewName = Field(alias="as")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.column is None and self.function != "count":
            raise ValueError(f"{self.function} needs a column")
        if (self.q is None) == (self.function == "quantile"):
            raise ValueError("q is needed for quantile, and for no other function")
        return self


Aggregations = Annotated[list[Aggregation], Field(min_length=1, max_length=500)]


class Aggregate(StepModel):
    """Group rows."""

    title: ClassVar = "Group and aggregate"
    description: ClassVar = (
        f"One row per combination of values in `by` (nulls are a value; without any, one row in all), ordered by them, "
        f"with figures: {FUNCTIONS}."
    )
    example: ClassVar = {
        "op": "aggregate",
        "by": ["city"],
        "aggregations": [{"column": "price", "function": "mean", "as": "mean_price"}],
    }

    op: Literal["aggregate"]
    by: AnyNames = Field(default_factory=list)
    aggregations: Aggregations

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One row per group."""
        return aggregated(builder, table, table.picked(self.by), self.aggregations)


def aggregated(
    builder: Builder, table: Relation, by: Sequence[Column], aggregations: Sequence[Aggregation]
) -> Relation:
    """One row per group of `by`, ordered by it.

    Medians, quantiles and distinct values are read off ranks that window functions find: these sort on disk where the
    aggregates of that name would keep every value in memory.
    """
    table, row = builder.numbered(table)
    chosen = [None if a.column is None else _column(table, a) for a in aggregations]
    ranks = {c.sql: builder.fresh() for a, c in zip(aggregations, chosen, strict=True) if c and a.function in _RANKED}
    source = _ranked(builder, table, by, ranks) if ranks else table.view
    new = [Column(a.as_, _type(a, c), builder.fresh()) for a, c in zip(aggregations, chosen, strict=True)]
    columns = check_names([*by, *new])
    values = [f"{_sql(a, c, ranks, row)} AS {n.sql}" for a, c, n in zip(aggregations, chosen, new, strict=True)]
    keys = [column.sql for column in by]
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    if keys:
        view = builder.view(f"SELECT {', '.join([*keys, *values])} FROM {source}{grouped}")  # noqa: S608
        return Relation(view, columns, tuple(map(Key, keys)), in_order=False)
    only = builder.fresh("r")
    view = builder.view(f"SELECT {', '.join(values)}, 0 AS {only} FROM {source}")  # noqa: S608 - our identifiers
    return Relation(view, columns, (Key(only),), in_order=True)


def _column(table: Relation, aggregation: Aggregation) -> Column:
    column = table.column(aggregation.column or "")
    if aggregation.function in _OF_NUMBERS and column.type not in {INTEGER, NUMBER, BOOLEAN}:
        raise invalid(f"{aggregation.function} needs numbers, but {shown(column.name)} holds {column.type}.")
    if aggregation.function in {"min", "max"} and column.type == JSON:
        raise invalid(f"{shown(column.name)} holds nested values, which have no order.")
    return column


def _type(aggregation: Aggregation, column: Column | None) -> str:
    match aggregation.function:
        case "count" | "distinct":
            return INTEGER
        case "min" | "max" | "first" | "last":
            return column.type if column else INTEGER
        case "sum":
            return NUMBER if column and column.type == NUMBER else INTEGER
    return NUMBER


def _ranked(builder: Builder, table: Relation, by: Sequence[Column], ranks: dict[str, str]) -> str:
    """The rows with three more columns for each of these: place, distinct values so far, number of values."""
    listed: list[str] = ["*"]
    for sql, name in ranks.items():
        window = over(by, f"{sql} ASC NULLS LAST")
        listed.append(f"row_number() {window} - 1 AS {name}_place")
        listed.append(f"dense_rank() {window} AS {name}_rank")
        listed.append(f"count({sql}) {over(by, '')} AS {name}_n")
    return builder.view(f"SELECT {', '.join(listed)} FROM {table.view}")  # noqa: S608 - our identifiers


def _sql(aggregation: Aggregation, column: Column | None, ranks: dict[str, str], row: str) -> str:
    if column is None:
        return "count(*)"
    name, number = column.sql, f"CAST({column.sql} AS DOUBLE)"
    match aggregation.function:
        case "count" | "min" | "max":
            return f"{aggregation.function}({name})"
        case "sum":
            return f"fsum({number})" if column.type == NUMBER else f"CAST(sum(CAST({name} AS BIGINT)) AS BIGINT)"
        case "mean":
            return f"favg({number})"
        case "std" | "var":
            return f"{ {'std': 'stddev_samp', 'var': 'var_samp'}[aggregation.function] }({number})"
        case "first" | "last":
            return f"{ {'first': 'arg_min', 'last': 'arg_max'}[aggregation.function] }({name}, {row})"
        case "distinct":
            return f"coalesce(max({ranks[name]}_rank) FILTER (WHERE {name} IS NOT NULL), 0)"
    return _quantile(number, ranks[name], 0.5 if aggregation.q is None else aggregation.q)


def _quantile(value: str, rank: str, q: float) -> str:
    """The value at the place q (n - 1), on the line between its neighbours."""
    place = f"(({rank}_n - 1) * {q!r}::DOUBLE)"
    low, high = (f"max({value}) FILTER (WHERE {rank}_place = {end}({place}))" for end in ("floor", "ceil"))
    share = f"max({place} - floor({place}))"
    return f"({low} + ({high} - {low}) * {share})"


def names(aggregations: Iterable[Aggregation]) -> list[str]:
    """What the figures are called."""
    return [aggregation.as_ for aggregation in aggregations]


MODELS: tuple[type[StepModel], ...] = (Aggregate,)
