"""Clusters of similar rows: by k-means with k given or searched by the silhouette, or by another method."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from shared.compute import ComputeError

from ..schemas.cluster_parameters import ClusterParameters
from . import charts
from .cluster_stability import DISSOLVED, ROWS_AT_MOST, STABLE, stability
from .data_files import as_piece
from .executor import FanOut, fan_out
from .frames import dropped_notice
from .job import Job
from .kmeans import (
    SEARCHED,
    SILHOUETTE_ROWS,
    Clustering,
    Prepared,
    again_by_kmeans,
    cluster_points,
    prepare,
    score_k,
)
from .partitions import Found, partition
from .results import Chart, FileMade, Notice, Outcome, Table
from .source import FloatArray, Source

SEARCH_STEPS = len(SEARCHED)
STABILITY_COLUMNS = ("cluster", "jaccard", "judgement")
SEARCH_COLUMNS = ("k", "inertia", "silhouette")
LABELS = FileMade("labels.csv", "text/csv")


def cluster(source: Source, parameters: ClusterParameters, job: Job) -> Outcome:
    """Table `centers` in original units, labels of all rows as the artifact `labels.csv`.

    Raises:
        ComputeError: `too_few_rows`, `out_of_range`, or the faults of `Source.require`.
    """
    source.require(parameters.uses())
    steps = SEARCH_STEPS + 3 if parameters.fans_out() else 3
    job.report(0, steps, "Reading columns")
    prepared = prepare(job.data.path, tuple(parameters.columns), standardise=parameters.standardise)
    _require_rows(prepared, 3 if parameters.k == "auto" else parameters.k)
    if parameters.method == "kmeans":
        found = _by_kmeans(prepared, parameters, job, steps)
    else:
        job.report(1, steps, f"Clustering by {parameters.method}")
        found = partition(prepared.points, parameters, job.seed)
    clustering = found.clustering
    job.report(steps - 1, steps, "Drawing charts")
    _write_labels(prepared, clustering, job)
    summary = {**_summary(prepared, clustering), "method": parameters.method, **found.more}
    outcome = Outcome(summary, [_centers(prepared, clustering), *found.tables], artifacts=[LABELS])
    outcome.charts = [_scatter(prepared, clustering, job.seed), *found.charts]
    outcome.warnings = [*_notices(prepared), *found.notices]
    outcome.executor = found.executor
    if parameters.stability:
        _add_stability(outcome, prepared, found, job)
    return outcome


def _by_kmeans(prepared: Prepared, parameters: ClusterParameters, job: Job, steps: int) -> Found:
    search = _search(prepared, parameters, job) if parameters.k == "auto" else None
    k = parameters.k if parameters.k != "auto" else _best_k(search)
    job.report(steps - 2, steps, f"Clustering with k = {k}")
    clustering = cluster_points(prepared.points, k, job.seed)
    if clustering.found < k:
        raise _too_few(clustering.found, k)
    found = Found(clustering, lambda points, seed, _share: again_by_kmeans(points, k, seed))
    if search is not None:
        rows = [[answer[column] for column in SEARCH_COLUMNS] for answer in search.answers]
        points = [{"x": answer["k"], "y": answer["silhouette"]} for answer in search.answers]
        found.tables = [Table("search", SEARCH_COLUMNS, rows)]
        found.charts = [charts.line(points, ("k", "Mean silhouette"), "Choice of k")]
        found.notices, found.executor = list(search.notices), search.executor
    return found


def _add_stability(outcome: Outcome, prepared: Prepared, found: Found, job: Job) -> None:
    similar = stability(prepared.points, found.clustering.labels, found.again, job.seed)
    rows = [[number, value, _judged(value)] for number, value in enumerate(similar)]
    outcome.tables.append(Table("stability", STABILITY_COLUMNS, rows))
    outcome.summary["stability"] = similar
    if any(value < DISSOLVED for value in similar):
        text = "Some clusters are not found again in bootstrap samples; do not take them for real."
        outcome.warnings.append(Notice("unstable_clusters", text))
    if len(prepared.points) > ROWS_AT_MOST:
        text = f"Stability was measured on bootstrap samples of {ROWS_AT_MOST} of {len(prepared.points)} rows."
        outcome.warnings.append(Notice("stability_sampled", text))


def _judged(value: float) -> str | None:
    if np.isnan(value):
        return None
    return "stable" if value >= STABLE else "dissolved" if value < DISSOLVED else "doubtful"


def _require_rows(prepared: Prepared, needed: int) -> None:
    rows, total = len(prepared.frame.rows), prepared.frame.total
    if rows < needed:
        detail = f"{rows} of {total} rows are complete, but this needs at least {needed}"
        raise ComputeError("too_few_rows", f"{detail}. Choose a smaller k, other columns, or more data.")


def _too_few(distinct: int, k: int) -> ComputeError:
    detail = f"The columns hold only {distinct} distinct rows, too few for {k} clusters"
    return ComputeError("too_few_rows", f"{detail}. Choose a smaller k or other columns.")


def _search(prepared: Prepared, parameters: ClusterParameters, job: Job) -> FanOut:
    candidates = [k for k in SEARCHED if k < len(prepared.points)]
    shared = {"data": as_piece(job.data), "columns": parameters.columns, "standardise": parameters.standardise}
    items = [{"k": k, "seed": job.seed} for k in candidates]

    def tell(done: int) -> None:
        job.report(1 + done, SEARCH_STEPS + 3, f"Choosing k: {done} of {len(items)} compared")

    tell(0)
    return fan_out(job, f"{score_k.__module__}:{score_k.__name__}", items, shared, tell, prefer_ray=True)


def _best_k(search: FanOut | None) -> int:
    answers = search.answers if search is not None else []
    usable = [answer for answer in answers if answer["found"] == answer["k"] and answer["silhouette"] is not None]
    if not usable:
        raise _too_few(max((answer["found"] for answer in answers), default=1), SEARCHED.start)
    # The smaller k where two are equally good.
    return int(max(usable, key=lambda answer: (answer["silhouette"], -answer["k"]))["k"])


def _summary(prepared: Prepared, clustering: Clustering) -> dict[str, object]:
    return {
        "k": len(clustering.centers),
        "inertia": clustering.inertia,
        "silhouette": clustering.silhouette,
        "sizes": clustering.sizes,
        "noise": clustering.noise,
        "n": len(prepared.points),
        "dropped_rows": prepared.frame.dropped,
    }


def _centers(prepared: Prepared, clustering: Clustering) -> Table:
    centers = prepared.in_original_units(clustering.centers).tolist()
    return Table("centers", ["cluster", *prepared.frame.names], [[i, *center] for i, center in enumerate(centers)])


def _write_labels(prepared: Prepared, clustering: Clustering, job: Job) -> None:
    labels = pd.Series(pd.NA, index=pd.RangeIndex(prepared.frame.total, name="row"), dtype="Int64", name="cluster")
    labels.iloc[prepared.frame.rows] = clustering.labels
    labels.to_csv(job.output / LABELS.name, lineterminator="\n")


def _scatter(prepared: Prepared, clustering: Clustering, seed: int) -> Chart:
    chosen, note = charts.sample_rows(len(prepared.points), seed)
    points, axes = _plane(prepared, clustering)
    groups = ["noise" if label < 0 else label for label in clustering.labels[chosen].tolist()]
    return charts.scatter(points[chosen], groups, axes, "Clusters", note)


def _plane(prepared: Prepared, clustering: Clustering) -> tuple[FloatArray, tuple[str, str]]:
    names = prepared.frame.names
    if len(names) == 1:
        return np.column_stack([prepared.frame.values[:, 0], clustering.labels]), (names[0], "Cluster")
    if len(names) == 2:
        return prepared.frame.values, (names[0], names[1])
    analysis = PCA(n_components=2, svd_solver="full").fit(prepared.points)
    shares = [
        f"component {i} ({100 * share:.1f} % of variance)"
        for i, share in enumerate(analysis.explained_variance_ratio_, 1)
    ]
    return analysis.transform(prepared.points), (f"Principal {shares[0]}", f"Principal {shares[1]}")


def _notices(prepared: Prepared) -> list[Notice]:
    notices = dropped_notice(prepared.frame.dropped, prepared.frame.total)
    for name in prepared.frame.constant_columns():
        notices.append(Notice("constant_column", f"Column {name!r} is constant, so it tells no rows apart."))
    if len(prepared.points) > SILHOUETTE_ROWS:
        text = f"The silhouette is measured on a random sample of {SILHOUETTE_ROWS} of {len(prepared.points)} rows."
        notices.append(Notice("silhouette_sampled", text))
    return notices
