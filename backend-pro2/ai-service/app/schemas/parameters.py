"""Parameters of each analysis type; their JSON Schemas are what `/analysis/types` serves."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from shared.schemas import RequestModel

from .columns import NUMERIC, NUMERIC_OR_TEXT, ColumnUse

ColumnName = Annotated[str, Field(min_length=1, max_length=1000)]


class Parameters(RequestModel):
    """Base of all parameters."""

    def uses(self) -> Sequence[ColumnUse]:
        """The columns named, in the order a user should hear of their faults."""
        return ()

    def fans_out(self) -> bool:
        """Whether the work may be spread over the Ray cluster."""
        return False


class DescribeParameters(Parameters):
    """Which columns to describe."""

    columns: list[ColumnName] | None = Field(
        None, min_length=1, max_length=500, description="Columns to describe; all when absent."
    )

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns") for name in self.columns or ()]


class CorrelationParameters(Parameters):
    """Which columns to correlate, and how."""

    columns: list[ColumnName] | None = Field(
        None, min_length=2, max_length=100, description="Numeric columns; all numeric ones when absent."
    )
    method: Literal["pearson", "spearman", "kendall"] = Field(
        "pearson", description="pearson: linear; spearman: monotonic, by ranks; kendall: tau-b, by concordant pairs."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns", self.columns or [])
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns", NUMERIC) for name in self.columns or ()]


class RegressionParameters(Parameters):
    """A linear model of one target."""

    method: Literal["ols"] = Field("ols", description="ols: ordinary least squares.")
    target: ColumnName = Field(description="The numeric column to explain.")
    features: list[ColumnName] = Field(
        min_length=1,
        max_length=200,
        description="Columns that explain it. Text columns get one 0/1 term per level; the first level "
        "in alphabetical order is the reference.",
    )
    intercept: StrictBool = Field(True, description="Whether the model has a constant term (`const`).")
    alpha: float = Field(0.05, gt=0, lt=1, description="1 - alpha is the level of the confidence intervals.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("features", self.features)
        if self.target in self.features:
            raise ValueError(f"the target {self.target!r} cannot be a feature of itself")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        target = ColumnUse(self.target, "target", NUMERIC)
        return [target, *(ColumnUse(name, "features", NUMERIC_OR_TEXT) for name in self.features)]


class ClusterParameters(Parameters):
    """Groups of similar rows."""

    method: Literal["kmeans"] = Field("kmeans", description="kmeans: k-means with k-means++ starts.")
    columns: list[ColumnName] = Field(min_length=1, max_length=100, description="Numeric columns that tell rows apart.")
    k: Annotated[int, Field(ge=2, le=100)] | Literal["auto"] = Field(
        "auto", description="Number of clusters; auto: the one from 2 to 10 with the largest mean silhouette."
    )
    standardise: StrictBool = Field(
        True, description="Whether to scale each column to mean 0 and variance 1 first, so that units do not matter."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns", self.columns)
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns", NUMERIC) for name in self.columns]

    @override
    def fans_out(self) -> bool:
        return self.k == "auto"


def refuse_repeats(member: str, names: Sequence[str]) -> None:
    """Raises ValueError if a name occurs twice."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{member} names {repeated[0]!r} more than once")
