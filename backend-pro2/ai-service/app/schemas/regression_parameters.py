"""Parameters of regressions."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from .columns import NUMERIC, NUMERIC_OR_TEXT, ColumnUse
from .parameters import ColumnName, Parameters, refuse_target_among

Method = Literal["ols", "wls", "robust", "quantile", "ridge", "lasso", "logistic", "poisson", "glm"]
Family = Literal["gaussian", "binomial", "poisson", "gamma", "inverse_gaussian", "negative_binomial"]
Link = Literal["identity", "log", "logit", "probit", "cloglog", "inverse", "inverse_squared", "sqrt"]

# The first one is the default: the canonical one, but for the negative binomial family.
LINKS: Mapping[str, tuple[str, ...]] = {
    "gaussian": ("identity", "log", "inverse"),
    "binomial": ("logit", "probit", "cloglog"),
    "poisson": ("log", "identity", "sqrt"),
    "gamma": ("inverse", "log", "identity"),
    "inverse_gaussian": ("inverse_squared", "inverse", "log", "identity"),
    "negative_binomial": ("log", "identity", "sqrt"),
}
_FAMILIES: Mapping[str, str] = {"logistic": "binomial", "poisson": "poisson"}
_LEAST_SQUARES = ("ols", "wls")
_TAKEN_BY: Mapping[str, tuple[str, ...]] = {
    "weights": ("wls",),
    "std_errors": _LEAST_SQUARES,
    "degree": _LEAST_SQUARES,
    "loss": ("robust",),
    "quantile": ("quantile",),
    "penalty": ("ridge", "lasso"),
    "family": ("glm",),
    "link": ("glm",),
    "event": ("logistic", "glm"),
    "exposure": ("poisson", "glm"),
}


class RegressionParameters(Parameters):
    """A model of one target. Members that the method does not take must be absent."""

    method: Method = Field(
        "ols",
        description="ols, wls: ordinary and weighted least squares; robust: M-estimation; quantile: a conditional "
        "quantile; ridge, lasso: shrunken coefficients; logistic: the odds of one of two values; poisson: counts; "
        "glm: a family and a link of your choice.",
    )
    target: ColumnName = Field(
        description="The column to explain: numeric, or, of logistic and of family binomial, any with two values."
    )
    features: list[ColumnName] = Field(
        min_length=1,
        max_length=200,
        description="Columns that explain it. Text columns get one 0/1 term per level; the first level "
        "in alphabetical order is the reference.",
    )
    intercept: StrictBool = Field(True, description="Whether the model has a constant term (`const`).")
    alpha: float = Field(0.05, gt=0, lt=1, description="1 - alpha is the level of the confidence intervals.")
    weights: ColumnName | None = Field(
        None, description="wls, where it is required: a column of positive weights, inverse to the variance of a row."
    )
    std_errors: Literal["classical", "hc0", "hc1", "hc2", "hc3"] | None = Field(
        None, description="ols, wls: classical (default), or consistent where the variance is unequal (White 1980)."
    )
    degree: int = Field(
        1, ge=1, le=10, description="ols, wls: numeric features enter with their powers up to this one, as `x^2`."
    )
    loss: Literal["huber", "bisquare"] | None = Field(
        None, description="robust: huber (default, k = 1.345) or Tukey's bisquare (c = 4.685)."
    )
    quantile: float | None = Field(None, gt=0, lt=1, description="quantile: which one; 0.5, the median, when absent.")
    penalty: Annotated[float, Field(gt=0, le=1e12)] | Literal["auto"] | None = Field(
        None,
        description="ridge, lasso: strength of the penalty on standardised features; auto (default): by validation.",
    )
    family: Family | None = Field(None, description="glm: distribution of the target; gaussian when absent.")
    link: Link | None = Field(
        None,
        description="glm: what the features add up to. Default: identity (gaussian), logit (binomial), log (poisson, "
        "negative_binomial), inverse (gamma), inverse_squared (inverse_gaussian).",
    )
    event: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="logistic, family binomial: the value whose odds are modelled; the last in order when absent."
    )
    exposure: ColumnName | None = Field(
        None, description="poisson, glm with link log: a positive column that expected counts are proportional to."
    )

    @property
    def distribution(self) -> str:
        """The family of a generalised linear model."""
        return _FAMILIES.get(self.method) or self.family or "gaussian"

    @property
    def link_name(self) -> str:
        """The link of a generalised linear model."""
        return self.link or LINKS[self.distribution][0]

    @property
    def tells_two_apart(self) -> bool:
        """Whether the target has two values, whatever they are called."""
        return self.method == "logistic" or (self.method == "glm" and self.distribution == "binomial")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_target_among(self.features, self.target)
        for member in ("weights", "exposure"):
            name = getattr(self, member)
            if name is not None and name in (self.target, *self.features):
                raise ValueError(f"{member} {name!r} is the target or a feature already")
        return self

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        for member, methods in _TAKEN_BY.items():
            absent = 1 if member == "degree" else None
            if self.method not in methods and getattr(self, member) != absent:
                raise ValueError(f"{member} belongs to {' and '.join(methods)}, not to {self.method}")
        if self.method == "wls" and self.weights is None:
            raise ValueError("wls needs a column of weights")
        if self.link is not None and self.link not in LINKS[self.distribution]:
            raise ValueError(f"family {self.distribution} takes the links {', '.join(LINKS[self.distribution])}")
        if self.exposure is not None and self.link_name != "log":
            raise ValueError("exposure needs the link log")
        if self.event is not None and not self.tells_two_apart:
            raise ValueError("event belongs to family binomial")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        target = ColumnUse(self.target, "target", None if self.tells_two_apart else NUMERIC)
        extra = [
            ColumnUse(name, role, NUMERIC)
            for name, role in ((self.weights, "weights"), (self.exposure, "exposure"))
            if name is not None
        ]
        return [target, *(ColumnUse(name, "features", NUMERIC_OR_TEXT) for name in self.features), *extra]
