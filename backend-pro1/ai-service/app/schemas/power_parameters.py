"""Parameters of the planning of samples: any two of size, power and effect."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from .columns import NUMERIC, ColumnUse
from .parameters import ColumnName, Parameters, is_changed, refuse_repeats
from .tests_parameters import Alternative, GroupValue, value_text

PowerMethod = Literal[
    "one_sample_t", "two_sample_t", "paired_t", "two_proportions", "anova", "chi_square", "correlation"
]  # fmt: skip
MEANS = frozenset({"one_sample_t", "two_sample_t", "paired_t"})
# A number over 1e8 says nothing that 1e8 does not, and the distributions lose digits there.
N_AT_MOST = 100_000_000
_OWN = {
    "ratio": frozenset({"two_sample_t", "two_proportions"}),
    "baseline": frozenset({"two_proportions"}),
    "k": frozenset({"anova"}),
    "df": frozenset({"chi_square"}),
    "sd": MEANS,
    "mu": frozenset({"one_sample_t"}),
    "success": frozenset({"two_proportions"}),
}
_EFFECT_TEXT = (
    "Cohen's (1988) size of the effect: d of the t tests (of the differences for paired_t), f of anova, w of "
    "chi_square, r of correlation, h of two_proportions; `observed`: as it is in the columns named."
)


class PowerParameters(Parameters):
    """One planned test; exactly one of `n`, `power` and the effect is absent, and is found."""

    method: PowerMethod = Field(description="The test that is planned.")
    n: int | None = Field(
        None,
        ge=2,
        le=N_AT_MOST,
        description="Rows: of the first group for two_sample_t and two_proportions, of each group for anova, pairs for "
        "paired_t, all for the others.",
    )
    power: float | None = Field(None, gt=0, lt=1, description="Probability of finding the effect if it is there.")
    effect: Annotated[float, Field(ge=-1000, le=1000)] | Literal["observed"] | None = Field(
        None, description=_EFFECT_TEXT
    )
    difference: float | None = Field(
        None,
        ge=-1e70,
        le=1e70,
        description="Instead of `effect`: a difference of means in their unit, or of the second proportion from "
        "`baseline`.",
    )
    sd: float | None = Field(
        None, gt=0, le=1e70, description="Standard deviation that goes with `difference`; that of `column` when absent."
    )
    baseline: float | None = Field(None, gt=0, lt=1, description="Of two_proportions: the first proportion.")
    ratio: float = Field(1, ge=0.01, le=100, description="Rows of the second group for each of the first.")
    k: int = Field(2, ge=2, le=100, description="Of anova: number of groups.")
    df: int = Field(1, ge=1, le=10000, description="Of chi_square: degrees of freedom, (rows - 1)(columns - 1).")
    alpha: float = Field(0.05, gt=1e-6, lt=1, description="Level of the test.")
    alternative: Alternative = Field("two-sided", description="Direction of the test; anova and chi_square have none.")
    column: ColumnName | None = Field(None, description="Column that gives the observed effect, or `sd`.")
    column2: ColumnName | None = Field(None, description="Second of each pair, or the second variable.")
    group: ColumnName | None = Field(None, description="Column that tells the groups apart.")
    mu: float = Field(0, ge=-1e70, le=1e70, description="Of one_sample_t: the mean that is tested against.")
    success: GroupValue | None = Field(None, description="Of two_proportions: the value of `column` that counts.")

    @model_validator(mode="after")
    def _one_is_absent(self) -> Self:
        if self.effect is not None and self.difference is not None:
            raise ValueError("give either effect or difference, not both")
        given = [self.n is not None, self.power is not None, self.effect is not None or self.difference is not None]
        if sum(given) != 2:
            raise ValueError("give exactly two of n, power and effect (or difference); the third is found")
        if self.effect == 0 or self.difference == 0:
            raise ValueError("an effect of 0 cannot be found by any test")
        if self.power is not None and self.power <= self.alpha:
            raise ValueError("power must be above alpha, which a test has without any effect")
        return self

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        for name, methods in _OWN.items():
            if is_changed(self, name) and self.method not in methods:
                raise ValueError(f"{self.method} takes no {name}")
        directed = self.method not in ("anova", "chi_square")
        if not directed and self.alternative != "two-sided":
            raise ValueError(f"{self.method} has no direction; its alternative is two-sided")
        if isinstance(self.effect, float) and not directed and self.effect < 0:
            raise ValueError(f"the effect of {self.method} has no sign")
        if isinstance(self.effect, float) and self.method == "correlation" and abs(self.effect) >= 1:
            raise ValueError("a correlation lies between -1 and 1")
        return self

    @model_validator(mode="after")
    def _difference_fits(self) -> Self:
        if self.difference is None:
            return self
        if self.method in MEANS and self.sd is None and self.column is None:
            raise ValueError("a difference of means needs sd, or the column that shows it")
        if self.method == "two_proportions" and (self.baseline is None or not 0 < self.baseline + self.difference < 1):
            raise ValueError("baseline and baseline + difference must be proportions between 0 and 1")
        if self.method not in MEANS | {"two_proportions"}:
            raise ValueError(f"{self.method} takes an effect, no difference")
        return self

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        named = [name for name in (self.column, self.column2, self.group) if name is not None]
        refuse_repeats("the analysis", named)
        if self.effect == "observed" and self.column is None:
            raise ValueError("an observed effect needs column")
        if self.column is not None and self.sd is not None:
            raise ValueError("give either sd or the column that shows it, not both")
        if self.effect == "observed" and any(is_changed(self, name) for name in ("baseline", "k", "df")):
            raise ValueError("an observed effect comes with its own baseline, k and df")
        if self.column is None:
            if named or self.mu or self.success is not None:
                raise ValueError("column2, group, mu and success go with column, which is absent")
            return self
        if self.method not in MEANS and self.effect != "observed":
            raise ValueError(f"{self.method} reads columns for an observed effect only")
        self._require_second()
        return self

    def _require_second(self) -> None:
        needed, second = {
            "one_sample_t": (None, None),
            "paired_t": ("column2", self.column2),
            "correlation": ("column2", self.column2),
            "chi_square": ("column2", self.column2),
        }.get(self.method, ("group", self.group))
        if needed is not None and second is None:
            raise ValueError(f"{self.method} needs {needed} beside column")
        if len([name for name in (self.column2, self.group) if name is not None]) > (needed is not None):
            raise ValueError(f"{self.method} takes {needed or 'nothing'} beside column")

    @property
    def success_text(self) -> str | None:
        """The value that counts, as levels are named."""
        return None if self.success is None else value_text(self.success)

    @override
    def uses(self) -> Sequence[ColumnUse]:
        categories = self.method in ("two_proportions", "chi_square")
        numeric = None if categories else NUMERIC
        named = [(self.column, "column", numeric), (self.column2, "column2", numeric), (self.group, "group", None)]
        return [ColumnUse(name, role, types) for name, role, types in named if name is not None]
