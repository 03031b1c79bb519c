"""How well a fitted model predicts rows that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from .candidates import CLASSIFICATION

LOWER_IS_BETTER = frozenset({"log_loss", "mean_absolute_error", "root_mean_squared_error"})
METRICS = (
    "accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "r2", "mean_absolute_error",
    "root_mean_squared_error",
)  # fmt: skip


def measure(model: Any, x: pd.DataFrame, y: Any, problem: str) -> dict[str, float]:
    """All metrics of the problem."""
    predicted = model.predict(x)
    if problem != CLASSIFICATION:
        return {
            "r2": float(metrics.r2_score(y, predicted)),
            "mean_absolute_error": float(metrics.mean_absolute_error(y, predicted)),
            "root_mean_squared_error": float(metrics.root_mean_squared_error(y, predicted)),
        }
    probabilities = model.predict_proba(x)
    return {
        "accuracy": float(metrics.accuracy_score(y, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(y, predicted)),
        "f1_macro": float(metrics.f1_score(y, predicted, average="macro", zero_division=0)),
        "roc_auc": _area(y, probabilities, model.classes_),
        "log_loss": float(metrics.log_loss(y, probabilities, labels=model.classes_)),
    }


def _area(y: Any, probabilities: Any, classes: Any) -> float:
    """Area under the ROC curve; the mean over one class against the rest of more than two."""
    if len(classes) == 2:
        return float(metrics.roc_auc_score(y == classes[1], probabilities[:, 1]))
    areas = [metrics.roc_auc_score(y == name, probabilities[:, number]) for number, name in enumerate(classes)]
    return float(np.mean(areas))
