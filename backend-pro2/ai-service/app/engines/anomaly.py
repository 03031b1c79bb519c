"""Rows unlike the others: one score a row by four methods, and a threshold that says which are anomalies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from shared.compute import ComputeError

from ..schemas.series_parameters import AnomalyParameters, SeriesParameters
from . import series_charts
from .anomaly_scores import THRESHOLDS, forest_scores, lof_scores, robust_z_scores
from .charts import POINTS_AT_MOST
from .decomposition import season_of, stl_parts
from .frames import IndexArray, dropped_notice, load_frame
from .job import Job
from .results import Chart, FileMade, Notice, Outcome, Table
from .series import read_series
from .source import FloatArray, Source

SCORES = FileMade("scores.csv", "text/csv")
SCORE_COLUMNS = ("row", "score", "is_anomaly")
LISTED_AT_MOST = 1000
ROWS_AT_LEAST = 10
SEASONAL_AT_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Scores:
    """One score a row that was used, the larger the stranger; `rows` are positions in the version, from 0."""

    rows: IndexArray
    values: FloatArray
    notices: list[Notice]
    more: dict[str, object]


def find_anomalies(source: Source, parameters: AnomalyParameters, job: Job) -> Outcome:
    """Table `scores`: the 1000 highest, strangest first; all rows as the artifact `scores.csv`.

    isolation_forest: 2^(-mean depth / expected depth) of trees on 256 rows each, above 0.5 an anomaly (Liu, Ting and
    Zhou 2008). lof: density of the nearest rows over the row's own, above 1.5, columns standardised (Breunig, Kriegel,
    Ng and Sander 2000). robust_z: 0.6745 |x - median| / MAD, the largest of the columns, above 3.5 (Iglewicz and
    Hoaglin 1993). seasonal: robust z of what robust STL with a steady
    season leaves of the series. With `contamination` c the share c of
    the rows with the highest scores are anomalies instead, fewer where scores are equal.

    Raises:
        ComputeError: `column_not_found`, `not_numeric`, `unsupported_column_type`, `too_few_rows`, `constant_column`
            or `out_of_range`.
    """
    job.report(0, 3, "Reading columns")
    source.require(parameters.uses())
    scores = _seasonal(source, parameters) if parameters.method == "seasonal" else _by_rows(source, parameters, job)
    job.report(2, 3, "Marking anomalies")
    threshold = _threshold(scores.values, parameters)
    flags = scores.values > threshold
    _write(scores, flags, source.rows, job)
    summary = {
        "method": parameters.method,
        "n": len(scores.values),
        "dropped_rows": source.rows - len(scores.values),
        "anomalies": int(flags.sum()),
        "share": float(flags.mean()),
        "threshold": threshold,
        **scores.more,
    }
    chart = _chart(scores, flags, parameters.method)
    return Outcome(summary, [_table(scores, flags)], [chart], _notices(scores, flags, parameters), [SCORES])


def _by_rows(source: Source, parameters: AnomalyParameters, job: Job) -> Scores:
    frame = load_frame(source, parameters.columns)
    if len(frame.values) < ROWS_AT_LEAST:
        detail = f"{len(frame.values)} of {frame.total} rows are complete, but this needs {ROWS_AT_LEAST}."
        raise ComputeError("too_few_rows", detail)
    constant = frame.constant_columns()
    if len(constant) == len(frame.names):
        raise ComputeError("constant_column", "Every column is constant, so no row is unlike the others.")
    notices = dropped_notice(frame.dropped, frame.total)
    notices += [
        Notice("constant_column", f"Column {name!r} is constant, so it tells no rows apart.") for name in constant
    ]
    job.report(1, 3, "Scoring rows")
    if parameters.method == "robust_z":
        return Scores(frame.rows, robust_z_scores(frame.values), notices, {})
    if parameters.method == "isolation_forest":
        return Scores(frame.rows, forest_scores(frame.values, parameters.trees, job.seed), notices, {})
    values, more = lof_scores(frame.values, parameters.neighbours, job.seed)
    return Scores(frame.rows, values, notices + more, {})


def _seasonal(source: Source, parameters: AnomalyParameters) -> Scores:
    asked = SeriesParameters(column=parameters.columns[0], time=parameters.time)
    series = read_series(source, asked, at_least=ROWS_AT_LEAST).last(SEASONAL_AT_MOST)
    period, found_by = season_of(series, parameters.period)
    if period is None:
        detail = f"No season was found in {series.name!r}. Name its length in `period`, or choose another method."
        raise ComputeError("no_season", detail)
    if len(series.values) < 2 * period:
        detail = f"A season of {period} values needs {2 * period} of them; the series has {len(series.values)}."
        raise ComputeError("too_few_rows", detail)
    residual = stl_parts(series.values, period, robust=True, steady=True).residual
    own = series.rows >= 0
    order = np.argsort(series.rows[own], kind="stable")
    # Interpolated values are none of the user's rows, but they do not disturb the median of the others either.
    scores = robust_z_scores(_without_rounding(residual, series.values)[:, None])[own][order]
    more: dict[str, object] = {"period": period, "period_from": found_by}
    return Scores(series.rows[own][order], scores, list(series.notices), more)


def _without_rounding(residual: FloatArray, values: FloatArray) -> FloatArray:
    """What STL leaves of a perfect season is rounding, in which nothing may be called strange."""
    return np.where(np.abs(residual) <= 1e-10 * np.abs(values).max(), 0.0, residual)


def _threshold(scores: FloatArray, parameters: AnomalyParameters) -> float:
    if parameters.contamination is None:
        return THRESHOLDS[parameters.method]
    wanted = int(np.floor(parameters.contamination * len(scores)))
    return float(np.sort(scores)[len(scores) - wanted - 1])


def _table(scores: Scores, flags: npt.NDArray[np.bool_]) -> Table:
    # Of equal scores the earlier row comes first.
    highest = np.argsort(-scores.values, kind="stable")[:LISTED_AT_MOST]
    columns = (scores.rows[highest].tolist(), scores.values[highest].tolist(), flags[highest].tolist())
    return Table("scores", SCORE_COLUMNS, [list(row) for row in zip(*columns, strict=True)])


def _write(scores: Scores, flags: npt.NDArray[np.bool_], total: int, job: Job) -> None:
    frame = pd.DataFrame({"score": scores.values, "is_anomaly": flags}, index=pd.Index(scores.rows, name="row"))
    # One line a row of the version; what was left out has neither score nor mark.
    frame = frame.astype({"is_anomaly": "boolean"}).reindex(pd.RangeIndex(total, name="row"))
    frame.to_csv(job.output / SCORES.name, lineterminator="\n")


def _chart(scores: Scores, flags: npt.NDArray[np.bool_], method: str) -> Chart:
    highest = np.argsort(-scores.values, kind="stable")[: POINTS_AT_MOST // 2]
    spread = np.linspace(0, len(scores.values) - 1, min(POINTS_AT_MOST // 2, len(scores.values))).astype(np.intp)
    chosen = np.unique(np.concatenate([highest, spread]))
    rows, values = scores.rows[chosen].astype(np.int64), scores.values[chosen]
    return series_charts.marked(rows, values, flags[chosen], ("Row", "Score"), f"Scores by {method}")


def _notices(scores: Scores, flags: npt.NDArray[np.bool_], parameters: AnomalyParameters) -> list[Notice]:
    notices = list(scores.notices)
    if len(flags) > LISTED_AT_MOST:
        text = f"The table holds the {LISTED_AT_MOST} highest of {len(flags)} scores; {SCORES.name} holds all."
        notices.append(Notice("table_cut", text))
    if parameters.contamination is not None and flags.sum() < int(parameters.contamination * len(flags)):
        text = "Fewer rows than asked for are anomalies, since others have the same score as the next one."
        notices.append(Notice("tied_scores", text))
    return notices
