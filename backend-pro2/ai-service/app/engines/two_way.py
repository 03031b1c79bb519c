"""Two factors and their interaction, by sums of squares of type II, from the cells alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from shared.compute import ComputeError

from ..schemas.tests_parameters import LEVELS_AT_MOST, AnovaParameters
from .checks import INDEPENDENT, equal_variances, normality
from .evidence import Effect, Evidence, verdict
from .frames import IndexArray, load_matrix, refuse_extreme
from .job import Job
from .levels import Levels, read_levels
from .results import Notice, Outcome, Table
from .sample_charts import cell_means
from .samples import Sample, refuse_constant, scatter
from .source import FloatArray, Source
from .tukey import GROUPS_AT_MOST, Estimates, compare_pairs
from .variance_table import Line, variance_table

INTERACTION = 2
CELL_COLUMNS = ("n", "mean", "std")


@dataclass(frozen=True, slots=True)
class Cells:
    """Occupied cells, shape (cells,): levels of both factors, sizes, means, and the scatter within all of them."""

    names: tuple[tuple[str, ...], tuple[str, ...]]
    codes: tuple[IndexArray, IndexArray]
    parts: list[Sample]
    sizes: FloatArray
    means: FloatArray
    within: float
    dropped: int

    @property
    def n(self) -> int:
        """Rows used."""
        return int(self.sizes.sum())


@dataclass(frozen=True, slots=True)
class Fit:
    """A weighted fit to the cells' means: what it leaves of their scatter, and the inverse of its normal equations."""

    left: float
    values: FloatArray
    inverse: FloatArray


def two_way(source: Source, parameters: AnovaParameters, job: Job) -> Outcome:
    """Type II: each factor after the other, the interaction after both (Yates 1934); errors are those within cells.

    `statistic` and the effect are those of the interaction, or of the first factor where the data cannot tell an
    interaction from error; all terms are in the table.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`, `singular_design`, `too_many_levels` or `out_of_range`.
    """
    cells = _read(source, parameters)
    first, second = parameters.factors
    a, b = (len(names) for names in cells.names)
    additive = _fit(cells, (0, 1))
    df_both = len(cells.sizes) - (a + b - 1)
    df_within = cells.n - len(cells.sizes)
    lines = [
        Line(first, a - 1, max(_fit(cells, (1,)).left - additive.left, 0.0)),
        Line(second, b - 1, max(_fit(cells, (0,)).left - additive.left, 0.0)),
    ]
    if df_within and df_both:
        lines.append(Line(f"{first}:{second}", df_both, additive.left))
        lines.append(Line("residual", df_within, cells.within))
    else:
        lines.append(Line("residual", df_both + df_within, additive.left + cells.within))
    _require_error(lines[-1], parameters.column)
    job.report(1, 2, "Comparing levels")
    table = variance_table(lines, cells.n, parameters.alpha)
    tables = [table, *_tukey(cells, additive, lines[-1], parameters), _cell_table(cells, parameters)]
    evidence, own = _evidence(cells, lines, table, parameters, job)
    chart = cell_means(_records(cells), parameters.column, (first, second))
    return Outcome(evidence.summary(own), tables, [chart], _notices(cells, df_within))


def _read(source: Source, parameters: AnovaParameters) -> Cells:
    values = load_matrix(source, [parameters.column])[:, 0]
    levels = [read_levels(source, name, LEVELS_AT_MOST) for name in parameters.factors]
    kept = ~np.isnan(values) & (levels[0].codes >= 0) & (levels[1].codes >= 0)
    values = values[kept]
    if len(values) < 3:
        raise ComputeError("too_few_rows", f"{len(values)} rows have a value in all columns; this needs at least 3.")
    refuse_extreme(parameters.column, values)
    refuse_constant(np.ptp(values) == 0, f"The values of {parameters.column!r}")
    return _cells(values, levels, [one.codes[kept] for one in levels], source.rows - len(values))


