"""Association of categorical columns: Cramér's V of every pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import special
from scipy.stats import contingency

from ..schemas.parameters import CorrelationParameters
from .correlation_intervals import correlation_chart
from .counts import Counts
from .intervals import noncentral_chi2
from .job import Job
from .levels import Levels, read_levels
from .results import Notice, Outcome, Table
from .source import FloatArray, Source

LEVELS_AT_MOST = 1000
EXPECTED_AT_LEAST = 5
PAIR_COLUMNS = (
    "column1", "column2", "coefficient", "ci_low", "ci_high", "bias_corrected", "chi_square", "df", "p_value", "n",
)  # fmt: skip


def associate_categories(source: Source, names: Sequence[str], parameters: CorrelationParameters, job: Job) -> Outcome:
    """V = sqrt(chi² / (n (k - 1))), k the smaller number of levels (Cramér 1946), with Pearson's chi-squared test.

    The interval is that of the noncentrality (Smithson 2003); `bias_corrected` is Bergsma's estimator (2013).

    Raises:
        ComputeError: `too_many_levels`.
    """
    levels = [read_levels(source, name, LEVELS_AT_MOST) for name in names]
    shape = (len(names), len(names))
    matrices: dict[str, FloatArray] = {name: np.full(shape, np.nan) for name in ("v", "p", "n", "corrected")}
    rows, sparse = [], 0
    pairs = [*combinations(range(len(names)), 2)]
    for done, (i, j) in enumerate(pairs):
        job.report(done, len(pairs), "Comparing columns")
        counts = _counts(levels[i], levels[j])
        cells, thin = _pair(counts, parameters.alpha)
        sparse += thin
        rows.append([names[i], names[j], *cells])
        _store(matrices, i, j, cells)
    for i, column in enumerate(levels):
        _store_diagonal(matrices, i, column)
    return Outcome(
        _summary(names, source, rows),
        [*_tables(names, matrices), Table("intervals", PAIR_COLUMNS, rows)],
        [correlation_chart(names, matrices["v"], "Cramér's V")],
        _notices(levels, sparse),
    )


def _counts(first: Levels, second: Levels) -> Counts:
    present = (first.codes >= 0) & (second.codes >= 0)
    width = len(second.names)
    size = len(first.names) * width
    flat = np.bincount(first.codes[present] * width + second.codes[present], minlength=size)
    counts = flat.reshape(len(first.names), width)
    used: Counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    return used


def _pair(counts: Counts, alpha: float) -> tuple[list[float | int | None], bool]:
    """Cells from `coefficient` on, null where a column has one level; and whether expected counts are too small."""
    n = int(counts.sum())
    if n == 0 or min(counts.shape) < 2:
        return [None] * 7 + [n], False
    statistic, p_value, df, expected = contingency.chi2_contingency(counts, correction=False)
    scale = n * (min(counts.shape) - 1)
    low, high = (min(math.sqrt(limit / scale), 1.0) for limit in noncentral_chi2(statistic, df, alpha))
    thin = bool(expected.min() < 1 or np.mean(expected < EXPECTED_AT_LEAST) > 0.2)
    cells = [min(math.sqrt(statistic / scale), 1.0), low, high, bias_corrected(counts, float(statistic))]
    return [*cells, float(statistic), int(df), float(p_value), n], thin


def bias_corrected(counts: Counts, statistic: float) -> float | None:
    """Bergsma's (2013) V, which is near zero for independent columns however many levels they have."""
    n = int(counts.sum())
    if n < 2:
        return None
    rows, columns = counts.shape
    phi2 = max(statistic / n - (rows - 1) * (columns - 1) / (n - 1), 0.0)
    smaller = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(math.sqrt(phi2 / smaller), 1.0) if smaller > 0 else None


def _store(matrices: dict[str, FloatArray], i: int, j: int, cells: Sequence[float | int | None]) -> None:
    found = {"v": cells[0], "corrected": cells[3], "p": cells[6], "n": cells[7]}
    for name, value in found.items():
        matrices[name][i, j] = matrices[name][j, i] = np.nan if value is None else value


def _store_diagonal(matrices: dict[str, FloatArray], i: int, column: Levels) -> None:
    n = int(np.sum(column.codes >= 0))
    matrices["n"][i, i] = n
    levels = len(column.names)
    if levels > 1:
        matrices["v"][i, i] = matrices["corrected"][i, i] = 1.0
        matrices["p"][i, i] = float(special.chdtrc((levels - 1) ** 2, n * (levels - 1)))


def _tables(names: Sequence[str], matrices: dict[str, FloatArray]) -> list[Table]:
    columns = ["column", *names]
    titles = {"coefficients": "v", "p_values": "p", "counts": "n", "bias_corrected": "corrected"}
    return [
        Table(title, columns, [[name, *row] for name, row in zip(names, matrices[key].tolist(), strict=True)])
        for title, key in titles.items()
    ]


def _summary(names: Sequence[str], source: Source, rows: Sequence[Sequence[object]]) -> dict[str, object]:
    records = [dict(zip(PAIR_COLUMNS, row, strict=True)) for row in rows]
    known = [record for record in records if isinstance(record["coefficient"], float)]
    best = max(known, key=lambda record: float(str(record["coefficient"])), default=None)
    strongest = None
    if best is not None:
        cells = {member: best[member] for member in ("coefficient", "p_value", "n")}
        strongest = {"columns": [best["column1"], best["column2"]], **cells}
    sizes = [int(str(record["n"])) for record in records]
    return {
        "method": "cramers_v",
        "columns": len(names),
        "rows": source.rows,
        "pairs": len(rows),
        "n_min": min(sizes),
        "n_max": max(sizes),
        "strongest": strongest,
    }


def _notices(levels: Sequence[Levels], sparse: int) -> list[Notice]:
    notices = []
    missing = sum(int(np.sum(column.codes < 0)) for column in levels)
    if missing:
        text = f"{missing} values are missing; each pair uses the rows in which both are present (table `counts`)."
        notices.append(Notice("missing_values", text))
    for column in levels:
        if len(column.names) < 2:
            text = f"Column {column.column!r} has no two different values, so it is associated with nothing."
            notices.append(Notice("constant_column", text))
    if sparse:
        text = (
            f"In {sparse} pairs expected counts are too small (Cochran 1954) for their p-values to be more than rough."
        )
        notices.append(Notice("small_counts", text))
    return notices
