"""Parameters of the analysis of two-by-two tables in strata."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from .columns import NUMERIC, NUMERIC_OR_TEXT, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats

STRATUM_TYPES = NUMERIC_OR_TEXT | {"date"}


class StratifiedParameters(Parameters):
    """An exposure and an outcome of two levels each, compared within strata."""

    exposure: ColumnName = Field(description="The column that says who was exposed.")
    outcome: ColumnName = Field(description="The column that says who had the outcome.")
    strata: ColumnName | Annotated[list[ColumnName], Field(min_length=1, max_length=5)] = Field(
        description="The column, or columns, whose combinations of values are the strata."
    )
    weight: ColumnName | None = Field(
        None, description="A column of counts: how many cases a row stands for; 1 when absent. Not for survey weights."
    )
    exposed: str | None = Field(
        None, max_length=1000, description="The level that is the exposure, against all others; the last one if absent."
    )
    event: str | None = Field(
        None, max_length=1000, description="The level that is the outcome, against all others; the last one if absent."
    )
    correction: StrictBool = Field(False, description="Whether the test has the continuity correction of one half.")
    alpha: float = Field(0.05, gt=0, lt=1, description="1 - alpha is the level of the confidence intervals.")

    def columns(self) -> list[str]:
        """The columns that make the strata."""
        return [self.strata] if isinstance(self.strata, str) else self.strata

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("exposure, outcome, strata and weight", [use.name for use in self.uses()])
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        tested = [
            ColumnUse(self.exposure, "exposure", NUMERIC_OR_TEXT),
            ColumnUse(self.outcome, "outcome", NUMERIC_OR_TEXT),
        ]
        strata = [ColumnUse(name, "strata", STRATUM_TYPES) for name in self.columns()]
        weight = [ColumnUse(self.weight, "weight", NUMERIC)] if self.weight is not None else []
        return [*tested, *strata, *weight]
