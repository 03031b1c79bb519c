"""Measures of predictions, each also of many weightings of the rows at once, so that they can be bootstrapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from ..source import FloatArray

RESAMPLES, RESAMPLES_OF_MANY = 400, 60
MANY_ROWS = 10_000
CELLS_AT_ONCE = 4_000_000
SMALLEST = 1e-15
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "mean_absolute_error", "root_mean_squared_error"})


@dataclass(frozen=True, slots=True)
class Said:
    """What was true and what was predicted; `p` are probabilities of shape (rows, classes), or predicted numbers.

    `decide` has a weight of each class, where it is not simply the most probable one that is named.
    """

    y: Any
    p: FloatArray
    decide: FloatArray | None = None

    def of(self, rows: Any) -> Said:
        """Some of the rows."""
        return Said(self.y[rows], self.p[rows], self.decide)

    @property
    def named(self) -> Any:
        """Numbers of the classes that are named, shape (rows,)."""
        return decided(self.p, self.decide)


def decided(probabilities: FloatArray, decide: FloatArray | None) -> Any:
    """The class of each row that weighs most."""
    return (probabilities if decide is None else probabilities * decide).argmax(axis=1)


# `weights` has shape (weightings, rows); the measure has shape (weightings,), NaN where it is not defined.
Measure = Callable[[Said, FloatArray], FloatArray]


def _accuracy(said: Said, weights: FloatArray) -> FloatArray:
    return _mean(said.named == said.y, weights)


def _balanced_accuracy(said: Said, weights: FloatArray) -> FloatArray:
    """Mean recall of the classes that occur."""
    members = _members(said.y, said.p.shape[1])
    hits = members * (said.named == said.y)[:, None]
    return _nanmean((weights @ hits) / _or_nan(weights @ members))


def _f1_macro(said: Said, weights: FloatArray) -> FloatArray:
    predicted, classes = said.named, said.p.shape[1]
    true, named = _members(said.y, classes), _members(predicted, classes)
    return _nanmean(2 * (weights @ (true * named)) / _or_nan(weights @ true + weights @ named))


def _log_loss(said: Said, weights: FloatArray) -> FloatArray:
    return _mean(-np.log(np.clip(said.p[np.arange(len(said.y)), said.y], SMALLEST, 1)), weights)


def _brier(said: Said, weights: FloatArray) -> FloatArray:
    """Squared error of the second class of two, summed over the classes of more (Brier 1950)."""
    if said.p.shape[1] == 2:
        return _mean((said.p[:, 1] - (said.y == 1)) ** 2, weights)
    return _mean(((said.p - _members(said.y, said.p.shape[1])) ** 2).sum(axis=1), weights)


def _roc_auc(said: Said, weights: FloatArray) -> FloatArray:
    """Of two classes the second's, of more the mean of each against the rest."""
    if said.p.shape[1] == 2:
        return _area(said.p[:, 1], said.y == 1, weights)
    areas = [_area(said.p[:, number], said.y == number, weights) for number in range(said.p.shape[1])]
    return _nanmean(np.column_stack(areas))


