"""How well each cluster is found again when the data are drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .kmeans import LabelArray
from .source import FloatArray

SAMPLES = 20
ROWS_AT_MOST = 2000
ROWS_AT_LEAST = 10
STABLE, DISSOLVED = 0.75, 0.5

Again = Callable[[FloatArray, int, float], LabelArray]


def stability(points: FloatArray, labels: LabelArray, again: Again, seed: int) -> list[float]:
    """Mean Jaccard similarity of each cluster with its most similar one in 20 bootstrap samples (Hennig 2007).

    Computational Statistics and Data Analysis 52: 0.75 and more is a stable cluster, below 0.5 it has dissolved. Each
    row counts once, however often it was drawn. A bootstrap sample of more than 2000 rows is of that size. NaN for a
    cluster that no sample drew, and for fewer than ten rows.
    """
    k = int(labels.max(initial=-1)) + 1
    if len(points) < ROWS_AT_LEAST:
        return [float("nan")] * k
    size = min(len(points), ROWS_AT_MOST)
    found = np.full((SAMPLES, k), np.nan)
    for number in range(SAMPLES):
        drawn = np.random.default_rng([seed, number]).choice(len(points), size=size, replace=True)
        fresh = again(points[drawn], seed + number, size / len(points))
        rows, first = np.unique(drawn, return_index=True)
        found[number] = _similarities(labels[rows], fresh[first], k)
    there = ~np.isnan(found)
    means: list[float] = (np.where(there, found, 0).sum(axis=0) / there.sum(axis=0)).tolist()
    return means


def _similarities(old: LabelArray, new: LabelArray, k: int) -> FloatArray:
    """The largest Jaccard similarity of each old cluster with a new one; noise is no cluster."""
    width = int(new.max(initial=-1)) + 1
    both = np.zeros((k, width))
    kept = (old >= 0) & (new >= 0)
    np.add.at(both, (old[kept], new[kept]), 1)
    before = np.bincount(old[old >= 0], minlength=k)
    after = np.bincount(new[new >= 0], minlength=width)
    ratios = both / (before[:, None] + after[None, :] - both)
    best = np.nan_to_num(ratios).max(axis=1, initial=0)
    return np.where(before > 0, best, np.nan)
