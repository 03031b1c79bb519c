"""Parameters of the analyses of series: their nature, their changes, what is unusual in them, and what comes next."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from .columns import NUMERIC, ColumnUse
from .parameters import ColumnName, Parameters, refuse_repeats

TIMES = frozenset({"integer", "number", "date", "datetime"})
TIME_TEXT = "Column of times or of numbers that puts the rows in order; the file's order when absent."
PERIOD_TEXT = "Values in one season, such as 12 for months; found from the times and the data when absent."


class SeriesParameters(Parameters):
    """One column in the order of another."""

    column: ColumnName = Field(description="The numeric column.")
    time: ColumnName | None = Field(None, description=TIME_TEXT)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.time == self.column:
            raise ValueError(f"the column {self.column!r} cannot be its own time")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        times = [] if self.time is None else [ColumnUse(self.time, "time", TIMES)]
        return [ColumnUse(self.column, "column", NUMERIC), *times]


class TimeseriesParameters(SeriesParameters):
    """What kind of series it is."""

    method: Literal["stationarity", "acf", "decomposition"] = Field(
        "stationarity",
        description="stationarity: ADF and KPSS tests; acf: autocorrelations; decomposition: trend, season and rest.",
    )
    trend: Literal["constant", "linear"] = Field(
        "constant", description="Of stationarity: what the series may be stationary around."
    )
    lags: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Of acf: how many lags, at least 1. Of stationarity: lags of both tests, chosen when absent.",
    )
    period: int | None = Field(None, ge=2, le=10000, description=f"Of decomposition. {PERIOD_TEXT}")
    decomposition: Literal["stl", "classical"] = Field(
        "stl", description="stl: by local regressions; classical: by moving averages."
    )
    model: Literal["additive", "multiplicative"] = Field(
        "additive", description="Whether the parts add up or multiply; the latter needs values above zero."
    )
    robust: StrictBool = Field(False, description="Of stl: whether outliers are kept from trend and season.")
    alpha: float = Field(0.05, gt=0, lt=1, description="Level of the tests; bands cover 1 - alpha.")

    @model_validator(mode="after")
    def _lags_fit(self) -> Self:
        if self.method == "acf" and self.lags == 0:
            raise ValueError("acf needs at least 1 lag")
        return self


class ChangepointParameters(SeriesParameters):
    """Where the level of a series changes."""

    method: Literal["auto", "pelt", "binary_segmentation"] = Field(
        "auto", description="auto: pelt (exact) up to 20,000 values, then binary_segmentation (approximate)."
    )
    min_size: int = Field(5, ge=1, le=100000, description="Least number of values in a segment.")
    penalty: float | None = Field(
        None, gt=0, le=1e9, description="What a change must explain, in error variances; 2 ln n when absent."
    )


class AnomalyParameters(Parameters):
    """Rows unlike the others."""

    columns: list[ColumnName] = Field(min_length=1, max_length=100, description="Numeric columns; one for seasonal.")
    method: Literal["isolation_forest", "lof", "robust_z", "seasonal"] = Field(
        "isolation_forest",
        description="isolation_forest: soon alone under random cuts; lof: sparser than its neighbours; robust_z: far "
        "from the median; seasonal: far from trend and season.",
    )
    contamination: float | None = Field(
        None, gt=0, le=0.5, description="Share of rows to call anomalies; a fixed threshold of the method when absent."
    )
    neighbours: int = Field(20, ge=1, le=200, description="Of lof: neighbours that a row is compared with.")
    trees: int = Field(200, ge=10, le=1000, description="Of isolation_forest: number of trees.")
    time: ColumnName | None = Field(None, description=f"Of seasonal. {TIME_TEXT}")
    period: int | None = Field(None, ge=2, le=10000, description=f"Of seasonal. {PERIOD_TEXT}")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse_repeats("columns", self.columns)
        if self.method == "seasonal" and len(self.columns) != 1:
            raise ValueError("the method seasonal takes exactly one column")
        if self.time in self.columns:
            raise ValueError(f"the column {self.time!r} cannot be its own time")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        times = [] if self.time is None else [ColumnUse(self.time, "time", TIMES)]
        return [*(ColumnUse(name, "columns", NUMERIC) for name in self.columns), *times]


class ForecastParameters(SeriesParameters):
    """What comes next."""

    time: ColumnName = Field(description="Column of times, or of numbers, that puts the rows in order.")
    horizon: int = Field(ge=1, le=1000, description="How many steps to forecast.")
    season: int | None = Field(
        None, ge=1, le=1000, description="Values in one season; 1: none. Found from the times and the data when absent."
    )
    method: Literal["auto", "seasonal_naive", "ets", "ets_multiplicative", "arima", "sarima", "boosting"] = Field(
        "auto",
        description="auto: the one with the least error in the back-test; seasonal_naive: the last season again; ets: "
        "exponential smoothing with additive errors; ets_multiplicative: with errors and season in proportion to the "
        "level; arima: ARIMA of the seasonally adjusted series; sarima: seasonal ARIMA; boosting: gradient boosting on "
        "lagged values.",
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="Intervals are meant to cover 1 - alpha of the values to come.")
