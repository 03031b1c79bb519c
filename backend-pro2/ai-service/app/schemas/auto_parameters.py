"""Parameters of the scan of a whole dataset."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from .columns import ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats

COLUMNS_AT_MOST = 200


class AutoParameters(Parameters):
    """What to scan, and how strictly."""

    columns: list[ColumnName] | None = Field(
        None,
        min_length=1,
        max_length=COLUMNS_AT_MOST,
        description=f"Columns to scan; all when absent, or the first {COLUMNS_AT_MOST}.",
    )
    target: ColumnName | None = Field(
        None, description="A column of interest: its relations are tested first and are listed first."
    )
    alpha: float = Field(
        0.05,
        gt=1e-6,
        lt=0.5,
        description="The false discovery rate: the expected share of chance findings among those that are reported. "
        "Intervals have the level 1 - alpha.",
    )
    correction: Literal["bh", "by"] = Field(
        "bh",
        description="bh: Benjamini and Hochberg (1995), for independent or positively dependent tests; by: Benjamini "
        "and Yekutieli (2001), for any dependence, and stricter.",
    )
    findings: int = Field(20, ge=1, le=100, description="How many findings to return at most.")
    charts: int = Field(5, ge=0, le=10, description="How many of the first findings to draw.")
    max_pairs: int = Field(
        1000, ge=1, le=5000, description="How many hypotheses to test at most; beyond it a random choice is tested."
    )
    max_rows: int = Field(
        20_000, ge=100, le=100_000, description="Rows to look at: of more rows a random sample is taken."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns", self.columns or [])
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        target = [ColumnUse(self.target, "target")] if self.target is not None else []
        return [*target, *(ColumnUse(name, "columns") for name in self.columns or ())]
