"""How well a model does for parts of the rows: each level of features that have few."""

from __future__ import annotations

from typing import Any

import numpy as np

from .data import TrainingData
from .scores import Said, measures_of

FEATURES_AT_MOST = 10
LEVELS_AT_MOST = 10
ROWS_AT_LEAST = 20
RESAMPLES = 200
MISSING = "(missing)"


def subgroups_of(data: TrainingData, said: Said, metric: str, level: float, seed: int) -> list[dict[str, Any]]:
    """Of each level with enough rows the metric on the rows left out, with its percentile bootstrap interval."""
    rows = []
    for name, values in _grouped(data):
        for value in sorted(set(values.tolist())):
            here = values == value
            if here.sum() >= ROWS_AT_LEAST:
                found = _measured(said.of(here), metric, level, seed, classifies=data.classifies)
                rows.append({"feature": name, "level": value, "n": int(here.sum()), "metric": metric, **found})
    return rows


def _grouped(data: TrainingData) -> list[tuple[str, Any]]:
    found = []
    for feature in data.features:
        if feature.kind == "categorical" and len(feature.levels or ()) <= LEVELS_AT_MOST:
            texts = data.x[feature.name].to_numpy()
            found.append((feature.name, np.array([MISSING if text is None else text for text in texts], dtype=object)))
        elif feature.type == "boolean":
            numbers = data.x[feature.name].to_numpy()
            names = np.array(["false", "true", MISSING], dtype=object)
            found.append((feature.name, names[np.where(np.isnan(numbers), 2, numbers).astype(int)]))
    return found[:FEATURES_AT_MOST]


def _measured(said: Said, metric: str, level: float, seed: int, *, classifies: bool) -> dict[str, float]:
    measure = measures_of(classifies=classifies)[metric]
    rows = len(said.y)
    random = np.random.default_rng(seed)
    resampled = [
        measure(said, np.bincount(random.integers(0, rows, rows), minlength=rows)[None].astype(np.float64))[0]
        for _ in range(RESAMPLES)
    ]
    known = np.array(resampled)[~np.isnan(resampled)]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (np.nan, np.nan)
    return {"value": float(measure(said, np.ones((1, rows)))[0]), "ci_low": float(low), "ci_high": float(high)}
