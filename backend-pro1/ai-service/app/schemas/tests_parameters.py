"""Parameters of hypothesis tests and analyses of variance."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator
from typing_extensions import override

from .columns import NUMERIC, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats

Alternative = Literal["two-sided", "less", "greater"]
GroupValue = Annotated[str, Field(max_length=1000)] | StrictBool | StrictInt | StrictFloat
TestMethod = Literal[
    "one_sample_t", "two_sample_t", "welch_t", "paired_t", "mann_whitney", "wilcoxon", "ks", "chi_square", "fisher",
    "proportion", "shapiro", "levene",
]  # fmt: skip

LEVELS_AT_MOST = 100
CATEGORICAL = frozenset({"chi_square", "fisher", "proportion"})
_NEEDS_SECOND = frozenset({"two_sample_t", "welch_t", "mann_whitney", "ks", "chi_square", "fisher", "levene"})
_TAKES_GROUP = _NEEDS_SECOND | {"proportion"}
_TAKES_SECOND = _TAKES_GROUP | {"paired_t", "wilcoxon"}
_TAKES_MU = frozenset({"one_sample_t", "two_sample_t", "welch_t", "paired_t", "mann_whitney", "wilcoxon", "proportion"})
_UNDIRECTED = frozenset({"chi_square", "shapiro", "levene"})


def value_text(value: str | float) -> str:
    """A value of a column as its levels are named."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


class HypothesisTestParameters(Parameters):
    """One test of one hypothesis."""

    method: TestMethod = Field(description="Which test; the type's description says what each one compares.")
    column: ColumnName = Field(description="The column tested: numbers, or categories for the tests of counts.")
    column2: ColumnName | None = Field(
        None, description="The second sample, the second of each pair, or the second category."
    )
    group: ColumnName | None = Field(None, description="Instead of `column2`: the column that tells the groups apart.")
    groups: list[GroupValue] | None = Field(
        None, min_length=2, max_length=LEVELS_AT_MOST, description="Which groups to compare, in this order."
    )
    mu: float | None = Field(
        None,
        ge=-1e70,
        le=1e70,
        allow_inf_nan=False,
        description="The hypothesised mean, location, difference or proportion; 0 when absent, 0.5 for a proportion.",
    )
    success: GroupValue | None = Field(
        None, description="For proportion: the value that counts; the last of two values when absent."
    )
    alternative: Alternative = Field(
        "two-sided", description="What is held against the hypothesis; less: the first is smaller than the second."
    )
    alpha: float = Field(0.05, gt=1e-6, lt=1, description="Level of the test; intervals have the level 1 - alpha.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("the test", [name for name in (self.column, self.column2, self.group) if name is not None])
        refuse_repeats("groups", [value_text(value) for value in self.groups or ()])
        return self

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        method = self.method
        if self.column2 is not None and self.group is not None:
            raise ValueError("name either column2 or group, not both")
        if method in _NEEDS_SECOND and self.second is None:
            raise ValueError(f"{method} needs column2 or group")
        if method == "paired_t" and self.column2 is None:
            raise ValueError("paired_t needs column2, the second value of each pair")
        if self.group is not None and method not in _TAKES_GROUP:
            raise ValueError(f"{method} takes no group")
        if self.column2 is not None and method not in _TAKES_SECOND:
            raise ValueError(f"{method} takes no column2")
        return self

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        method, compares = self.method, self.second is not None
        if self.groups is not None and self.group is None and not (compares and method in CATEGORICAL):
            raise ValueError("groups are values of group, which is absent")
        if self.mu is not None and (method not in _TAKES_MU or (method == "proportion" and compares)):
            raise ValueError("this test takes no mu")
        if method == "proportion" and self.mu is not None and not 0 < self.mu < 1:
            raise ValueError("mu is a proportion here, between 0 and 1")
        if self.success is not None and method != "proportion":
            raise ValueError("success is for proportion only")
        if self.alternative != "two-sided" and method in _UNDIRECTED:
            raise ValueError(f"{method} has no direction; its alternative is two-sided")
        return self

    @property
    def second(self) -> str | None:
        """The column that is compared with, or that groups."""
        return self.column2 if self.column2 is not None else self.group

    @override
    def uses(self) -> Sequence[ColumnUse]:
        numeric = None if self.method in CATEGORICAL else NUMERIC
        named = [(self.column, "column", numeric), (self.column2, "column2", numeric), (self.group, "group", None)]
        return [ColumnUse(name, role, types) for name, role, types in named if name is not None]


class AnovaParameters(Parameters):
    """Differences of a mean, or of ranks, between several groups."""

    method: Literal["one_way", "two_way", "kruskal"] = Field(
        "one_way",
        description="one_way: Fisher's F; two_way: two factors and their interaction, sums of squares of type II; "
        "kruskal: Kruskal and Wallis, by ranks.",
    )
    column: ColumnName = Field(description="The numeric column whose level is compared.")
    group: ColumnName | Annotated[list[ColumnName], Field(min_length=1, max_length=2)] = Field(
        description="The grouping column; two of them for two_way."
    )
    alpha: float = Field(0.05, gt=1e-6, lt=1, description="Level of the tests; intervals have the level 1 - alpha.")

    @model_validator(mode="after")
    def _factors_fit(self) -> Self:
        refuse_repeats("the analysis", [self.column, *self.factors])
        needed = 2 if self.method == "two_way" else 1
        if len(self.factors) != needed:
            raise ValueError(f"{self.method} needs {needed} grouping column{'s' if needed > 1 else ''} in group")
        return self

    @property
    def factors(self) -> list[str]:
        """The grouping columns."""
        return [self.group] if isinstance(self.group, str) else self.group

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(self.column, "column", NUMERIC), *(ColumnUse(name, "group") for name in self.factors)]
