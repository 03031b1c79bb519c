"""Is a series stationary? Two tests with opposite hypotheses, and what they say together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from statsmodels.tsa.stattools import adfuller, kpss

from shared.compute import ComputeError

from ..schemas.series_parameters import TimeseriesParameters
from . import series_charts
from .evidence import Assumption, Effect, Evidence, shown_p
from .results import Notice, Outcome, Table
from .series import Series
from .source import FloatArray

TEST_COLUMNS = ("test", "null_hypothesis", "statistic", "p_value", "lags", "critical_1", "critical_5", "critical_10")
# The ends of the table of Kwiatkowski and others, beyond which a p-value is known as a bound only.
KPSS_TABLE = (0.01, 0.1)
PERFECT_FIT = 1e-20
VERDICTS = {
    (True, False): ("stationary", "stationary around {around}: a unit root is rejected, stationarity is not"),
    (False, True): ("unit_root", "not stationary around {around}: stationarity is rejected, a unit root is not"),
    (True, True): ("conflicting", "neither: both tests reject, as with breaks in level or long memory"),
    (False, False): ("inconclusive", "not decided: neither test rejects, so the series says too little"),
}


@dataclass(frozen=True, slots=True)
class UnitRootTest:
    """Statistic, p-value, lags used, critical values at 1, 5 and 10 %; `level` is ADF's coefficient of the level."""

    statistic: float
    p_value: float
    lags: int
    critical: tuple[float, float, float]
    level: float = math.nan

    def row(self, name: str, hypothesis: str) -> list[object]:
        """The row of table `tests`."""
        return [name, hypothesis, self.statistic, self.p_value, self.lags, *self.critical]


def examine_unit_roots(series: Series, parameters: TimeseriesParameters) -> Outcome:
    """ADF and KPSS side by side; the summary's own test is ADF.

    Augmented Dickey-Fuller (Said and Dickey 1984): unit root against stationarity; the number of lagged differences is
    the one of least AIC up to Schwert's 12 (n / 100)^(1/4); p-values after MacKinnon (1994, 2010). KPSS (Kwiatkowski,
    Phillips, Schmidt and Shin 1992, J. Econometrics 54): stationarity against a unit root; Bartlett window of a width
    chosen after Hobijn, Franses and Ooms (2004); p-values interpolated in the paper's table, 0.01 to 0.1. Both take
    one regime for granted.

    Raises:
        ComputeError: `too_few_rows` for the lags, or `singular_design` where the past determines the series exactly.
    """
    _refuse_many_lags(len(series.values), parameters)
    regression = "c" if parameters.trend == "constant" else "ct"
    scaled = (series.values - series.values.mean()) / series.values.std()
    adf = _adf(scaled, regression, parameters.lags)
    kwiatkowski = _kpss(scaled, regression, parameters.lags)
    alpha = parameters.alpha
    decision, text = VERDICTS[(adf.p_value < alpha, kwiatkowski.p_value <= alpha)]
    around = "a constant level" if regression == "c" else "a straight line"
    shown = f"ADF p {shown_p(adf.p_value)}, KPSS p {shown_p(kwiatkowski.p_value)}, level {alpha:g}"
    evidence = Evidence(
        statistic=adf.statistic,
        p_value=adf.p_value,
        n=len(series.values),
        effect=Effect("coefficient of the previous level (0: unit root, -1: no memory)", adf.level),
        assumptions=[Assumption("one regime", None, "A break looks like a unit root; see the analysis changepoint.")],
        conclusion=f"{series.name} is {text.format(around=around)} ({shown}).",
    )
    kept = {"statistic": kwiatkowski.statistic, "p_value": kwiatkowski.p_value, "lags": kwiatkowski.lags}
    more = {"test": "ADF", "lags": adf.lags, "trend": parameters.trend, "kpss": kept, "decision": decision}
    rows = [adf.row("ADF", "unit root"), kwiatkowski.row("KPSS", "stationary")]
    names = (series.time_name, series.name)
    chart = series_charts.lines(series.times, [(series.name, series.values)], names, f"Course of {series.name}")
    notices = [*series.notices, *_notices(kwiatkowski)]
    return Outcome(evidence.summary(more), [Table("tests", TEST_COLUMNS, rows)], [chart], notices)


def _refuse_many_lags(n: int, parameters: TimeseriesParameters) -> None:
    most = n // 2 - 3
    if parameters.lags is not None and parameters.lags > most:
        detail = f"{n} values allow {most} lags at most, but {parameters.lags} were asked for."
        raise ComputeError("too_few_rows", detail)


def _adf(values: FloatArray, regression: str, lags: int | None) -> UnitRootTest:
    options = {"autolag": "AIC"} if lags is None else {"autolag": None, "maxlag": lags}
    try:
        found: Any = adfuller(values, regression=regression, store=True, result_object=False, **options)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise _exact() from error
    statistic, p_value, critical, store = found
    # The values have variance 1, so this is what rounding leaves of a perfect fit.
    if not np.isfinite([statistic, p_value]).all() or store.resols.ssr <= PERFECT_FIT * len(values):
        raise _exact()
    level = float(store.resols.params[0])
    return UnitRootTest(float(statistic), float(p_value), int(store.usedlag), _three(critical), level)


def _exact() -> ComputeError:
    detail = "The series follows from its own past, or from the trend, exactly, so there is no error to test against."
    return ComputeError("singular_design", detail)


def _kpss(values: FloatArray, regression: str, lags: int | None) -> UnitRootTest:
    found: Any = kpss(values, regression=regression, nlags="auto" if lags is None else lags, result_object=False)
    statistic, p_value, used, critical = found
    return UnitRootTest(float(statistic), float(p_value), int(used), _three(critical))


def _three(critical: dict[str, float]) -> tuple[float, float, float]:
    return float(critical["1%"]), float(critical["5%"]), float(critical["10%"])


def _notices(found: UnitRootTest) -> list[Notice]:
    if KPSS_TABLE[0] < found.p_value < KPSS_TABLE[1]:
        return []
    side = "at most" if found.p_value <= KPSS_TABLE[0] else "at least"
    return [
        Notice("p_value_bounded", f"The p-value of KPSS is {side} {found.p_value:g}; the paper's table ends there.")
    ]
