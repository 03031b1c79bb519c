"""Few columns in place of many: principal components or a t-SNE map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import csv
from sklearn.manifold import TSNE

from shared.compute import ComputeError

from ..schemas.reduce_parameters import ReduceParameters
from . import charts
from .frames import Frame, IndexArray, dropped_notice, load_frame
from .job import Job
from .principal import Principal, principal_components
from .reduce_charts import score_map
from .results import Chart, FileMade, Notice, Outcome, Table
from .source import FloatArray, Source

ROWS_AT_LEAST = 3
# Time grows a little faster than rows: this many take half a minute.
MAPPED_AT_MOST = 3000
VARIANCE_COLUMNS = ("component", "variance", "explained_variance_ratio", "cumulative_ratio")
SCORES = FileMade("scores.csv", "text/csv")


@dataclass(frozen=True, slots=True)
class Scores:
    """New columns of shape (rows mapped, n); `rows` are positions in the version, from 0."""

    names: list[str]
    values: FloatArray
    rows: IndexArray
    note: str = ""


def reduce_columns(source: Source, parameters: ReduceParameters, job: Job) -> Outcome:
    """Tables `components` and `variances` of the principal components; scores are the artifact `scores.csv`.

    With t-SNE the components are those that the map starts from, and the summary has its divergence.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`, `out_of_range`, or the faults of `Source.require`.
    """
    job.report(0, 3, "Reading columns")
    source.require(parameters.uses())
    frame = load_frame(source, parameters.columns)
    values = _prepare(frame, standardise=parameters.standardise)
    job.report(1, 3, "Finding components")
    principal = principal_components(values)
    n = min(parameters.n, len(principal.ratios))
    more: dict[str, object] = {"explained_variance_ratio": principal.ratios[:n]}
    scores = Scores([f"PC{i}" for i in range(1, n + 1)], principal.scores(values, n), frame.rows)
    if parameters.method == "tsne":
        scores, more = _map(scores, values, parameters.perplexity, job)
    job.report(2, 3, "Writing scores")
    _write(scores, frame, job)
    summary = {
        "method": parameters.method,
        "n": len(frame.rows),
        "dropped_rows": frame.dropped,
        "components": n,
        **more,
    }
    return Outcome(
        summary,
        _tables(principal, frame.names, n),
        _charts(scores, principal, job.seed),
        _notices(frame, principal, parameters, scores),
        [SCORES],
    )


def _prepare(frame: Frame, *, standardise: bool) -> FloatArray:
    rows = len(frame.values)
    if rows < ROWS_AT_LEAST:
        detail = f"{rows} of {frame.total} rows are complete, but this needs at least {ROWS_AT_LEAST}"
        raise ComputeError("too_few_rows", f"{detail}. Choose other columns, or more data.")
    if len(frame.constant_columns()) == len(frame.names):
        raise ComputeError("constant_column", "All columns are constant, so nothing tells rows apart. Choose others.")
    if not standardise:
        return frame.values
    # Constant columns are left at zero exactly, whatever rounding made of their deviations.
    varies = np.ptp(frame.values, axis=0) > 0
    centred = np.where(varies, frame.values - frame.values.mean(axis=0), 0)
    scaled: FloatArray = centred / np.where(varies, centred.std(axis=0, ddof=1), 1)
    return scaled


def _map(start: Scores, values: FloatArray, perplexity: float, job: Job) -> tuple[Scores, dict[str, object]]:
    """A t-SNE map of a sample, started from its principal components, so that it is oriented as they are."""
    chosen, note = np.arange(len(values)), ""
    if len(values) > MAPPED_AT_MOST:
        chosen = np.sort(np.random.default_rng(job.seed).choice(len(values), MAPPED_AT_MOST, replace=False))
        note = f"A random sample of {MAPPED_AT_MOST} of {len(values)} rows."
    used = min(perplexity, (len(chosen) - 1) / 3)
    # The spread that the authors recommend to start from.
    begin = 1e-4 * start.values[chosen] / start.values[chosen, 0].std()
    tsne = TSNE(begin.shape[1], perplexity=used, init=begin.astype(np.float32), random_state=job.seed, n_jobs=1)
    mapped = tsne.fit_transform(values[chosen]).astype(np.float64)
    names = [f"tSNE{i}" for i in range(1, mapped.shape[1] + 1)]
    more: dict[str, object] = {
        "explained_variance_ratio": None,
        "kl_divergence": float(tsne.kl_divergence_),
        "perplexity": used,
        "mapped_rows": len(chosen),
    }
    return Scores(names, mapped, start.rows[chosen], note), more


def _write(scores: Scores, frame: Frame, job: Job) -> None:
    # pandas would take ten times as long.
    columns = {"row": pa.array(np.arange(frame.total))}
    for name, values in zip(scores.names, scores.values.T, strict=True):
        column = np.full(frame.total, np.nan)
        column[scores.rows] = values
        columns[name] = pa.array(column, from_pandas=True)
    csv.write_csv(pa.table(columns), job.output / SCORES.name, csv.WriteOptions(quoting_style="none"))


def _tables(principal: Principal, names: Sequence[str], n: int) -> list[Table]:
    labels = [f"PC{i}" for i in range(1, len(principal.ratios) + 1)]
    loadings = [[label, *row] for label, row in zip(labels, principal.loadings[:n].tolist(), strict=False)]
    shares = np.column_stack([principal.variances, principal.ratios, np.cumsum(principal.ratios)]).tolist()
    variances = [[label, *row] for label, row in zip(labels, shares, strict=True)]
    return [Table("components", ["component", *names], loadings), Table("variances", VARIANCE_COLUMNS, variances)]


def _charts(scores: Scores, principal: Principal, seed: int) -> list[Chart]:
    chosen, note = charts.sample_rows(len(scores.values), seed)
    points = [{"x": i, "y": share} for i, share in enumerate(principal.ratios, 1)]
    scree = charts.line(points, ("Principal component", "Share of variance"), "Variance by component")
    values = scores.values[chosen]
    if values.shape[1] == 1:
        counts, edges = np.histogram(values[:, 0], bins="sturges")
        return [charts.histogram(scores.names[0], edges, counts.tolist()), scree]
    return [score_map(values[:, :2], (scores.names[0], scores.names[1]), note or scores.note), scree]


def _notices(frame: Frame, principal: Principal, parameters: ReduceParameters, scores: Scores) -> list[Notice]:
    notices = dropped_notice(frame.dropped, frame.total)
    for name in frame.constant_columns():
        notices.append(Notice("constant_column", f"Column {name!r} is constant, so it is in no component."))
    if len(principal.ratios) < parameters.n:
        text = f"The columns vary in {len(principal.ratios)} directions only, so there are no more components."
        notices.append(Notice("fewer_components", text))
    if principal.has_equal(parameters.n):
        text = "Some components have the same variance: only the plane of them is determined, not their directions."
        notices.append(Notice("equal_variances", text))
    if scores.note:
        notices.append(Notice("rows_sampled", f"{scores.note} The map has no others; components use every row."))
    if parameters.method == "tsne":
        text = "In a t-SNE map neighbours are meaningful; sizes of groups and distances between them are not."
        notices.append(Notice("map_distances", text))
    return notices
