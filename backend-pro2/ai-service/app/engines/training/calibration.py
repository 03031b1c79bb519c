"""Probabilities that mean what they say: sigmoid or isotonic, fitted to rows left out, where that helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier, _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

from ..source import FloatArray

NONE, SIGMOID, ISOTONIC = "none", "sigmoid", "isotonic"
ISOTONIC_ROWS = 1000
# A method must be better by this share of the log loss, or its noise would decide.
GAIN = 0.01
SMALLEST = 1e-15
BINS = 10


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Out-of-fold probabilities by a method that was fitted to the other folds; `losses` are those of all methods."""

    method: str
    probabilities: FloatArray
    losses: Mapping[str, float]


def calibrate(scores: FloatArray, native: FloatArray | None, y: Any, folds: Any, classes: int) -> Calibrated:
    """The method of least cross-fitted log loss; none, if the model has probabilities that are as good.

    Zero is no probability: a single row of a class said to be impossible would cost as much as all others together.
    Sigmoid after Platt (1999), isotonic after Zadrozny and Elkan (2002), each class against the rest.
    """
    found = {NONE: native} if knows_probabilities(native) else {}
    if not found or len(y) >= 4 * classes:
        found[SIGMOID] = crossfitted(SIGMOID, scores, y, folds, classes)
    if len(y) >= ISOTONIC_ROWS:
        found[ISOTONIC] = crossfitted(ISOTONIC, scores, y, folds, classes)
    losses = {method: log_loss(probabilities, y) for method, probabilities in found.items()}
    best = min(losses, key=lambda method: losses[method])
    first = next(iter(losses))
    if losses[best] > losses[first] * (1 - GAIN):
        best = first
    return Calibrated(best, found[best], losses)


def knows_probabilities(native: FloatArray | None) -> TypeGuard[FloatArray]:
    """Whether these are probabilities that can be taken as they are."""
    return native is not None and bool((native > 0).all())


def crossfitted(method: str, scores: FloatArray, y: Any, folds: Any, classes: int) -> FloatArray:
    """Probabilities of each fold by calibrators that were fitted to the others; shape (rows, classes)."""
    probabilities = np.empty((len(y), classes))
    for fold in np.unique(folds):
        here = folds == fold
        made = fit_calibrators(method, scores[~here], y[~here], classes)
        probabilities[here] = apply(made, scores[here], classes)
    return probabilities


def fit_calibrators(method: str, scores: FloatArray, y: Any, classes: int) -> list[Any]:
    """One for each class, or one of two."""
    numbers = [1] if classes == 2 else range(classes)
    return [
        (_SigmoidCalibration() if method == SIGMOID else IsotonicRegression(out_of_bounds="clip")).fit(
            column, (y == number).astype(float)
        )
        for number, column in zip(numbers, scores.T, strict=True)
    ]


def apply(calibrators: Sequence[Any], scores: FloatArray, classes: int) -> FloatArray:
    """Shape (rows, classes), rows that sum to one; as CalibratedClassifierCV does it."""
    columns = np.column_stack([one.predict(column) for one, column in zip(calibrators, scores.T, strict=True)])
    if classes == 2:
        return np.column_stack([1 - columns[:, 0], columns[:, 0]])
    total = columns.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(columns, total, out=np.full_like(columns, 1 / classes), where=total != 0))


def with_calibrators(model: Any, method: str, calibrators: list[Any]) -> Any:
    """The fitted model behind calibrators, as one estimator of scikit-learn."""
    if method == NONE:
        return model
    # CalibratedClassifierCV.fit would do the cross-validation once more, which has been done.
    made = CalibratedClassifierCV(model, method=method)
    made.classes_ = model.classes_
    made.calibrated_classifiers_ = [_CalibratedClassifier(model, calibrators, classes=model.classes_, method=method)]
    return made


def log_loss(probabilities: FloatArray, y: Any) -> float:
    """Mean over the rows."""
    return float(-np.log(np.clip(probabilities[np.arange(len(y)), y], SMALLEST, 1)).mean())


def reliability(probabilities: FloatArray, y: Any, classes: int) -> tuple[list[dict[str, float]], float]:
    """Of two classes the second's probability, of more the predicted one's, in ten bins; and their ECE.

    Expected calibration error: mean distance of share and probability, weighted by rows (Naeini et al. 2015).
    """
    said = probabilities[:, 1] if classes == 2 else probabilities.max(axis=1)
    came = y == 1 if classes == 2 else probabilities.argmax(axis=1) == y
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    rows, distance = [], 0.0
    for number in np.unique(bins):
        here = bins == number
        mean, share = float(said[here].mean()), float(came[here].mean())
        distance += here.mean() * abs(mean - share)
        rows.append({"low": number / BINS, "high": (number + 1) / BINS, "n": int(here.sum()), "mean_probability": mean,
                     "observed": share})  # fmt: skip
    return rows, distance
