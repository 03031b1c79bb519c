"""Categories as numbers."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.types import BOOLEAN, INTEGER, JSON, NUMBER, NUMERIC

from .base import Name, Names, Seed, StepModel
from .builder import Builder, over
from .failures import invalid
from .literals import double
from .relation import Column, Relation
from .rows import lot
from .shape import distinct, equals, label


class Encode(StepModel):
    """Write categories as numbers."""

    title: ClassVar = "Encode categories"
    description: ClassVar = (
        "one_hot: a column `<column>_<value>` of 0 and 1 per value, in the order of the values, in the place of the "
        "column; a null is 0 in all; at most `max_categories` values. ordinal: 0, 1, and so on in the order of the "
        "values; null stays null. frequency: the share of rows with that value. target: the mean of `target` over the "
        "other folds' rows with that value, drawn towards their overall mean by `smoothing` imaginary rows: (sum + "
        "smoothing * mean) / (n + smoothing) (Micci-Barreca 2001, out of fold, so that no row sees its own target). "
        "Folds are drawn by a hash of `seed` and the row's place."
    )
    example: ClassVar = {"op": "encode", "columns": ["city"], "method": "one_hot"}

    op: Literal["encode"]
    columns: Names
    method: Literal["one_hot", "ordinal", "frequency", "target"]
    target: Name | None = Field(default=None, description="For `target`: a column of numbers or booleans.")
    max_categories: Annotated[int, Field(ge=1, le=1000)] = 100
    drop_first: bool = Field(default=False, description="For `one_hot`: leave out the first value's column.")
    smoothing: Annotated[float, Field(ge=0, le=1e9)] = 10.0
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    seed: Seed = 0

    @model_validator(mode="after")
    def _target(self) -> Self:
        if (self.target is None) == (self.method == "target"):
            raise ValueError("target is needed for the method target, and for no other")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The columns as numbers."""
        for column in table.picked(self.columns):
            if column.type == JSON:
                raise invalid(f"{shown(column.name)} holds nested values, which are no categories.")
        if self.method == "one_hot":
            return self._one_hot(table, builder)
        if self.method == "target":
            return self._by_target(table, builder)
        changes = {column.name: self._simple(column) for column in table.picked(self.columns)}
        return builder.replace(table, changes, in_order=False)

    def _simple(self, column: Column) -> tuple[str, str]:
        if self.method == "frequency":
            return NUMBER, f"(count(*) {over([column], '')} / CAST(count(*) OVER () AS DOUBLE))"
        rank = f"dense_rank() {over([], f'{column.sql} ASC NULLS LAST')}"
        return INTEGER, f"CASE WHEN {column.sql} IS NOT NULL THEN CAST({rank} - 1 AS BIGINT) END"

    def _one_hot(self, table: Relation, builder: Builder) -> Relation:
        builder.known("What columns one_hot gives")
        columns: list[Column] = []
        sqls: list[str] = []
        for column in table.columns:
            if column.name not in self.columns:
                columns.append(column)
                continue
            values = [v for v in distinct(builder, table, column, self.max_categories + 1) if v is not None]
            if len(values) > self.max_categories:
                raise invalid(
                    f"{shown(column.name)} has more than {self.max_categories} values; raise max_categories, or use "
                    "ordinal, frequency or target."
                )
            builder.learned[column.name] = [label(value) for value in values]
            kept = values[1:] if self.drop_first else values
            columns += [Column(f"{column.name}_{label(value)}"[:200], INTEGER, builder.fresh()) for value in kept]
            sqls += [f"CAST({equals(column, value)} AS BIGINT)" for value in kept]
        return builder.change(table, columns, sqls)

    def _by_target(self, table: Relation, builder: Builder) -> Relation:
        target = table.column(self.target or "")
        if target.type not in NUMERIC | {BOOLEAN}:
            raise invalid(f"The target {shown(target.name)} must hold numbers or booleans, but holds {target.type}.")
        if target.name in self.columns:
            raise invalid("The target cannot be encoded by itself.")
        table, key = builder.numbered(table)
        fold, value = builder.fresh(), f"CAST({target.sql} AS DOUBLE)"
        chosen = f"CAST(floor({lot(key, self.seed)} * {self.folds}) AS INTEGER)"
        view = builder.view(f"SELECT *, {chosen} AS {fold} FROM {table.view}")  # noqa: S608 - our identifiers
        table = Relation(view, table.columns, table.keys, table.in_order)
        totals = builder.rows(f"SELECT {fold}, sum({value}), count({value}) FROM {view} GROUP BY ALL")  # noqa: S608
        prior = self._priors(fold, totals)
        changes = {c.name: (NUMBER, self._smoothed(c, value, fold, prior)) for c in table.picked(self.columns)}
        return builder.replace(table, changes, in_order=False)

    def _priors(self, fold: str, totals: list[tuple[int, float | None, int]]) -> str:
        """The overall mean of the other folds, by fold."""
        whole, n = sum(total or 0 for _, total, _ in totals), sum(count for *_, count in totals)
        arms = [
            f"WHEN {number} THEN {double((whole - (total or 0)) / (n - count))}"
            for number, total, count in sorted(totals)
            if n > count
        ]
        return f"CASE {fold} {' '.join(arms)} END" if arms else "CAST(NULL AS DOUBLE)"

    def _smoothed(self, column: Column, value: str, fold: str, prior: str) -> str:
        same, own = over([column], ""), over([column, Column("", INTEGER, fold)], "")
        others = f"(coalesce(sum({value}) {same}, 0) - coalesce(sum({value}) {own}, 0))"
        n = f"(count({value}) {same} - count({value}) {own})"
        strength = double(self.smoothing)
        return f"coalesce(({others} + {strength} * {prior}) / nullif({n} + {strength}, 0), {prior})"


MODELS: tuple[type[StepModel], ...] = (Encode,)
