"""Steps that look at neighbouring rows."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.types import BOOLEAN, INTEGER, NUMBER

from .base import AnyNames, MembersModel, Name, NewName, StepModel
from .builder import Builder, over
from .failures import invalid
from .relation import Column, Relation
from .rows import SortKey

Function = Literal[
    "row_number", "rank", "dense_rank", "percent_rank", "ntile", "lag", "lead", "first", "last",
    "count", "sum", "mean", "min", "max", "std", "cumsum", "cummin", "cummax", "difference", "percent_change",
]  # fmt: skip
_NUMBERING = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "ntile"})
_CUMULATIVE = {"cumsum": "sum", "cummin": "min", "cummax": "max"}
_OF_NUMBERS = frozenset({"sum", "mean", "std", "cumsum", "difference", "percent_change"})
_KEEPS_TYPE = frozenset({"lag", "lead", "first", "last", "min", "max", "cummin", "cummax"})
_WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
Reach = Annotated[int, Field(ge=0, le=100_000)]


class Frame(MembersModel):
    """The rows round the present one."""

    preceding: Reach | None = Field(default=0, description="So many rows before; null for all.")
    following: Reach | None = Field(default=0, description="So many rows behind; null for all.")

    @property
    def sql(self) -> str:
        """As OVER takes it."""
        start, end = ("UNBOUNDED" if n is None else str(n) for n in (self.preceding, self.following))
        return f"ROWS BETWEEN {start} PRECEDING AND {end} FOLLOWING"


class Window(StepModel):
    """Compute over neighbouring rows."""

    title: ClassVar = "Window function"
    description: ClassVar = (
        "Adds a column that looks at the rows of the same group `by`, ordered by `order_by` (default and, for equal "
        "rows, last: the present order). row_number, rank, dense_rank, percent_rank, ntile (`n` parts) need no column; "
        "rank and its kin take rows as equal that are equal in `order_by`. lag, lead, difference, percent_change look "
        "`n` rows away (default 1). first, last, count, sum, mean, min, max and std (of the sample) take the whole "
        "group, or the `frame` of rows round the present one, as for a moving average; cumsum, cummin, cummax all rows "
        "up to it. The rows keep their order."
    )
    example: ClassVar = {
        "op": "window", "by": ["city"], "order_by": ["day"], "function": "cumsum", "column": "price", "as": "so_far",
    }  # fmt: skip

    op: Literal["window"]
    by: AnyNames = Field(default_factory=list)
    order_by: Annotated[list[Name | SortKey], Field(max_length=100)] = Field(default_factory=list)
    function: Function
    column: Name | None = None
    n: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    frame: Frame | None = None
    as_: NewName = Field(alias="as")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.column is None) == (self.function not in _NUMBERING and self.function != "count"):
            needs = "needs a column" if self.column is None else "takes no column"
            raise ValueError(f"{self.function} {needs}")
        if self.frame and (self.function in _NUMBERING | _CUMULATIVE.keys() or self.function in _AWAY):
            raise ValueError(f"{self.function} takes no frame")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One more column; the rows come out of a window function in no order."""
        column = self._checked(table)
        kind = _type(self.function, column)
        return builder.add(table, self.as_, kind, self._sql(table, column), in_order=False)

    def _checked(self, table: Relation) -> Column | None:
        if self.column is None:
            return None
        column = table.column(self.column)
        if self.function in _OF_NUMBERS and column.type not in {INTEGER, NUMBER, BOOLEAN}:
            raise invalid(f"{self.function} needs numbers, but {shown(column.name)} holds {column.type}.")
        return column

    def _sql(self, table: Relation, column: Column | None) -> str:
        by = table.picked(self.by)
        named = order(table, self.order_by)
        full = ", ".join([*named, table.order])
        if self.function in _NUMBERING:
            ties = ", ".join(named) if named and self.function not in {"row_number", "ntile"} else full
            share = "CAST({} AS DOUBLE)" if self.function == "percent_rank" else "CAST({} AS BIGINT)"
            argument = str(self.n) if self.function == "ntile" else ""
            return share.format(f"{self.function}({argument}) {over(by, ties)}")
        if column is None:
            return f"count(*) {over(by, full, self._frame())}"
        if self.function in _AWAY:
            return _away(self.function, column, self.n, over(by, full))
        return _aggregate(self.function, column, over(by, full, self._frame()))

    def _frame(self) -> str:
        if self.frame:
            return self.frame.sql
        return _SO_FAR if self.function in _CUMULATIVE else _WHOLE


_AWAY = frozenset({"lag", "lead", "difference", "percent_change"})


def order(table: Relation, by: list[str | SortKey]) -> list[str]:
    """`by` as ORDER BY takes it."""
    keys = [key if isinstance(key, SortKey) else SortKey(column=key) for key in by]
    return [f"{table.column(k.column).sql} {'DESC' if k.descending else 'ASC'} NULLS LAST" for k in keys]


def _type(function: str, column: Column | None) -> str:
    if column and function in _KEEPS_TYPE:
        return column.type
    if column and function in {"sum", "cumsum", "difference"}:
        return NUMBER if column.type == NUMBER else INTEGER
    return INTEGER if function in _NUMBERING - {"percent_rank"} or function == "count" else NUMBER


def _away(function: str, column: Column, n: int, window: str) -> str:
    if function in {"lag", "lead"}:
        return f"{function}({column.sql}, {n}) {window}"
    value = f"CAST({column.sql} AS {'DOUBLE' if column.type == NUMBER else 'BIGINT'})"
    before = f"lag({value}, {n}) {window}"
    if function == "difference":
        return f"({value} - {before})"
    return f"((CAST({value} AS DOUBLE) - {before}) / nullif({before}, 0))"


def _aggregate(function: str, column: Column, window: str) -> str:
    name = _CUMULATIVE.get(function, function)
    if name in {"first", "last"}:
        return f"{name}_value({column.sql}) {window}"
    if name == "sum":
        if column.type == NUMBER:
            return f"sum(CAST({column.sql} AS DOUBLE)) {window}"
        return f"CAST(sum(CAST({column.sql} AS BIGINT)) {window} AS BIGINT)"
    if name in {"mean", "std"}:
        return f"{ {'mean': 'avg', 'std': 'stddev_samp'}[name] }(CAST({column.sql} AS DOUBLE)) {window}"
    return f"{name}({column.sql}) {window}"


class Lag(StepModel):
    """Bring up an earlier value."""

    title: ClassVar = "Lag"
    description: ClassVar = (
        "Adds the value of `column` from `n` rows before (negative: behind) in the order of `order_by`, within the "
        "groups of `by`; null where there is no such row."
    )
    example: ClassVar = {"op": "lag", "column": "price", "n": 1, "order_by": ["day"], "as": "price_before"}

    op: Literal["lag"]
    column: Name
    n: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 1
    by: AnyNames = Field(default_factory=list)
    order_by: Annotated[list[Name | SortKey] | Name, Field(max_length=200)]
    as_: NewName = Field(alias="as")

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One more column."""
        column = table.column(self.column)
        listed: list[str | SortKey] = [self.order_by] if isinstance(self.order_by, str) else self.order_by
        window = over(table.picked(self.by), ", ".join([*order(table, listed), table.order]))
        return builder.add(table, self.as_, column.type, f"lag({column.sql}, {self.n}) {window}", in_order=False)


MODELS: tuple[type[StepModel], ...] = (Window, Lag)
