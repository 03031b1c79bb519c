"""Three ways to continue a series, each with intervals: seasonal naive, exponential smoothing, ARIMA."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.stattools import kpss

from .decomposition import stl_parts
from .source import FloatArray

# Each place in a season is a parameter of ETS; longer seasons are taken off by STL first.
ETS_SEASON_AT_MOST = 24
KPSS_LEVEL = 0.05
ORDERS = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2))
ITERATIONS = 200

Form = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """Continue `values`, whose season has `period` values (1: none), by `horizon` with intervals of 1 - `alpha`."""

    values: FloatArray
    period: int
    horizon: int
    alpha: float


@dataclass(frozen=True, slots=True)
class Path:
    """Arrays of shape (horizon,), and the form of the model, by which it can be fitted again to other values."""

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    form: Form
    label: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit of one form; `aicc` compares it with others of the same data."""

    form: Form
    aicc: float
    result: Any


def seasonal_naive(task: Task, _form: Form | None = None) -> Path:
    """The last season again; errors of k + 1 seasons add up (Hyndman and Athanasopoulos, Forecasting, section 5.5)."""
    m = task.period
    steps = np.arange(task.horizon)
    mean = task.values[-m:][steps % m]
    sigma = np.sqrt(np.mean((task.values[m:] - task.values[:-m]) ** 2))
    margin = stats.norm.ppf(1 - task.alpha / 2) * sigma * np.sqrt(steps // m + 1)
    return Path(mean, mean - margin, mean + margin, {}, f"seasonal naive, season {m}" if m > 1 else "naive")


def ets(task: Task, form: Form | None = None) -> Path:
    """The additive-error ETS of least AICc, its variances exact (Hyndman, Koehler, Ord and Snyder 2008, chapter 6).

    Trend: none, additive or damped; season: none or additive.
    """
    if task.period > ETS_SEASON_AT_MOST:
        return _adjusted(ets, task, form)
    values, center, spread = scaled(task)
    forms = [form] if form is not None else [*_ets_forms(task)]
    fitted = best(forms, lambda chosen: _fit_ets(values, chosen))
    if fitted is None:
        return seasonal_naive(task)
    prediction = fitted.result.get_prediction(start=len(values), end=len(values) + task.horizon - 1)
    frame = prediction.summary_frame(alpha=task.alpha)
    columns = (frame["mean"], frame["pi_lower"], frame["pi_upper"])
    mean, lower, upper = (center + spread * np.asarray(column, dtype=np.float64) for column in columns)
    return Path(mean, lower, upper, fitted.form, _ets_label(fitted.form))


def arima(task: Task, form: Form | None = None) -> Path:
    """ARIMA(p, d, q), p + q up to 3, of least AICc; d is the first whose KPSS does not reject.

    After Hyndman and Khandakar (2008, J. Statistical Software 27 (3)), all orders tried instead of a walk. A season is
    taken off by STL before and put back after; the intervals leave out that it is estimated.
    """
    if task.period > 1:
        return _adjusted(arima, task, form)
    values, center, spread = scaled(task)
    forms = [form] if form is not None else [*_arima_forms(values)]
    fitted = best(forms, lambda chosen: _fit_arima(values, chosen))
    if fitted is None:
        return seasonal_naive(task)
    prediction = fitted.result.get_forecast(task.horizon)
    limits = np.asarray(prediction.conf_int(alpha=task.alpha))
    columns = (np.asarray(prediction.predicted_mean), limits[:, 0], limits[:, 1])
    mean, lower, upper = (center + spread * column for column in columns)
    p, d, q = fitted.form["order"]
    return Path(
        mean, lower, upper, fitted.form, f"ARIMA({p},{d},{q})" + (" with drift" if fitted.form["trend"] else "")
    )


MODELS: Mapping[str, Callable[[Task, Form | None], Path]] = {
    "seasonal_naive": seasonal_naive,
    "ets": ets,
    "arima": arima,
}


def _adjusted(model: Callable[[Task, Form | None], Path], task: Task, form: Form | None) -> Path:
    """The model of what is left without STL's season, whose last cycle is put back on."""
    seasonal = stl_parts(task.values, task.period, robust=False).seasonal
    path = model(replace(task, values=task.values - seasonal, period=1), form)
    added = seasonal[-task.period :][np.arange(task.horizon) % task.period]
    label = f"STL, season {task.period}, and {path.label}"
    return Path(path.mean + added, path.lower + added, path.upper + added, path.form, label)


def scaled(task: Task) -> tuple[FloatArray, float, float]:
    """The values less their mean, per standard deviation, and both."""
    center, spread = float(task.values.mean()), float(task.values.std())
    return (task.values - center) / (spread or 1.0), center, spread or 1.0


def best(forms: list[Form], fit: Callable[[Form], Fitted | None]) -> Fitted | None:
    """The fit of the least AICc; None if none succeeds."""
    fits = [found for found in map(fit, forms) if found is not None]
    return min(fits, key=lambda found: found.aicc, default=None)


def _ets_forms(task: Task) -> Iterator[Form]:
    season = {"seasonal": "add", "seasonal_periods": task.period} if task.period > 1 else {}
    for trend, damped in ((None, False), ("add", False), ("add", True)):
        yield {"trend": trend, "damped_trend": damped, **season}


def _ets_label(form: Form) -> str:
    trend = {(False, False): "N", (True, False): "A", (True, True): "Ad"}[
        form["trend"] is not None, form["damped_trend"]
    ]
    return f"ETS(A,{trend},{'A' if 'seasonal' in form else 'N'})"


def _fit_ets(values: FloatArray, form: Form) -> Fitted | None:
    # Only a Series lets ETSModel count on beyond its end.
    series = pd.Series(values, index=pd.RangeIndex(len(values)))
    try:
        result: Any = ETSModel(series, error="add", **form).fit(disp=False, maxiter=ITERATIONS)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return usable(form, result)


def _arima_forms(values: FloatArray) -> Iterator[Form]:
    d = differences(values)
    for p, q in ORDERS:
        # A constant of the differenced series: a level, or a drift.
        for trend in ((0.0, 1.0), (0.0, 0.0)) if d == 1 else (((1.0, 0.0),) if d == 0 else ((0.0, 0.0),)):
            yield {"order": (p, d, q), "trend": list(trend) if any(trend) else None}


def differences(values: FloatArray) -> int:
    """How often to difference until KPSS does not reject, twice at most."""
    for d in range(2):
        rest = np.diff(values, n=d)
        if np.ptp(rest) <= 1e-10 or kpss(rest, regression="c", nlags="auto", result_object=False)[1] > KPSS_LEVEL:
            return d
    return 2


def _fit_arima(values: FloatArray, form: Form) -> Fitted | None:
    try:
        result: Any = SARIMAX(values, order=form["order"], trend=form["trend"]).fit(disp=False, maxiter=ITERATIONS)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return usable(form, result)


def usable(form: Form, result: Any) -> Fitted | None:
    """The fit, unless its likelihood is undefined."""
    aicc = float(result.aicc)
    return None if np.isnan(aicc) else Fitted(form, aicc, result)
