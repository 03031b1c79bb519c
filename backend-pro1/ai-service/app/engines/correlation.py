"""Correlation matrices with p-values, missing values dropped pair by pair."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from shared.compute import ComputeError

from ..schemas.columns import NUMERIC
from ..schemas.parameters import CorrelationParameters
from .categories import associate_categories
from .correlation_intervals import correlation_chart, correlation_intervals, pairs_table
from .frames import load_matrix
from .job import Job
from .partial import partial_p_values, without_controls
from .results import Notice, Outcome, Table
from .source import FloatArray, Source

COLUMNS_AT_MOST = 100
# Two points always lie on a line: a coefficient then says nothing, and has no p-value.
ROWS_AT_LEAST = 3
LABELS = {"pearson": "Pearson r", "spearman": "Spearman rho", "kendall": "Kendall tau-b", "partial": "Partial r"}

_TESTS: Mapping[str, Callable[[FloatArray, FloatArray], Any]] = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
    "partial": stats.pearsonr,
}


@dataclass(slots=True)
class Matrices:
    """Three symmetric matrices of shape (columns, columns)."""

    coefficients: FloatArray
    p_values: FloatArray
    counts: npt.NDArray[np.int64]


def correlate(source: Source, parameters: CorrelationParameters, job: Job) -> Outcome:
    """Coefficients, two-sided p-values, intervals and numbers of rows for each pair of columns.

    Raises:
        ComputeError: `too_few_columns`, `too_many_columns`, `too_many_levels`, `too_few_rows`, `singular_design`, or
            the faults of `Source.require`.
    """
    names = _names(source, parameters)
    if parameters.method == "cramers_v":
        return associate_categories(source, names, parameters, job)
    values = load_matrix(source, names)
    notices = _notices(names, values)
    controls = len(parameters.controls or ())
    if parameters.controls is not None:
        values, more = without_controls(values, source, parameters.controls)
        notices = [*notices, *more]
    matrices = _correlate_all(values, parameters.method, job)
    if controls:
        matrices.p_values = partial_p_values(matrices.coefficients, matrices.counts, controls)
    limits = correlation_intervals(
        parameters.method, matrices.coefficients, matrices.counts, controls, parameters.alpha
    )
    tables = [*_tables(names, matrices), pairs_table(names, matrices.coefficients, limits)]
    chart = correlation_chart(names, matrices.coefficients, LABELS[parameters.method])
    return Outcome(_summary(names, values, matrices, parameters), tables, [chart], notices)


def _names(source: Source, parameters: CorrelationParameters) -> list[str]:
    source.require(parameters.uses())
    if parameters.columns is not None:
        return parameters.columns
    categories = parameters.method == "cramers_v"
    kept = source.of_types(("string", "boolean") if categories else NUMERIC)
    names = [name for name in kept if name not in (parameters.controls or ())]
    kind = "text or boolean" if categories else "numeric"
    if len(names) < 2:
        detail = f"A correlation needs two {kind} columns; this dataset has {len(names)}."
        raise ComputeError("too_few_columns", detail)
    if len(names) > COLUMNS_AT_MOST:
        detail = f"The dataset has {len(names)} {kind} columns; name at most {COLUMNS_AT_MOST} of them in `columns`."
        raise ComputeError("too_many_columns", detail)
    return names


def _correlate_all(values: FloatArray, method: str, job: Job) -> Matrices:
    columns = values.shape[1]
    present = ~np.isnan(values)
    matrices = Matrices(
        np.full((columns, columns), np.nan), np.full((columns, columns), np.nan), np.zeros((columns, columns), np.int64)
    )
    pairs = [*combinations(range(columns), 2)]
    for done, (i, j) in enumerate(pairs):
        if done % 50 == 0:
            job.report(done, len(pairs), "Comparing columns")
        both = present[:, i] & present[:, j]
        _store(matrices, i, j, values[both, i], values[both, j], method)
    for i in range(columns):
        _store_diagonal(matrices, i, values[present[:, i], i])
    return matrices


def _store(matrices: Matrices, i: int, j: int, x: FloatArray, y: FloatArray, method: str) -> None:
    matrices.counts[i, j] = matrices.counts[j, i] = len(x)
    matrices.coefficients[i, j], matrices.p_values[i, j] = coefficient(x, y, method)
    matrices.coefficients[j, i], matrices.p_values[j, i] = matrices.coefficients[i, j], matrices.p_values[i, j]


def coefficient(x: FloatArray, y: FloatArray, method: str) -> tuple[float, float]:
    """Coefficient and two-sided p-value of two columns without missing values; NaN where they are not defined."""
    if len(x) < ROWS_AT_LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan
    with warnings.catch_warnings():
        # Nearly constant columns: SciPy warns, and answers as well as the digits allow.
        warnings.simplefilter("ignore")
        found, p_value = _TESTS[method](x, y)
    return float(found), float(p_value)


def _store_diagonal(matrices: Matrices, i: int, x: FloatArray) -> None:
    matrices.counts[i, i] = len(x)
    if len(x) >= ROWS_AT_LEAST and np.ptp(x) > 0:
        matrices.coefficients[i, i] = 1.0
        matrices.p_values[i, i] = 0.0


def _tables(names: list[str], matrices: Matrices) -> list[Table]:
    columns = ["column", *names]
    return [
        Table(title, columns, [[name, *row] for name, row in zip(names, matrix.tolist(), strict=True)])
        for title, matrix in (
            ("coefficients", matrices.coefficients),
            ("p_values", matrices.p_values),
            ("counts", matrices.counts),
        )
    ]


def _summary(
    names: list[str], values: FloatArray, matrices: Matrices, parameters: CorrelationParameters
) -> dict[str, object]:
    upper = np.triu_indices(len(names), 1)
    return {
        "method": parameters.method,
        "columns": len(names),
        "rows": len(values),
        "pairs": len(upper[0]),
        "n_min": matrices.counts[upper].min(),
        "n_max": matrices.counts[upper].max(),
        "missing": dict(zip(names, np.isnan(values).sum(axis=0).tolist(), strict=True)),
        "strongest": _strongest(names, matrices, upper),
    }


def _strongest(names: list[str], matrices: Matrices, upper: tuple[Any, ...]) -> dict[str, object] | None:
    strength = np.abs(matrices.coefficients[upper])
    if np.isnan(strength).all():
        return None
    best = int(np.nanargmax(strength))
    i, j = int(upper[0][best]), int(upper[1][best])
    return {
        "columns": [names[i], names[j]],
        "coefficient": matrices.coefficients[i, j],
        "p_value": matrices.p_values[i, j],
        "n": matrices.counts[i, j],
    }


def _notices(names: list[str], values: FloatArray) -> list[Notice]:
    notices = []
    missing = int(np.isnan(values).sum())
    if missing:
        text = f"{missing} values are missing; each pair uses the rows in which both are present (table `counts`)."
        notices.append(Notice("missing_values", text))
    for name, column in zip(names, values.T, strict=True):
        present = column[~np.isnan(column)]
        if len(present) and np.ptp(present) == 0:
            notices.append(Notice("constant_column", f"Column {name!r} is constant, so it correlates with nothing."))
    return notices
