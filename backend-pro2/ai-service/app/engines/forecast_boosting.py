"""Gradient boosting on lagged values, which knows no intervals of its own."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from .forecast_models import Form, Path, Task, scaled
from .source import FloatArray

LAGS_AT_MOST = 48
LAGS_WITHOUT_SEASON = 6
TREES = 100
DIGITS = 9
# How many earlier forecasts the limits are learned from.
ORIGINS = 30
HELD_BACK = 0.3


def boosting(task: Task, _form: Form | None = None) -> Path:
    """Trees on the latest values, the last season's and its mean; each step fed with those before (Friedman 2001).

    The series is differenced by its season, or by one, so that trees, which know no values but those they saw, can
    follow a trend. Limits are conformal: quantiles of the absolute errors of forecasts from up to 30 origins in the
    newest three tenths by a model that had not seen them, step by step, never narrower than those of earlier steps.
    """
    values, center, spread = scaled(task)
    # Values that differ by rounding alone, as the unit has it, are one value to a tree.
    values = np.round(values, DIGITS)
    lag = max(1, task.period)
    lags = _lags(len(values), lag)
    mean = _continued(values, _fitted(values, lag, lags), lag, lags, task.horizon)
    margin = _margins(values, lag, lags, task)
    mean, margin = center + spread * mean, spread * margin
    label = f"gradient boosting on {lags} lags of differences by {lag}"
    return Path(mean, mean - margin, mean + margin, {}, label)


def _lags(n: int, lag: int) -> int:
    wanted = min(lag, LAGS_AT_MOST) if lag > 1 else LAGS_WITHOUT_SEASON
    return max(1, min(wanted, (n - lag) // 4))


def _fitted(values: FloatArray, lag: int, lags: int) -> HistGradientBoostingRegressor:
    changes = values[lag:] - values[:-lag]
    features = np.lib.stride_tricks.sliding_window_view(changes, lags)[:-1]
    leaf = max(2, min(20, len(features) // 10))
    model = HistGradientBoostingRegressor(
        max_iter=TREES,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=leaf,
        early_stopping=False,
        random_state=0,
    )
    model.fit(features, changes[lags:])
    return model


def _continued(
    values: FloatArray, model: HistGradientBoostingRegressor, lag: int, lags: int, horizon: int
) -> FloatArray:
    """Shape (horizon,) after `values`."""
    path: FloatArray = _from_many(values[None, -(lag + lags) :], model, lag, lags, horizon)[0]
    return path


def _from_many(
    known: FloatArray, model: HistGradientBoostingRegressor, lag: int, lags: int, horizon: int
) -> FloatArray:
    """Shape (origins, horizon) after the values of each origin, shape (origins, lag + lags)."""
    path = known
    for _ in range(horizon):
        changes = path[:, -lags:] - path[:, -lags - lag : -lag]
        path = np.column_stack([path, path[:, -lag] + model.predict(changes)])
    return path[:, known.shape[1] :]


def _margins(values: FloatArray, lag: int, lags: int, task: Task) -> FloatArray:
    least = lag + lags + 2
    cut = max(least, int(len(values) * (1 - HELD_BACK)))
    origins = np.unique(np.linspace(cut, len(values) - 1, ORIGINS).astype(np.intp))
    model = _fitted(values[:cut], lag, lags)
    known = np.array([values[origin - lag - lags : origin] for origin in origins])
    paths = _from_many(known, model, lag, lags, task.horizon)
    steps = np.arange(task.horizon)
    places = origins[:, None] + steps
    there = places < len(values)
    errors = np.where(there, np.abs(values[np.minimum(places, len(values) - 1)] - paths), np.nan)
    found = np.array([_quantile(errors[:, : step + 1], task.alpha) for step in steps])
    return np.maximum.accumulate(found)


def _quantile(errors: FloatArray, alpha: float) -> float:
    """The conformal quantile of the errors of the last step that has enough of them."""
    for column in errors.T[::-1]:
        found = np.sort(column[~np.isnan(column)])
        if len(found) >= min(10, len(errors)):
            rank = min(int(np.ceil((len(found) + 1) * (1 - alpha))), len(found))
            return float(found[rank - 1])
    return float(np.nanmax(errors))