def _area(score: FloatArray, positive: Any, weights: FloatArray) -> FloatArray:
    """Area under the ROC curve: the share of pairs in the right order, ties by half (Hanley and McNeil 1982)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    sorted_weights = weights[:, order]
    above = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    below = np.add.reduceat(sorted_weights, starts, axis=1) - above
    before = np.cumsum(below, axis=1) - below / 2
    return np.asarray((above * before).sum(axis=1) / _or_nan(above.sum(axis=1) * below.sum(axis=1)))


def _r2(said: Said, weights: FloatArray) -> FloatArray:
    y = said.y - said.y.mean()
    total = weights.sum(axis=1)
    spread = weights @ y**2 - (weights @ y) ** 2 / total
    return 1 - np.asarray(weights @ (said.y - said.p) ** 2) / _or_nan(np.where(spread > 1e-12 * (y @ y), spread, 0))


def _mean_absolute_error(said: Said, weights: FloatArray) -> FloatArray:
    return _mean(np.abs(said.y - said.p), weights)


def _root_mean_squared_error(said: Said, weights: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(_mean((said.y - said.p) ** 2, weights)))


CLASSIFIER_MEASURES: Mapping[str, Measure] = {
    "roc_auc": _roc_auc,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "log_loss": _log_loss,
    "brier": _brier,
}
REGRESSOR_MEASURES: Mapping[str, Measure] = {
    "r2": _r2,
    "mean_absolute_error": _mean_absolute_error,
    "root_mean_squared_error": _root_mean_squared_error,
}


def measures_of(*, classifies: bool) -> Mapping[str, Measure]:
    """Those that fit the problem, the usual one first."""
    return CLASSIFIER_MEASURES if classifies else REGRESSOR_MEASURES


def fold_values(measure: Measure, said: Said, folds: Any) -> FloatArray:
    """The measure of each fold."""
    values = []
    for number in np.unique(folds):
        part = said.of(folds == number)
        values.append(measure(part, np.ones((1, len(part.y))))[0])
    return np.array(values)


def measured(said: Said, folds: Any, seed: int, level: float, *, classifies: bool) -> dict[str, dict[str, Any]]:
    """Of each measure `value`, the mean of the folds', and the limits of its interval by the bootstrap.

    Rows are drawn anew within each fold, RESAMPLES times: how much the measure depends on which rows there were to
    check, not on which there were to learn from. Limits are percentiles, of many rows those of a normal distribution
    with the standard deviation of fewer resamples (Efron and Tibshirani 1993, chapters 13 and 6).
    """
    chosen = measures_of(classifies=classifies)
    resampled: dict[str, list[FloatArray]] = {name: [] for name in chosen}
    random = np.random.default_rng(seed)
    many = len(said.y) > MANY_ROWS
    for number in np.unique(folds):
        part = said.of(folds == number)
        for name, values in _resampled(part, chosen, random, RESAMPLES_OF_MANY if many else RESAMPLES).items():
            resampled[name].append(values)
    found = {}
    for name, measure in chosen.items():
        value = float(np.nanmean(fold_values(measure, said, folds)))
        low, high = _limits(value, np.nanmean(resampled[name], axis=0), level, many=many)
        found[name] = {"value": value, "ci_low": low, "ci_high": high}
    return found


def _limits(value: float, resampled: FloatArray, level: float, *, many: bool) -> tuple[float, float]:
    if many:
        margin = float(norm.ppf((1 + level) / 2) * np.nanstd(resampled, ddof=1))
        return value - margin, value + margin
    low, high = np.nanquantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled(
    part: Said, chosen: Mapping[str, Measure], random: np.random.Generator, times: int
) -> dict[str, FloatArray]:
    rows = len(part.y)
    size = max(1, min(times, CELLS_AT_ONCE // rows))
    values: dict[str, list[FloatArray]] = {name: [] for name in chosen}
    for start in range(0, times, size):
        draws = random.integers(0, rows, (min(size, times - start), rows))
        weights = np.array([np.bincount(draw, minlength=rows) for draw in draws], dtype=np.float64)
        for name, measure in chosen.items():
            values[name].append(measure(part, weights))
    return {name: np.concatenate(found) for name, found in values.items()}


def _members(y: Any, classes: int) -> FloatArray:
    return np.asarray(y[:, None] == np.arange(classes), dtype=np.float64)


def _mean(values: Any, weights: FloatArray) -> FloatArray:
    return np.asarray(weights @ np.asarray(values, dtype=np.float64) / weights.sum(axis=1))


def _or_nan(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values, np.nan)


def _nanmean(values: FloatArray) -> FloatArray:
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0).sum(axis=1) / _or_nan(known.sum(axis=1).astype(np.float64)))
