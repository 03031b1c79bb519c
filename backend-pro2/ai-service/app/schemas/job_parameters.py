"""Parameters of each distributed job; their JSON Schemas are what `/tasks/jobs` serves."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from typing_extensions import override

from shared.schemas import RequestModel

from .columns import NUMERIC, ColumnUse, uses_to_learn
from .parameters import ColumnName, Parameters, refuse_repeats, refuse_target_among
from .train_parameters import CLASSIFICATION_METRICS, MOST_FEATURES

LARGEST_VERSION = 2**31 - 1

Problem = Literal["auto", "classification", "regression"]
Candidate = Literal["linear", "ridge", "logistic", "tree", "forest", "boosting", "neighbours"]
Metric = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "roc_auc",
    "log_loss",
    "r2",
    "mean_absolute_error",
    "root_mean_squared_error",
]
Features = Annotated[list[ColumnName], Field(min_length=1, max_length=MOST_FEATURES)]


class JobParameters(Parameters):
    """Base of the parameters of jobs, which may all be spread over the Ray cluster."""

    @override
    def fans_out(self) -> bool:
        return True


class ProfileParameters(JobParameters):
    """Which columns to profile."""

    columns: list[ColumnName] | None = Field(
        None, min_length=1, max_length=500, description="Columns to profile; all when absent, the first 500 of more."
    )

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns") for name in self.columns or ()]


class Resampled(JobParameters):
    """Base of what is resampled: one column, perhaps with a second one or a grouping one."""

    column: ColumnName = Field(description="The numeric column.")
    column2: ColumnName | None = Field(None, description="A second numeric column of the same rows.")
    group: ColumnName | None = Field(None, description="The column that tells the groups apart.")

    def columns(self) -> list[str]:
        """The numeric columns that are read."""
        return [self.column] if self.column2 is None else [self.column, self.column2]

    @override
    def uses(self) -> Sequence[ColumnUse]:
        numeric = [ColumnUse(self.column, "column", NUMERIC)]
        numeric += [ColumnUse(self.column2, "column2", NUMERIC)] if self.column2 is not None else []
        return [*numeric, ColumnUse(self.group, "group")] if self.group is not None else numeric


class BootstrapParameters(Resampled):
    """A confidence interval of a statistic of one column, of two combined, or of two groups."""

    statistic: Literal["mean", "median", "std", "correlation", "difference_in_means"] = Field(
        "mean",
        description="correlation: Pearson's r of column and column2; difference_in_means: of the first group of "
        "`group` in alphabetical order less the second, each group resampled by itself.",
    )
    combine: Literal["difference", "ratio", "sum", "product"] | None = Field(
        None, description="How column and column2 make the values whose mean, median or std is wanted."
    )
    resamples: int = Field(2000, ge=100, le=100_000, description="Number of resamples.")
    level: float = Field(0.95, ge=0.5, le=0.9999, description="Level of the interval.")
    method: Literal["percentile", "bca"] = Field(
        "bca", description="percentile: quantiles of the resamples; bca: corrected for bias and skewness (Efron 1987)."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.group is not None) != (self.statistic == "difference_in_means"):
            raise ValueError("group goes with statistic difference_in_means, and only with it")
        if (self.combine is not None) != (self.column2 is not None and self.statistic != "correlation"):
            raise ValueError("mean, median and std of column2 with column need combine, and nothing else takes it")
        if self.statistic == "correlation" and self.column2 is None:
            raise ValueError("correlation needs column2")
        if self.group is not None and self.column2 is not None:
            raise ValueError("difference_in_means takes one column")
        refuse_repeats("column and column2", self.columns())
        return self


class PermutationParameters(Resampled):
    """A test that needs no distribution: how often chance alone gives as much as was observed."""

    statistic: Literal["difference_in_means", "difference_in_medians", "correlation", "f"] = Field(
        "difference_in_means",
        description="difference_in_means and difference_in_medians: first group of `group` in alphabetical order less "
        "the second; correlation: Pearson's r of column and column2; f: of a one-way analysis of variance by `group`.",
    )
    permutations: int = Field(9999, ge=99, le=100_000, description="Number of random permutations.")
    alternative: Literal["two-sided", "less", "greater"] = Field(
        "two-sided", description="two-sided: as far from 0; less, greater: as small, as large as observed."
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="Level of the test.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        paired = self.statistic == "correlation"
        if (self.column2 is not None) != paired or (self.group is None) != paired:
            raise ValueError("correlation takes column2, every other statistic takes group, and neither takes both")
        if self.statistic == "f" and self.alternative == "less":
            raise ValueError("f has no alternative less: only large values speak for a difference")
        refuse_repeats("column and column2", self.columns())
        return self


class Trainable(JobParameters):
    """Base of what names a target and its features."""

    target: ColumnName = Field(description="The column to predict.")
    features: Features | None = Field(
        None,
        description="Columns to predict it from. When absent all other usable ones, without those that look like ids, "
        "the first 500 of more.",
    )
    problem: Problem = Field(
        "auto",
        description="auto: classification for texts, booleans and whole numbers with few values, else regression.",
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_target_among(self.features or [], self.target)
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return uses_to_learn(self.target, self.features)


class SearchParameters(Trainable):
    """Which models to compare, and how long."""

    candidates: list[Candidate] | None = Field(
        None,
        min_length=1,
        max_length=7,
        description="Families of models to try; all that suit the problem when absent.",
    )
    folds: int = Field(5, ge=2, le=20, description="Parts of the cross-validation, stratified for a classification.")
    metric: Metric | None = Field(
        None, description="What ranks the models; balanced_accuracy or r2 when absent, as the problem is."
    )
    budget_seconds: float = Field(
        300, ge=1, le=86_400, description="Seconds to compare for; what has not ended by then is left out."
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        refuse_repeats("candidates", self.candidates or [])
        if self.metric is not None and self.problem != "auto":
            classifies = self.problem == "classification"
            if (self.metric in CLASSIFICATION_METRICS) != classifies:
                raise ValueError(f"{self.metric} does not measure a {self.problem}")
        return self


class Training(RequestModel):
    """A model to fit before the prediction."""

    dataset_id: UUID = Field(description="The dataset to learn from, of the same project.")
    version: int | None = Field(None, ge=1, le=LARGEST_VERSION, description="Its version; the current one when absent.")
    target: ColumnName = Field(description="The column to predict.")
    features: Features | None = Field(None, description="As for model-search.")
    problem: Problem = Field("auto", description="As for model-search.")
    algorithm: Candidate = Field("boosting", description="The family of models; its first setting is used.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_target_among(self.features or [], self.target)
        return self


class PredictionParameters(JobParameters):
    """Where the model comes from: fitted anew, or the winner of a search."""

    train: Training | None = Field(None, description="What to fit.")
    search_task_id: UUID | None = Field(
        None, description="A succeeded model-search of the same project, whose winner is fitted again."
    )
    probabilities: bool = Field(True, description="Whether a classification also tells the probability of each class.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.train is None) == (self.search_task_id is None):
            raise ValueError("give either train or search_task_id")
        return self
