"""Parameters of training: what to predict, from what, by which algorithms, and within which limits."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from .columns import NUMERIC, ColumnUse, uses_to_learn
from .parameters import ColumnName, Parameters, refuse_target_among

MOST_FEATURES = 500
TIMES = frozenset({"date", "datetime"})

TrainProblem = Literal["auto", "classification", "regression", "forecast"]
AlgorithmName = Literal[
    "linear",
    "ridge",
    "lasso",
    "logistic",
    "tree",
    "neighbours",
    "linear_svm",
    "rbf_svm",
    "boosting",
    "network",
    "extra_trees",
    "forest",
    "seasonal_naive",
    "ets",
    "ets_multiplicative",
    "arima",
    "sarima",
]
FORECASTERS: frozenset[str] = frozenset({"seasonal_naive", "ets", "ets_multiplicative", "arima", "sarima", "boosting"})
# Boosting also learns from features.
SERIES_ALONE = FORECASTERS - {"boosting"}
TrainMetric = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "roc_auc",
    "log_loss",
    "brier",
    "r2",
    "mean_absolute_error",
    "root_mean_squared_error",
]
CLASSIFICATION_METRICS: frozenset[str] = frozenset(
    {"accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "brier"}
)
REGRESSION_METRICS: frozenset[str] = frozenset({"r2", "mean_absolute_error", "root_mean_squared_error"})


class TrainParameters(Parameters):
    """What a model shall predict, and how it is found."""

    target: ColumnName = Field(description="The column to predict.")
    features: Annotated[list[ColumnName], Field(min_length=1, max_length=MOST_FEATURES)] | None = Field(
        None,
        description="Columns to predict it from. When absent all other usable ones, without those that look like ids, "
        "the first 500 of more.",
    )
    problem: TrainProblem = Field(
        "auto",
        description="auto: classification for texts, booleans and whole numbers with few values, else regression; "
        "forecast: the target in the order of `time`.",
    )
    algorithm: Literal["auto"] | AlgorithmName = Field(
        "auto",
        description="auto: a search over all families that suit the problem, of which several may be weighed together "
        "in the end; a name: over its settings alone. GET /models/algorithms lists them.",
    )
    metric: TrainMetric | None = Field(
        None, description="What ranks the candidates; when absent roc_auc of a classification, r2 of a regression."
    )
    budget_seconds: float = Field(
        60,
        ge=1,
        le=86_400,
        description="Seconds of wall clock for everything: search, final fit and its examination. If not one "
        "candidate beside the baseline was compared by then, the training fails with `budget_too_small`.",
    )
    max_candidates: int = Field(
        60, ge=1, le=1000, description="Candidates to compare at most; fewer if the budget ends before."
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=20,
        description="Parts of the cross-validation, stratified for a classification; when absent 5, or 3 of more than "
        "20,000 rows.",
    )
    shuffle: StrictBool = Field(
        True, description="Whether rows are shuffled before they are cut into folds; false keeps neighbours together."
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none",
        description="balanced: rare classes count as much as frequent ones, in learning and in which class is named; "
        "probabilities are calibrated to how frequent they are all the same. Of a classification.",
    )
    level: float = Field(
        0.9, ge=0.5, le=0.999, description="Level of the intervals of predictions, and of sets of classes."
    )
    max_rows: int = Field(
        200_000, ge=20, le=1_000_000, description="Rows to learn from at most; a random sample of more."
    )
    memory_mb: int = Field(
        1536,
        ge=256,
        le=65_536,
        description="Resident memory for all candidates at a time; what needs more is left out. No "
        "more than TASK_MEMORY_LIMIT_MB of the instance less a tenth, however much is asked for.",
    )
    time: ColumnName | None = Field(None, description="Of a forecast: the column of times.")
    horizon: int = Field(12, ge=1, le=1000, description="Of a forecast: how many values to forecast.")
    season: int | None = Field(
        None, ge=1, le=1000, description="Of a forecast: values in one season; found in the data when absent."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_target_among(self.features or [], self.target)
        return self

    @model_validator(mode="after")
    def _fits_the_problem(self) -> Self:
        if self.problem == "forecast":
            self._require_forecast()
        elif self.time is not None or self.algorithm in SERIES_ALONE:
            raise ValueError("time and the algorithms of series go with problem forecast, and only with it")
        if self.metric is not None and self.problem in ("classification", "regression"):
            self._require_metric(self.metric)
        return self

    def _require_metric(self, metric: str) -> None:
        if (metric in CLASSIFICATION_METRICS) != (self.problem == "classification"):
            raise ValueError(f"{metric} does not measure a {self.problem}")

    def _require_forecast(self) -> None:
        if self.time is None or self.time == self.target:
            raise ValueError("a forecast needs time, a column other than the target")
        if self.features is not None:
            raise ValueError("a forecast takes no features: it continues the target")
        if self.algorithm != "auto" and self.algorithm not in FORECASTERS:
            raise ValueError(f"{self.algorithm} does not forecast; take one of {', '.join(sorted(FORECASTERS))}")
        if self.metric not in (None, "mean_absolute_error"):
            raise ValueError(f"{self.metric} does not measure a forecast")

    @override
    def uses(self) -> Sequence[ColumnUse]:
        if self.problem == "forecast":
            return [ColumnUse(self.target, "target", NUMERIC), ColumnUse(str(self.time), "time", TIMES)]
        return uses_to_learn(self.target, self.features)

    @override
    def fans_out(self) -> bool:
        return True
