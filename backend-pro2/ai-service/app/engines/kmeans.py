"""Clusterings with their silhouettes; one by k-means, the piece of work that a search over k repeats."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from .data_files import locate
from .frames import Frame, load_frame
from .source import FloatArray, Source

# The silhouette compares every row with every other: 5000 rows keep it under a second.
SILHOUETTE_ROWS = 5000
STARTS = 10
SEARCHED = range(2, 11)
LARGE_ROWS = 100_000
STARTS_WHEN_LARGE = 3
LabelArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Complete rows in original units (`frame`) and as clustered (`points`, shape (rows, columns))."""

    frame: Frame
    points: FloatArray
    scaler: StandardScaler | None

    def in_original_units(self, centers: FloatArray) -> FloatArray:
        """Centers of shape (k, columns) as the user measures them."""
        if self.scaler is None or len(centers) == 0:
            return centers
        original: FloatArray = self.scaler.inverse_transform(centers)
        return original


@dataclass(frozen=True, slots=True)
class Clustering:
    """Clusters are numbered from the largest to the smallest; `labels` has shape (rows,), `centers` (k, columns).

    A label of -1 is noise. `inertia` is the sum of squares within clusters, None where the method has none.
    """

    labels: LabelArray
    centers: FloatArray
    inertia: float | None
    silhouette: float | None

    @property
    def sizes(self) -> list[int]:
        """Rows in each cluster."""
        counts: list[int] = np.bincount(self.labels[self.labels >= 0], minlength=len(self.centers)).tolist()
        return counts

    @property
    def noise(self) -> int:
        """Rows in no cluster."""
        return int((self.labels < 0).sum())

    @property
    def found(self) -> int:
        """How many clusters hold a row; fewer than asked for if there are fewer distinct rows."""
        return sum(size > 0 for size in self.sizes)


@lru_cache(maxsize=1)
def prepare(path: Path, columns: tuple[str, ...], *, standardise: bool) -> Prepared:
    """Read, keep complete rows, scale. Kept for the pieces that follow in the same process."""
    frame = load_frame(Source(path), columns)
    if not standardise or len(frame.rows) == 0:
        return Prepared(frame, frame.values, None)
    scaler = StandardScaler().fit(frame.values)
    return Prepared(frame, scaler.transform(frame.values), scaler)


def score_k(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of the search: `item` {k, seed}, `shared` {data, columns, standardise}."""
    prepared = prepare(locate(shared["data"]), tuple(shared["columns"]), standardise=shared["standardise"])
    clustering = cluster_points(prepared.points, item["k"], item["seed"])
    return {
        "k": item["k"],
        "found": clustering.found,
        "inertia": clustering.inertia,
        "silhouette": clustering.silhouette,
    }


def cluster_points(points: FloatArray, k: int, seed: int) -> Clustering:
    """The best of several k-means++ starts on points of shape (rows, columns); same seed, same answer."""
    starts = STARTS if len(points) <= LARGE_ROWS else STARTS_WHEN_LARGE
    with warnings.catch_warnings():
        # Fewer distinct rows than clusters: `found` tells.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = KMeans(n_clusters=k, n_init=starts, random_state=seed).fit(points)
    order = np.argsort(-np.bincount(fit.labels_, minlength=k), kind="stable")
    labels = np.argsort(order, kind="stable")[fit.labels_]
    return Clustering(labels, fit.cluster_centers_[order], float(fit.inertia_), silhouette_of(points, labels, seed))


def again_by_kmeans(points: FloatArray, k: int, seed: int) -> LabelArray:
    """Labels of a single start, which is enough where many samples are compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(KMeans(n_clusters=k, n_init=1, random_state=seed).fit_predict(points), dtype=np.intp)


def clustering_of(points: FloatArray, labels: LabelArray, seed: int, inertia: float | None) -> Clustering:
    """A clustering by labels of any numbers, below zero for noise; the centers are the means of the members."""
    names, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    counts = np.where(names < 0, 0, counts)
    order = np.argsort(-counts, kind="stable")
    numbers = np.argsort(order, kind="stable")[places]
    renumbered = np.where(labels < 0, -1, numbers)
    k = int((counts > 0).sum())
    centers = [points[renumbered == number].mean(axis=0) for number in range(k)]
    shaped = np.array(centers).reshape(k, points.shape[1])
    return Clustering(renumbered, shaped, inertia, silhouette_of(points, renumbered, seed))


def silhouette_of(points: FloatArray, labels: LabelArray, seed: int) -> float | None:
    """Rousseeuw's mean silhouette (1987) of the rows that are in a cluster, on a sample if there are many."""
    if (labels < 0).any():
        points, labels = points[labels >= 0], labels[labels >= 0]
    if len(points) > SILHOUETTE_ROWS:
        chosen = np.random.default_rng(seed).choice(len(points), size=SILHOUETTE_ROWS, replace=False)
        points, labels = points[chosen], labels[chosen]
    # Defined only for more clusters than one and fewer than rows.
    if not 2 <= len(np.unique(labels)) < len(points):
        return None
    return float(silhouette_score(points, labels))
