"""Conformal prediction from out-of-fold predictions: intervals of a regression, sets of classes of a classification."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..source import FloatArray

BINS_AT_MOST = 5
ROWS_A_BIN = 200
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
    made = {"edges": edges, "widths": _widths(y, predicted, edges, level)}
    inside = []
    for fold in np.unique(folds):
        here = folds == fold
        widths = {"edges": edges, "widths": _widths(y[~here], predicted[~here], edges, level)}
        inside.append(np.abs(y[here] - predicted[here]) <= half_widths(widths, predicted[here]))
    return {"method": INTERVALS, "level": level, **made, "coverage": float(np.concatenate(inside).mean()), "n": len(y)}


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
        inside.append(misses[here] <= _quantile(misses[~here], level))
    quantile = _quantile(misses, level)
    threshold = 0.0 if math.isinf(quantile) else 1 - quantile
    coverage = float(np.concatenate(inside).mean())
    return {"method": SETS, "level": level, "threshold": threshold, "coverage": coverage, "n": len(y)}


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


def _widths(y: FloatArray, predicted: FloatArray, edges: list[float], level: float) -> list[float | None]:
    places = np.searchsorted(np.asarray(edges), predicted, side="right")
    residuals = np.abs(y - predicted)
    widths = [_quantile(residuals[places == number], level) for number in range(len(edges) + 1)]
    return [None if math.isinf(width) else width for width in widths]


def _quantile(values: FloatArray, level: float) -> float:
    """The ceil((n + 1) * level)-th smallest, infinite if there is none."""
    place = math.ceil((len(values) + 1) * level - 1e-9)
    return float(np.partition(values, place - 1)[place - 1]) if place <= len(values) else math.inf
