"""Parameters of the analysis of an experiment with a control group."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from .columns import NUMERIC, NUMERIC_OR_TEXT, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats
from .tests_parameters import GroupValue, value_text

GROUPS_AT_MOST = 20


class AbTestParameters(Parameters):
    """One metric in a control group and in the variants."""

    metric: ColumnName = Field(description="The column that is compared: numbers, or two values.")
    group: ColumnName = Field(description="The column that says which group a row was assigned to.")
    control: GroupValue = Field(description="The value of `group` that is the control.")
    variants: list[GroupValue] | None = Field(
        None, min_length=1, max_length=GROUPS_AT_MOST - 1, description="Values of `group`; all others when absent."
    )
    kind: Literal["auto", "binary", "continuous"] = Field(
        "auto", description="auto: binary for texts, booleans and columns of 0 and 1 only, else continuous."
    )
    success: GroupValue | None = Field(
        None, description="Of a binary metric: the value that counts; the last of two values when absent."
    )
    covariate: ColumnName | None = Field(
        None,
        description="A numeric column measured before the assignment, such as the metric of the month before, whose "
        "share is taken out of the metric (CUPED).",
    )
    split: dict[str, Annotated[float, Field(gt=0, le=1e6)]] | None = Field(
        None, max_length=GROUPS_AT_MOST, description="Weights of the intended assignment by group; equal when absent."
    )
    tau: float | None = Field(
        None,
        gt=0,
        le=1e70,
        description="Adds intervals that stay valid however often one looks: the standard deviation, in the metric's "
        "unit, of effects thought plausible. Choose it before looking.",
    )
    target_lift: float | None = Field(
        None, ge=-1, le=1000, description="A relative lift, such as 0.02, whose power with these rows is reported."
    )
    alpha: float = Field(0.05, gt=1e-6, lt=1, description="Level of the tests; intervals have the level 1 - alpha.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse_repeats("the test", [use.name for use in self.uses()])
        refuse_repeats("control and variants", [self.control_text, *self.variant_texts])
        if self.success is not None and self.kind == "continuous":
            raise ValueError("success is for binary metrics only")
        if self.target_lift == 0:
            raise ValueError("a lift of 0 is no effect, which no test can find")
        return self

    @property
    def control_text(self) -> str:
        """The control, as levels are named."""
        return value_text(self.control)

    @property
    def variant_texts(self) -> list[str]:
        """The variants that are named."""
        return [value_text(value) for value in self.variants or ()]

    @property
    def success_text(self) -> str | None:
        """The value that counts, as levels are named."""
        return None if self.success is None else value_text(self.success)

    @override
    def uses(self) -> Sequence[ColumnUse]:
        metric = ColumnUse(self.metric, "metric", NUMERIC if self.kind == "continuous" else NUMERIC_OR_TEXT)
        covariate = [] if self.covariate is None else [ColumnUse(self.covariate, "covariate", NUMERIC)]
        return [metric, ColumnUse(self.group, "group", NUMERIC_OR_TEXT), *covariate]
