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
from .charts import heat_map
from .frames import load_matrix
from .job import Job
from .results import Notice, Outcome, Table
from .source import FloatArray, Source

COLUMNS_AT_MOST = 100
CHARTED_AT_MOST = 50
# Two points always lie on a line: a coefficient then says nothing, and has no p-value.
ROWS_AT_LEAST = 3
LABELS = {"pearson": "Pearson r", "spearman": "Spearman rho", "kendall": "Kendall tau-b"}

_TESTS: Mapping[str, Callable[[FloatArray, FloatArray], Any]] = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}


@dataclass(slots=True)
class Matrices:
    """Three symmetric matrices of shape (columns, columns)."""

    coefficients: FloatArray
    p_values: FloatArray
    counts: npt.NDArray[np.int64]


def correlate(source: Source, parameters: CorrelationParameters, job: Job) -> Outcome:
    """Coefficients, two-sided p-values and numbers of rows for each pair of columns.

    Raises:
        ComputeError: `too_few_columns`, or the faults of `Source.require`.
    """
    names = _names(source, parameters)
    values = load_matrix(source, names)
    matrices = _correlate_all(values, _TESTS[parameters.method], job)
    label = LABELS[parameters.method]
    charted = slice(0, CHARTED_AT_MOST)
    note = f"The first {CHARTED_AT_MOST} of {len(names)} columns." if len(names) > CHARTED_AT_MOST else ""
    chart = heat_map(names[charted], matrices.coefficients[charted, charted], label, note)
    return Outcome(
        _summary(names, values, matrices, parameters), _tables(names, matrices), [chart], _notices(names, values)
    )


def _names(source: Source, parameters: CorrelationParameters) -> list[str]:
    if parameters.columns is not None:
        source.require(parameters.uses())
        return parameters.columns
    names = source.of_types(NUMERIC)
    if len(names) < 2:
        raise ComputeError(
            "too_few_columns", f"A correlation needs two numeric columns; this dataset has {len(names)}."
        )
    if len(names) > COLUMNS_AT_MOST:
        detail = f"The dataset has {len(names)} numeric columns; name at most {COLUMNS_AT_MOST} of them in `columns`."
        raise ComputeError("too_many_columns", detail)
    return names


def _correlate_all(values: FloatArray, test: Callable[[FloatArray, FloatArray], Any], job: Job) -> Matrices:
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
        _store(matrices, i, j, values[both, i], values[both, j], test)
    for i in range(columns):
        _store_diagonal(matrices, i, values[present[:, i], i])
    return matrices


def _store(
    matrices: Matrices, i: int, j: int, x: FloatArray, y: FloatArray, test: Callable[[FloatArray, FloatArray], Any]
) -> None:
    matrices.counts[i, j] = matrices.counts[j, i] = len(x)
    if len(x) < ROWS_AT_LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    with warnings.catch_warnings():
        # Nearly constant columns: SciPy warns, and answers as well as the digits allow.
        warnings.simplefilter("ignore")
        coefficient, p_value = test(x, y)
    matrices.coefficients[i, j] = matrices.coefficients[j, i] = coefficient
    matrices.p_values[i, j] = matrices.p_values[j, i] = p_value


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
