"""Seasonal models that multiply, or that difference by the season."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.statespace.sarimax import SARIMAX

from .decomposition import stl_parts
from .forecast_models import ITERATIONS, Fitted, Form, Path, Task, best, differences, scaled, seasonal_naive, usable
from .source import FloatArray

# Its state grows with the season, and its cost with the cube of that.
SARIMA_SEASON_AT_MOST = 13
SARIMA_VALUES_AT_MOST = 240
SARIMA_ITERATIONS = 60
# Wang, Smith and Hyndman's strength of season from which R's nsdiffs takes a seasonal difference.
STRONG_SEASON = 0.64
SHORT_ORDERS = ((0, 1), (1, 0), (1, 1), (2, 1))
SEASONAL_ORDERS = ((0, 1), (1, 0), (1, 1))
SIMULATED = 2000
SEED = 1


def ets_multiplicative(task: Task, form: Form | None = None) -> Path:
    """The multiplicative-error ETS of least AICc, for values above zero (Hyndman and others 2008, chapter 6).

    Trend: none, additive, damped or multiplicative; season: none or multiplicative. Limits are quantiles of 2000
    simulated paths of one seed.
    """
    size = float(np.mean(task.values))
    series = pd.Series(task.values / size, index=pd.RangeIndex(len(task.values)))
    forms = [form] if form is not None else [*_ets_forms(task)]
    fitted = best(forms, lambda chosen: _fit_ets(series, chosen))
    if fitted is None:
        return seasonal_naive(task)
    result = fitted.result
    chance = np.random.default_rng(SEED)
    paths = result.simulate(task.horizon, anchor="end", repetitions=SIMULATED, rng=chance)
    drawn = np.asarray(paths, dtype=np.float64).reshape(task.horizon, SIMULATED)
    lower, upper = np.quantile(drawn, [task.alpha / 2, 1 - task.alpha / 2], axis=1)
    mean = np.asarray(result.forecast(task.horizon), dtype=np.float64)
    return Path(mean * size, lower * size, upper * size, fitted.form, _ets_label(fitted.form))


def _ets_forms(task: Task) -> Iterator[Form]:
    season = {"seasonal": "mul", "seasonal_periods": task.period} if task.period > 1 else {}
    for trend, damped in ((None, False), ("add", False), ("add", True), ("mul", False)):
        yield {"trend": trend, "damped_trend": damped, **season}


def _ets_label(form: Form) -> str:
    trend = {None: "N", "add": "A", "mul": "M"}[form["trend"]] + ("d" if form["damped_trend"] else "")
    return f"ETS(M,{trend},{'M' if 'seasonal' in form else 'N'})"


def _fit_ets(series: Any, form: Form) -> Fitted | None:
    try:
        result: Any = ETSModel(series, error="mul", **form).fit(disp=False, maxiter=ITERATIONS)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return usable(form, result)


def sarima(task: Task, form: Form | None = None) -> Path:
    """Seasonal ARIMA of least AICc in a bounded search, on the newest 240 values (Box, Jenkins and Reinsel 1994).

    One seasonal difference where the season is strong (0.64), d the first whose KPSS does not reject then. Four pairs
    (p, q) are tried with one seasonal term, then the best of them with the other seasonal terms (after Hyndman and
    Khandakar 2008).
    """
    recent = replace(task, values=task.values[-max(SARIMA_VALUES_AT_MOST, 4 * task.period) :])
    values, center, spread = scaled(recent)
    fitted = fit_sarima(values, form) if form is not None else _search(values, task.period)
    if fitted is None:
        return seasonal_naive(task)
    prediction = fitted.result.get_forecast(task.horizon)
    limits = np.asarray(prediction.conf_int(alpha=task.alpha))
    columns = (np.asarray(prediction.predicted_mean), limits[:, 0], limits[:, 1])
    mean, lower, upper = (center + spread * column for column in columns)
    return Path(mean, lower, upper, fitted.form, _sarima_label(fitted.form))


def _search(values: FloatArray, period: int) -> Fitted | None:
    parts = stl_parts(values, period, robust=False)
    both = float(np.var(parts.seasonal + parts.residual))
    seasonal = int(both > 0 and 1 - float(np.var(parts.residual)) / both >= STRONG_SEASON)
    rest = values[period:] - values[:-period] if seasonal else values
    d = min(differences(rest), 2 - seasonal)
    trend = "c" if d + seasonal < 2 else None
    first = SEASONAL_ORDERS[0] if seasonal else SEASONAL_ORDERS[1]

    def form(short: tuple[int, int], long: tuple[int, int]) -> Form:
        order, season = (short[0], d, short[1]), (long[0], seasonal, long[1], period)
        return {"order": order, "seasonal_order": season, "trend": trend}

    start = best([form(short, first) for short in SHORT_ORDERS], lambda chosen: fit_sarima(values, chosen))
    if start is None:
        return None
    p, _, q = start.form["order"]
    others = [form((p, q), long) for long in SEASONAL_ORDERS if long != first]
    better = best(others, lambda chosen: fit_sarima(values, chosen))
    return start if better is None or better.aicc >= start.aicc else better


def fit_sarima(values: FloatArray, form: Form) -> Fitted | None:
    """By exact likelihood; None where it cannot be."""
    try:
        result: Any = SARIMAX(values, **form).fit(disp=False, maxiter=SARIMA_ITERATIONS)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return usable(form, result)


def _sarima_label(form: Form) -> str:
    (p, d, q), (long_p, long_d, long_q, period) = form["order"], form["seasonal_order"]
    return f"SARIMA({p},{d},{q})({long_p},{long_d},{long_q})[{period}]" + (" with constant" if form["trend"] else "")
