"""Clusterings other than k-means: mixtures, hierarchies, and dense regions; on a bounded number of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial import KDTree
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.mixture import GaussianMixture

from shared.compute import ComputeError

from ..schemas.cluster_parameters import ClusterParameters
from .charts import line
from .frames import IndexArray
from .kmeans import SEARCHED, Clustering, LabelArray, clustering_of, silhouette_of
from .results import Chart, Notice, Table
from .source import FloatArray

# All pairs of rows are compared, or kept, by the first three.
ROWS_AT_MOST = {"hierarchical": 5000, "dbscan": 8000, "hdbscan": 20_000, "gmm": 50_000}
STARTS = 3
MERGES_SHOWN = 15
CURVE_POINTS = 200
REACH_QUANTILES = (0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0)
REACH_COLUMNS = ("eps", "clusters", "noise", "score")


@dataclass(slots=True)
class Found:
    """A clustering, what its method adds to summary, tables and charts, and who did the work.

    `again` clusters other points in the same way; `share` is how many they are of the rows clustered before.
    """

    clustering: Clustering
    again: Callable[[FloatArray, int, float], LabelArray]
    more: dict[str, object] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    executor: str = "local"


def partition(points: FloatArray, parameters: ClusterParameters, seed: int) -> Found:
    """Cluster points of shape (rows, columns). Beyond the method's bound a random sample is clustered.

    The other rows then join the cluster of the nearest row of the sample; for dbscan they are noise where that is
    farther than `eps`.

    Raises:
        ComputeError: `too_few_rows` for fewer distinct rows than clusters.
    """
    _require_distinct(points, 2 if parameters.k == "auto" else parameters.k)
    bound = ROWS_AT_MOST[parameters.method]
    if len(points) <= bound:
        return _METHODS[parameters.method](points, parameters, seed)
    chosen = np.sort(np.random.default_rng(seed).choice(len(points), size=bound, replace=False))
    found = _METHODS[parameters.method](points[chosen], parameters, seed)
    reach = found.more.get("eps")
    labels = _spread(points, chosen, found.clustering.labels, float(reach) if isinstance(reach, float) else np.inf)
    inertia = _inertia(points, labels) if found.clustering.inertia is not None else None
    found.clustering = clustering_of(points, labels, seed, inertia)
    text = f"A random sample of {bound} of {len(points)} rows was clustered; the others follow their nearest row in it."
    found.notices.append(Notice("cluster_sampled", text))
    return found


def _require_distinct(points: FloatArray, needed: int) -> None:
    distinct = len(np.unique(points, axis=0))
    if distinct < needed:
        detail = f"The columns hold only {distinct} distinct rows, too few for {needed} clusters"
        raise ComputeError("too_few_rows", f"{detail}. Choose a smaller k or other columns.")


def _spread(points: FloatArray, chosen: IndexArray, labels: LabelArray, reach: float) -> LabelArray:
    distances, nearest = KDTree(points[chosen]).query(points)
    return np.where(np.asarray(distances) <= reach, labels[nearest], -1)


def _inertia(points: FloatArray, labels: LabelArray) -> float:
    parts = [points[labels == label] for label in np.unique(labels)]
    return float(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts))


def _mixture(points: FloatArray, parameters: ClusterParameters, seed: int) -> Found:
    """Normal distributions with covariances of their own by expectation-maximisation, number by BIC (Schwarz 1978)."""
    numbers = range(1, SEARCHED.stop) if parameters.k == "auto" else [parameters.k]
    fits = {k: _fit_mixture(points, k, seed) for k in numbers if k < len(points)}
    if not fits:
        detail = f"A mixture needs more rows than parts, but there are {len(points)}"
        raise ComputeError("too_few_rows", f"{detail}. Choose a smaller k, or another method.")
    bics = {k: float(fit.bic(points)) for k, fit in fits.items()}
    k = min(bics, key=lambda number: (bics[number], number))
    clustering = clustering_of(points, fits[k].predict(points), seed, None)
    more: dict[str, object] = {"bic": bics[k], "log_likelihood": float(fits[k].score(points)) * len(points)}
    found = Found(clustering, lambda other, start, _share: _fit_mixture(other, k, start).predict(other), more)
    if not fits[k].converged_:
        found.notices.append(Notice("not_converged", "The mixture was still changing after 200 steps."))
    if parameters.k == "auto":
        found.tables = [Table("search", ("k", "bic"), [*bics.items()])]
        rows = [{"x": number, "y": bic} for number, bic in bics.items()]
        found.charts = [line(rows, ("k", "BIC (smaller is better)"), "Choice of k")]
    return found


def _fit_mixture(points: FloatArray, k: int, seed: int) -> GaussianMixture:
    return GaussianMixture(k, n_init=STARTS, max_iter=200, random_state=seed).fit(points)


def _hierarchy(points: FloatArray, parameters: ClusterParameters, seed: int) -> Found:
    """Merged from single rows up (Ward 1963, or another linkage), and cut where k clusters are left."""
    method = parameters.linkage
    tree = linkage(points, method)
    numbers = [k for k in SEARCHED if k < len(points)] if parameters.k == "auto" else [parameters.k]
    cuts = {k: fcluster(tree, k, "maxclust") - 1 for k in numbers}
    scores = {k: silhouette_of(points, labels, seed) for k, labels in cuts.items()} if parameters.k == "auto" else {}
    usable = {k: score for k, score in scores.items() if score is not None}
    k = max(usable, key=lambda number: (usable[number], -number), default=numbers[0])
    clustering = clustering_of(points, cuts[k], seed, _inertia(points, cuts[k]))

    def again(other: FloatArray, _seed: int, _share: float) -> LabelArray:
        return np.asarray(fcluster(linkage(other, method), k, "maxclust") - 1, dtype=np.intp)

    heights = [(number, float(tree[-(number - 1), 2])) for number in range(2, min(MERGES_SHOWN, len(tree)) + 1)]
    rows = [{"x": number, "y": height} for number, height in heights]
    charts = [line(rows, ("Clusters before the merge", f"Distance ({method})"), "Distances of the last merges")]
    tables = [Table("merges", ("clusters", "distance"), heights)]
    if scores:
        tables.insert(0, Table("search", ("k", "silhouette"), [*scores.items()]))
    return Found(clustering, again, {"linkage": method}, tables, charts)


def _dbscan(points: FloatArray, parameters: ClusterParameters, seed: int) -> Found:
    """Regions where `min_samples` rows lie within `eps` of a row (Ester, Kriegel, Sander and Xu 1996)."""
    samples = min(parameters.min_samples, len(points))
    distances = np.sort(KDTree(points).query(points, k=[samples])[0][:, 0])
    tried = [] if parameters.eps else _try_reaches(points, distances, samples, seed)
    eps = parameters.eps or max(tried, key=lambda reach: (reach.score, -reach.eps)).eps

    def again(other: FloatArray, _seed: int, share: float) -> LabelArray:
        return _density(other, eps, max(2, round(samples * share)))

    clustering = clustering_of(points, _density(points, eps, samples), seed, None)
    shown = np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).astype(np.intp))
    rows = [{"x": int(i) + 1, "y": float(distances[i])} for i in shown]
    title = f"Distance to neighbour {samples}, sorted; eps is {eps:.3g}"
    chart = line(rows, ("Rows", "Distance"), title)
    found = Found(clustering, again, {"eps": eps, "min_samples": samples}, [], [chart], _noise(clustering))
    if tried:
        found.tables = [Table("search", REACH_COLUMNS, [astuple(reach) for reach in tried])]
    return found


def _density(points: FloatArray, eps: float, samples: int) -> LabelArray:
    return np.asarray(DBSCAN(eps=eps, min_samples=samples).fit_predict(points), dtype=np.intp)


@dataclass(frozen=True, slots=True)
class _Reach:
    eps: float
    clusters: int
    noise: int
    score: float


def _try_reaches(points: FloatArray, distances: FloatArray, samples: int, seed: int) -> list[_Reach]:
    """Quantiles of the distances to the neighbour, with the mean silhouette that each gives if noise counts as 0."""
    quantiles = np.unique(np.quantile(distances, REACH_QUANTILES))
    # Where rows repeat others that often, what is not equal is far.
    candidates = quantiles[quantiles > 0] if quantiles[-1] > 0 else [1e-9 * float(np.ptp(points))]
    reaches = []
    for eps in map(float, candidates):
        labels = _density(points, eps, samples)
        silhouette = silhouette_of(points, labels, seed) or 0.0
        score = silhouette * float((labels >= 0).mean())
        reaches.append(_Reach(eps, int(labels.max()) + 1, int((labels < 0).sum()), score))
    return reaches


def _hdbscan(points: FloatArray, parameters: ClusterParameters, seed: int) -> Found:
    """Regions that stay dense over the widest range of distances (Campello, Moulavi and Sander 2013)."""
    samples, size = min(parameters.min_samples, len(points)), parameters.min_size

    def cluster(other: FloatArray, share: float) -> LabelArray:
        fit = HDBSCAN(
            min_cluster_size=max(2, round(size * share)), min_samples=max(2, round(samples * share)), copy=True
        )
        return np.asarray(fit.fit_predict(other), dtype=np.intp)

    clustering = clustering_of(points, cluster(points, 1.0), seed, None)
    more: dict[str, object] = {"min_samples": samples, "min_size": size}
    return Found(clustering, lambda other, _seed, share: cluster(other, share), more, notices=_noise(clustering))


def _noise(clustering: Clustering) -> list[Notice]:
    if clustering.sizes:
        return []
    text = "No region is dense enough for a cluster, so all rows are noise. Try a larger `eps` or fewer `min_samples`."
    return [Notice("no_clusters", text)]


_METHODS: Mapping[str, Callable[[FloatArray, ClusterParameters, int], Found]] = {
    "gmm": _mixture,
    "hierarchical": _hierarchy,
    "dbscan": _dbscan,
    "hdbscan": _hdbscan,
}
