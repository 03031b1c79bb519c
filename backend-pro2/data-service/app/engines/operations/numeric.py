"""Steps on columns of numbers that first learn a few figures of the column."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import NUMBER, STRING

from .base import Name, Names, NewName, StepModel
from .builder import Builder
from .failures import invalid
from .literals import double
from .relation import Column, Relation
from .stats import moments, quantiles

Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class ClipOutliers(StepModel):
    """Tame extreme values."""

    title: ClassVar = "Clip outliers"
    description: ClassVar = (
        "Draws in, or with `action: null` empties, or with `action: drop` leaves out the rows of, values outside "
        "bounds that are learned from the column: iqr: `factor` (default 1.5) interquartile ranges below the first and "
        "above the third quartile (type 7); zscore: `factor` (default 3) sample standard deviations from the mean; "
        "quantile: the quantiles `low` and `high` (default 0.01 and 0.99). Columns of integers become numbers when "
        "they are clipped."
    )
    example: ClassVar = {"op": "clip_outliers", "columns": ["price"], "method": "iqr"}

    op: Literal["clip_outliers"]
    columns: Names
    method: Literal["iqr", "zscore", "quantile"]
    factor: Annotated[float, Field(gt=0, le=1000)] | None = None
    low: Share = 0.01
    high: Share = 0.99
    action: Literal["clip", "null", "drop"] = "clip"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The columns within their bounds."""
        bounds = {}
        table.picked(self.columns)
        for column in [table.numeric(name) for name in self.columns]:
            found = self._bounds(table, builder, column)
            if found is not None:
                bounds[column.name] = found
                builder.learned[column.name] = {"low": found[0], "high": found[1]}
        if not bounds:
            return table
        if self.action == "drop":
            inside = (f"coalesce({_between(table.column(name), b)}, TRUE)" for name, b in bounds.items())
            return builder.where(table, " AND ".join(inside))
        return builder.replace(table, {name: self._held(table.column(name), b) for name, b in bounds.items()})

    def _bounds(self, table: Relation, builder: Builder, column: Column) -> tuple[float, float] | None:
        if self.method == "zscore":
            found = moments(builder, table, column)
            if found.mean is None or found.std_sample is None:
                return None
            reach = (self.factor or 3) * found.std_sample
            return found.mean - reach, found.mean + reach
        points = (self.low, self.high) if self.method == "quantile" else (0.25, 0.75)
        ends = quantiles(builder, table, column, points)
        if ends is None:
            return None
        reach = (self.factor or 1.5) * (ends[1] - ends[0]) if self.method == "iqr" else 0.0
        return ends[0] - reach, ends[1] + reach

    def _held(self, column: Column, bounds: tuple[float, float]) -> tuple[str, str]:
        if self.action == "null":
            return column.type, f"CASE WHEN {_between(column, bounds)} THEN {column.sql} END"
        value, low, high = f"CAST({column.sql} AS DOUBLE)", double(bounds[0]), double(bounds[1])
        return NUMBER, f"CASE WHEN {value} < {low} THEN {low} WHEN {value} > {high} THEN {high} ELSE {value} END"


def _between(column: Column, bounds: tuple[float, float]) -> str:
    return f"(CAST({column.sql} AS DOUBLE) BETWEEN {double(bounds[0])} AND {double(bounds[1])})"


