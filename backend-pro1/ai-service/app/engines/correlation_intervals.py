"""Confidence intervals of correlation coefficients, and how matrices of them are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from .charts import heat_map
from .results import Chart, Table
from .source import FloatArray

CHARTED_AT_MOST = 50
PAIR_COLUMNS = ("column1", "column2", "coefficient", "ci_low", "ci_high")


def correlation_intervals(
    method: str, coefficients: FloatArray, counts: npt.NDArray[np.int64], controls: int, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper limits on Fisher's scale, the inverse hyperbolic tangent; NaN where rows are too few.

    Variances: pearson 1 / (n - 3) (Fisher 1921), less one row per control (Fisher 1924); spearman (1 + r² / 2) /
    (n - 3) (Bonett and Wright 2000); kendall 0.437 / (n - 4) (Fieller, Hartley and Pearson 1957).
    """
    rows = counts - controls - (4.0 if method == "kendall" else 3.0)
    factor = {"spearman": 1 + coefficients**2 / 2, "kendall": np.full_like(coefficients, 0.437)}
    variance = factor.get(method, np.ones_like(coefficients)) / np.where(rows > 0, rows, np.nan)
    middle = np.arctanh(np.clip(coefficients, -1, 1))
    margin = float(stats.norm.isf(alpha / 2)) * np.sqrt(variance)
    return np.tanh(middle - margin), np.tanh(middle + margin)


def pairs_table(names: Sequence[str], coefficients: FloatArray, limits: tuple[FloatArray, FloatArray]) -> Table:
    """Table `intervals`: one row per pair."""
    upper = np.triu_indices(len(names), 1)
    cells = np.column_stack([coefficients[upper], limits[0][upper], limits[1][upper]]).tolist()
    pairs = [(names[i], names[j]) for i, j in zip(*(index.tolist() for index in upper), strict=True)]
    return Table("intervals", PAIR_COLUMNS, [[*pair, *row] for pair, row in zip(pairs, cells, strict=True)])


def correlation_chart(names: Sequence[str], coefficients: FloatArray, label: str) -> Chart:
    """The heat map of the first columns."""
    charted = slice(0, CHARTED_AT_MOST)
    note = f"The first {CHARTED_AT_MOST} of {len(names)} columns." if len(names) > CHARTED_AT_MOST else ""
    return heat_map(names[charted], coefficients[charted, charted], label, note)