def _cells(values: FloatArray, levels: list[Levels], codes: list[IndexArray], dropped: int) -> Cells:
    used, coded = zip(*(np.unique(one, return_inverse=True) for one in codes), strict=True)
    for one, present in zip(levels, used, strict=True):
        if len(present) < 2:
            detail = f"Column {one.column!r} has the single value {one.names[present[0]]!r} in the rows used"
            raise ComputeError("constant_column", f"{detail}; two are needed.")
    width = len(used[1])
    occupied, cell = np.unique(coded[0] * width + coded[1], return_inverse=True)
    names = [tuple(one.names[i] for i in present) for one, present in zip(levels, used, strict=True)]
    # A large part common to all values would cost digits.
    near = values - values[0]
    order = np.argsort(cell, kind="stable")
    pieces = np.split(near[order], np.cumsum(np.bincount(cell))[:-1])
    means = np.array([math.fsum(piece) / len(piece) for piece in pieces])
    within = math.fsum(scatter(piece - mean) for piece, mean in zip(pieces, means, strict=True))
    sizes = np.array([len(piece) for piece in pieces], dtype=np.float64)
    parts = [Sample("cell", piece + values[0]) for piece in pieces]
    both = (occupied // width, occupied % width)
    return Cells((names[0], names[1]), both, parts, sizes, means, within, dropped)


def _fit(cells: Cells, factors: tuple[int, ...]) -> Fit:
    indicators = [np.eye(len(cells.names[factor]))[cells.codes[factor]][:, 1:] for factor in factors]
    matrix = np.hstack([np.ones((len(cells.sizes), 1)), *indicators])
    weights = np.sqrt(cells.sizes)
    means = cells.means - np.average(cells.means, weights=cells.sizes)
    q, triangle = linalg.qr(matrix * weights[:, None], mode="economic")
    if np.abs(np.diag(triangle)).min() < 1e-10 * np.abs(np.diag(triangle)).max() or len(matrix) < matrix.shape[1]:
        detail = "So many combinations of levels have no rows that the effects of both factors cannot be told apart. "
        raise ComputeError("singular_design", f"{detail}Group levels, or leave one factor out.")
    target = means * weights
    left = target - q @ (q.T @ target)
    inverse = linalg.solve_triangular(triangle, np.eye(len(triangle)))
    return Fit(float(left @ left), inverse @ (q.T @ target), inverse @ inverse.T)


def _require_error(residual: Line, column: str) -> None:
    if residual.df < 1:
        raise ComputeError(
            "too_few_rows", "There are as many cells as rows and no variation within them to test against."
        )
    refuse_constant(residual.sum_sq <= 0, f"Within each combination of levels, the values of {column!r}")


def _tukey(cells: Cells, additive: Fit, residual: Line, parameters: AnovaParameters) -> list[Table]:
    """Pairs of each factor's levels, adjusted for the other factor; levels of too many are left out."""
    estimates = []
    start = 1
    for term, names in zip(parameters.factors, cells.names, strict=True):
        used = slice(start, start + len(names) - 1)
        start += len(names) - 1
        # The first level is the reference, so it has the effect 0 without error.
        covariance = np.pad(additive.inverse[used, used], ((1, 0), (1, 0)))
        if len(names) <= GROUPS_AT_MOST:
            estimates.append(Estimates(term, names, np.append(0.0, additive.values[used]), covariance))
    return [compare_pairs(estimates, residual.sum_sq / residual.df, residual.df, parameters.alpha)] if estimates else []


def _evidence(
    cells: Cells, lines: list[Line], table: Table, parameters: AnovaParameters, job: Job
) -> tuple[Evidence, dict[str, object]]:
    chosen = INTERACTION if len(lines) == 4 else 0
    row = dict(zip(table.columns, table.rows[chosen], strict=True))
    p_values = [float(str(row[5])) for row in table.rows[:-1]]
    effect = Effect(
        "partial_eta_squared", *(float(str(row[name])) for name in ("partial_eta_squared", "ci_low", "ci_high"))
    )
    residuals = Sample("residuals", np.concatenate([part.values - part.values.mean() for part in cells.parts]))
    assumptions = [normality([residuals], job.seed), equal_variances(cells.parts), INDEPENDENT]
    df = (lines[chosen].df, lines[-1].df)
    said = _said(lines, p_values, parameters)
    evidence = Evidence(float(str(row["f"])), p_values[chosen], cells.n, said, df, effect, assumptions)
    own: dict[str, object] = {
        "method": "two_way",
        "term": lines[chosen].term,
        "df_between": df[0],
        "df_within": df[1],
        "cells": len(cells.sizes),
        "dropped_rows": cells.dropped,
    }
    return evidence, own


def _said(lines: list[Line], p_values: list[float], parameters: AnovaParameters) -> str:
    sentences = []
    for position, (line, p_value) in enumerate(zip(lines[:-1], p_values, strict=True)):
        if position == INTERACTION:
            claim = f"the effect of {parameters.factors[0]!r} depends on {parameters.factors[1]!r}"
        else:
            claim = f"the mean of {parameters.column!r} depends on {line.term!r}"
        sentences.append(verdict(p_value, parameters.alpha, f"T{claim[1:]}", f"It is not shown that {claim}"))
    return " ".join(sentences)


def _records(cells: Cells) -> list[dict[str, object]]:
    return [
        {"x": cells.names[0][i], "group": cells.names[1][j], "mean": part.values.mean()}
        for i, j, part in zip(*cells.codes, cells.parts, strict=True)
    ]


def _cell_table(cells: Cells, parameters: AnovaParameters) -> Table:
    rows = [
        [cells.names[0][i], cells.names[1][j], len(p), p.values.mean(), p.values.std(ddof=1) if len(p) > 1 else None]
        for i, j, p in zip(*cells.codes, cells.parts, strict=True)
    ]
    return Table("cells", [*parameters.factors, *CELL_COLUMNS], rows)


def _notices(cells: Cells, df_within: int) -> list[Notice]:
    notices = []
    if cells.dropped:
        text = f"{cells.dropped} rows have no value in a column that is used, and were left out."
        notices.append(Notice("rows_dropped", text))
    empty = len(cells.names[0]) * len(cells.names[1]) - len(cells.sizes)
    if empty:
        text = f"{empty} combinations of levels have no rows; the interaction is judged by the others."
        notices.append(Notice("empty_cells", text))
    if df_within == 0:
        text = "No combination has two rows, so an interaction cannot be told from error and is taken to be absent."
        notices.append(Notice("no_replication", text))
    if max(len(names) for names in cells.names) > GROUPS_AT_MOST:
        text = f"Pairs of a factor with more than {GROUPS_AT_MOST} levels are not compared."
        notices.append(Notice("pairs_not_compared", text))
    return notices