class Scale(StepModel):
    """Bring columns to one scale."""

    title: ClassVar = "Scale"
    description: ClassVar = (
        "Subtracts and divides: standard: mean and population standard deviation; minmax: to 0 up to 1; robust: median "
        "and interquartile range (type 7); maxabs: by the largest distance from zero. A column without spread becomes "
        "0. The figures are learned from the finite values and returned with the result."
    )
    example: ClassVar = {"op": "scale", "columns": ["price"], "method": "minmax"}

    op: Literal["scale"]
    columns: Names
    method: Literal["standard", "minmax", "robust", "maxabs"]

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """The columns as doubles on the new scale."""
        changes = {}
        for name in self.columns:
            column = table.numeric(name)
            center, spread = self._learn(table, builder, column)
            builder.learned[name] = {"center": center, "scale": spread}
            value = f"(CAST({column.sql} AS DOUBLE) - {double(center)})"
            changes[name] = (NUMBER, f"({value} / {double(spread or 1.0)})")
        table.picked(self.columns)
        return builder.replace(table, changes)

    def _learn(self, table: Relation, builder: Builder, column: Column) -> tuple[float, float]:
        if self.method == "robust":
            low, middle, high = quantiles(builder, table, column, (0.25, 0.5, 0.75)) or [0.0, 0.0, 0.0]
            return middle, high - low
        found = moments(builder, table, column)
        if found.low is None or found.high is None or found.mean is None:
            return 0.0, 1.0
        if self.method == "standard":
            return found.mean, found.std_population or 0.0
        if self.method == "minmax":
            return found.low, found.high - found.low
        return 0.0, max(abs(found.low), abs(found.high))


class Bin(StepModel):
    """Sort numbers into intervals."""

    title: ClassVar = "Bin"
    description: ClassVar = (
        "Names the interval that each number lies in: between given `edges`, or `n` intervals of equal width, or, with "
        "`method: quantile`, of about equally many rows. Intervals include their lower edge, the last one both; "
        "values outside become null. The new column holds texts such as [0, 10), or the `labels`, one per interval."
    )
    example: ClassVar = {"op": "bin", "column": "price", "edges": [0, 10, 100], "as": "price_class"}

    op: Literal["bin"]
    column: Name
    edges: Annotated[list[Finite], Field(min_length=2, max_length=1001)] | None = None
    n: Annotated[int, Field(ge=1, le=1000)] | None = None
    method: Literal["width", "quantile"] = "width"
    labels: Annotated[list[str], Field(max_length=1000)] | None = None
    as_: NewName = Field(alias="as")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.edges is None) == (self.n is None):
            raise ValueError("give either edges or n")
        if self.edges is not None and any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must rise")
        return self

    def apply(self, table: Relation, builder: Builder) -> Relation:
        """One more column."""
        column = table.numeric(self.column)
        edges = self.edges or self._learn(table, builder, column)
        builder.learned[self.as_] = edges
        labels = self.labels or _intervals(edges)
        if len(labels) != len(edges) - 1:
            raise invalid(f"There are {len(edges) - 1} intervals, but {len(labels)} labels.")
        value = f"CAST({column.sql} AS DOUBLE)"
        arms = [f"WHEN {value} < {double(edges[0])} OR {value} > {double(edges[-1])} OR isnan({value}) THEN NULL"]
        pairs = zip(edges[1:-1], labels, strict=False)
        arms += [f"WHEN {value} < {double(edge)} THEN {literal(label)}" for edge, label in pairs]
        arms.append(f"WHEN {value} IS NOT NULL THEN {literal(labels[-1])}")
        return builder.add(table, self.as_, STRING, f"CAST(CASE {' '.join(arms)} END AS VARCHAR)")

    def _learn(self, table: Relation, builder: Builder, column: Column) -> list[float]:
        n = self.n or 1
        if self.method == "quantile":
            found = quantiles(builder, table, column, [i / n for i in range(n + 1)])
            edges = sorted(set(found or []))
        else:
            ends = moments(builder, table, column)
            low, high = ends.low, ends.high
            edges = (
                [] if low is None or high is None else sorted({low + (high - low) * i / n for i in range(n)} | {high})
            )
        if len(edges) < 2:
            raise invalid(f"{shown(column.name)} needs two different values to make intervals of; give edges.")
        return edges


def _intervals(edges: list[float]) -> list[str]:
    written = [f"{edge:.15g}" for edge in edges]
    last = len(edges) - 2
    return [f"[{written[i]}, {written[i + 1]}{']' if i == last else ')'}" for i in range(last + 1)]


MODELS: tuple[type[StepModel], ...] = (ClipOutliers, Scale, Bin)
