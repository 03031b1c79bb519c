"""Parameters of the reduction of many columns to few."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from .columns import NUMERIC, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats

TSNE_AT_MOST = 3


class ReduceParameters(Parameters):
    """Few new columns in place of many."""

    columns: list[ColumnName] = Field(min_length=2, max_length=200, description="Numeric columns.")
    method: Literal["pca", "tsne"] = Field(
        "pca", description="pca: principal components, which keep variance; tsne: a map that keeps neighbours together."
    )
    n: int = Field(2, ge=1, le=50, description="Number of new columns: at most as many as `columns`, and 3 for tsne.")
    standardise: StrictBool = Field(
        True, description="Whether to scale each column to mean 0 and variance 1 first, so that units do not matter."
    )
    perplexity: float = Field(
        30, ge=2, le=100, description="Of tsne: about how many neighbours count; lowered where rows are few."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns", self.columns)
        if self.n > len(self.columns):
            raise ValueError(f"n is {self.n}, but there are {len(self.columns)} columns")
        if self.method == "tsne" and self.n > TSNE_AT_MOST:
            raise ValueError(f"n is at most {TSNE_AT_MOST} for tsne")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns", NUMERIC) for name in self.columns]
