"""Conformal prediction from out-of-fold predictions: intervals of a regression, sets of classes of a classification."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from shared.compute import ComputeError

from ..source import FloatArray

BINS_AT_MOST = 5
ROWS_A_BIN = 200
# What is kept beside the level of the training: a request may ask for any of these.
PERCENTS = range(50, 100)
INTERVALS, SETS = "out_of_fold_residuals", "lac"


def conform_numbers(y: FloatArray, predicted: FloatArray, folds: Any, level: float) -> dict[str, Any]:
    """Half widths of intervals around predictions, one for each range of predictions (Mondrian categories).

    The half width is the (n + 1) * level-th smallest absolute out-of-fold residual of the range: cross-conformal
    prediction (Vovk 2015, Ann. Math. Artif. Intell. 74; Barber et al. 2021, Ann. Statist. 49 (1)) around the prediction
    of the model that learnt from all rows; ranges of predictions after Boström and Johansson (2020, PMLR 128).
    `coverage` is that of each fold by the residuals of the others. Assumes exchangeable rows. A width is None where
    there are too few residuals for the level.
    """
    edges = _edges(predicted)
    residuals = _residuals(y, predicted, edges)
    inside = []
    for fold in np.unique(folds):
        here = folds == fold
        others = _residuals(y[~here], predicted[~here], edges)
        widths = {"edges": edges, "widths": _widths(others, level)}
        inside.append(np.abs(y[here] - predicted[here]) <= half_widths(widths, predicted[here]))
    return {
        "method": INTERVALS,
        "level": level,
        "edges": edges,
        "widths": _widths(residuals, level),
        "ladder": [_widths(residuals, percent / 100) for percent in PERCENTS],
        "coverage": float(np.concatenate(inside).mean()),
        "n": len(y),
    }


def half_widths(conformal: Mapping[str, Any], predicted: FloatArray) -> FloatArray:
    """Of each prediction; infinite where undefined."""
    widths = np.array([math.inf if width is None else width for width in conformal["widths"]])
    found: FloatArray = widths[np.searchsorted(np.asarray(conformal["edges"]), predicted, side="right")]
    return found


def conform_classes(y: Any, probabilities: FloatArray, folds: Any, level: float) -> dict[str, Any]:
    """The threshold of sets of classes: the least ambiguous sets (LAC; Sadinle, Lei and Wasserman 2019, JASA 114).

    A class belongs to a row's set if its probability is at least `threshold`. A set may be empty, of a row unlike all
    that was learnt from, where the model errs more rarely than the level allows. `coverage` as for numbers.
    """
    misses = 1 - probabilities[np.arange(len(y)), y]
    inside = []
    for fold in np.unique(folds):
        here = folds == fold
        inside.append(misses[here] <= _quantile(np.sort(misses[~here]), level))
    ordered = np.sort(misses)
    return {
        "method": SETS,
        "level": level,
        "threshold": _threshold(ordered, level),
        "ladder": [_threshold(ordered, percent / 100) for percent in PERCENTS],
        "coverage": float(np.concatenate(inside).mean()),
        "n": len(y),
    }


def at_level(conformal: Mapping[str, Any], level: float | None) -> Mapping[str, Any]:
    """The same for another level, or that of the whole percent above it; its own level when absent.

    Raises:
        ComputeError: `level_unavailable`: what the level needs was not kept.
    """
    if level is None or level == conformal["level"]:
        return conformal
    if conformal.get("normal"):
        return _normal(conformal, level)
    percent = math.ceil(level * 100 - 1e-9)
    if "ladder" not in conformal or percent not in PERCENTS:
        detail = f"This version of the model knows the level {conformal['level']:g} only. Leave `level` out"
        raise ComputeError("level_unavailable", f"{detail}, or train anew with that `level`.")
    member = "widths" if conformal["method"] == INTERVALS else "threshold"
    return {**conformal, "level": percent / 100, member: conformal["ladder"][percent - PERCENTS.start]}


def _normal(conformal: Mapping[str, Any], level: float) -> Mapping[str, Any]:
    """Limits `low` and `high` of normal errors, which lie as many standard deviations away as the level has."""
    low, high = (np.array(conformal[name], dtype=np.float64) for name in ("low", "high"))
    middle = (low + high) / 2
    ratio = special.ndtri((1 + level) / 2) / special.ndtri((1 + conformal["level"]) / 2)
    limits = {"low": middle + (low - middle) * ratio, "high": middle + (high - middle) * ratio}
    return {**conformal, "level": level, **limits}


def in_sets(conformal: Mapping[str, Any], probabilities: FloatArray) -> Any:
    """Shape (rows, classes): which classes belong to the set of each row."""
    # A class exactly on the threshold belongs to it, whatever the last bit of 1 - (1 - p) is.
    return probabilities >= conformal["threshold"] - 1e-12


def _edges(predicted: FloatArray) -> list[float]:
    bins = min(BINS_AT_MOST, len(predicted) // ROWS_A_BIN)
    if bins < 2:
        return []
    found = np.unique(np.quantile(predicted, np.arange(1, bins) / bins))
    counts = np.bincount(np.searchsorted(found, predicted, side="right"), minlength=len(found) + 1)
    return found.tolist() if counts.min() >= ROWS_A_BIN // 2 else []


def _residuals(y: FloatArray, predicted: FloatArray, edges: list[float]) -> list[FloatArray]:
    """Absolute ones by range of predictions, in order."""
    places = np.searchsorted(np.asarray(edges), predicted, side="right")
    residuals = np.abs(y - predicted)
    return [np.sort(residuals[places == number]) for number in range(len(edges) + 1)]


def _widths(residuals: list[FloatArray], level: float) -> list[float | None]:
    widths = [_quantile(ordered, level) for ordered in residuals]
    return [None if math.isinf(width) else width for width in widths]


def _threshold(ordered: FloatArray, level: float) -> float:
    """Zero, which every class reaches, where there are too few rows for the level."""
    quantile = _quantile(ordered, level)
    return 0.0 if math.isinf(quantile) else 1 - quantile


def _quantile(ordered: FloatArray, level: float) -> float:
    """The ceil((n + 1) * level)-th smallest, infinite if there is none."""
    place = math.ceil((len(ordered) + 1) * level - 1e-9)
    return float(ordered[place - 1]) if place <= len(ordered) else math.inf
