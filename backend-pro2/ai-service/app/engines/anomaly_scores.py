"""Scores of strangeness of complete rows, the larger the stranger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from .results import Notice
from .source import FloatArray

THRESHOLDS: Mapping[str, float] = {"isolation_forest": 0.5, "lof": 1.5, "robust_z": 3.5, "seasonal": 3.5}
NORMAL_MAD = 0.6745
# Of a normal distribution the mean absolute deviation is this share of the standard deviation.
NORMAL_MEAN_DEVIATION = float(np.sqrt(2 / np.pi))
COMPARED_AT_MOST = 20_000
CHUNK = 20_000
# Among more equal rows than neighbours the density is infinite, and a ratio with it tells nothing.
RATIO_AT_MOST = 1e6


def robust_z_scores(values: FloatArray) -> FloatArray:
    """The largest modified z of each row; `values` has shape (rows, columns).

    Where more than half of a column is one value its MAD is 0; the mean absolute deviation stands in then (Iglewicz
    and Hoaglin 1993), and a constant column scores 0.
    """
    distances = np.abs(values - np.median(values, axis=0))
    median, mean = np.median(distances, axis=0), distances.mean(axis=0)
    scale = np.where(median > 0, median / NORMAL_MAD, mean / NORMAL_MEAN_DEVIATION)
    return np.asarray((distances / np.where(scale > 0, scale, 1)).max(axis=1))


def forest_scores(values: FloatArray, trees: int, seed: int) -> FloatArray:
    """Between 0 and 1; each tree sees 256 rows, so the size of the data costs time only."""
    forest: Any = IsolationForest(n_estimators=trees, max_samples=min(256, len(values)), random_state=seed, n_jobs=1)
    # Single precision inside; centred, so that a column far from zero keeps its digits.
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    forest.fit(scaled)
    pieces = [forest.score_samples(scaled[start : start + CHUNK]) for start in range(0, len(scaled), CHUNK)]
    return -np.concatenate(pieces)


def lof_scores(values: FloatArray, neighbours: int, seed: int) -> tuple[FloatArray, list[Notice]]:
    """Local outlier factors. More than 20,000 rows are compared with a random sample of so many, with a notice."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    if len(scaled) <= COMPARED_AT_MOST:
        model: Any = LocalOutlierFactor(n_neighbors=min(neighbours, len(scaled) - 1)).fit(scaled)
        return _bounded(-model.negative_outlier_factor_, [])
    chosen = np.sort(np.random.default_rng(seed).choice(len(scaled), size=COMPARED_AT_MOST, replace=False))
    model = LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(scaled[chosen])
    scores = -np.concatenate(
        [model.score_samples(scaled[start : start + CHUNK]) for start in range(0, len(scaled), CHUNK)]
    )
    # A row of the sample is not its own neighbour.
    scores[chosen] = -model.negative_outlier_factor_
    text = f"Rows are compared with a random sample of {COMPARED_AT_MOST} of {len(scaled)} rows."
    return _bounded(scores, [Notice("sampled", text)])


def _bounded(scores: FloatArray, notices: list[Notice]) -> tuple[FloatArray, list[Notice]]:
    if (scores <= RATIO_AT_MOST).all():
        return scores, notices
    text = "More equal rows than neighbours lie close to some rows, whose scores therefore mean only that they differ."
    return np.minimum(scores, RATIO_AT_MOST), [*notices, Notice("many_equal_rows", f"{text} Ask for more neighbours.")]
