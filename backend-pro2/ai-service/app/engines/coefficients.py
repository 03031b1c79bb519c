"""What all regressions report alike: the table of coefficients, its chart, and the summary's members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from ..schemas.regression_parameters import RegressionParameters
from . import charts
from .design import Design
from .frames import dropped_notice
from .results import Chart, Notice, Table
from .source import FloatArray

COEFFICIENT_COLUMNS = ("term", "estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")
SUMMARY = ("r2", "adj_r2", "f_statistic", "f_p_value", "residual_std_error", "log_likelihood", "aic", "bic")
TERMS_CHARTED = 40


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates and standard errors, shape (terms,); t with `df` degrees of freedom, or normal for None."""

    values: FloatArray
    errors: FloatArray
    df: float | None = None

    def margins(self, alpha: float) -> FloatArray:
        """Half the widths of the confidence intervals."""
        quantile = stats.norm.isf(alpha / 2) if self.df is None else stats.t.isf(alpha / 2, self.df)
        margins: FloatArray = quantile * self.errors
        return margins

    def table(self, terms: Sequence[str], alpha: float) -> Table:
        """Table `coefficients`; tests are two-sided, against zero."""
        statistics, margins = self.values / self.errors, self.margins(alpha)
        tails = special.ndtr(-np.abs(statistics)) if self.df is None else special.stdtr(self.df, -np.abs(statistics))
        columns = (self.values, self.errors, statistics, 2 * tails, self.values - margins, self.values + margins)
        rows = np.column_stack(columns).tolist()
        return Table("coefficients", COEFFICIENT_COLUMNS, [[term, *row] for term, row in zip(terms, rows, strict=True)])

    def ratios(self, name: str, terms: Sequence[str], alpha: float) -> Table:
        """The estimates as factors, such as odds ratios, with their intervals."""
        margins = self.margins(alpha)
        rows = np.exp(np.column_stack([self.values, self.values - margins, self.values + margins])).tolist()
        columns = ("term", name.removesuffix("s"), "ci_low", "ci_high")
        return Table(name, columns, [[term, *row] for term, row in zip(terms, rows, strict=True)])


def scaled(design: Design) -> tuple[FloatArray, FloatArray]:
    """The matrix with columns of length one, and the lengths: no fit is cut short because columns differ in scale."""
    lengths = np.linalg.norm(design.matrix, axis=0)
    return design.matrix / lengths, lengths


def summary(design: Design, parameters: RegressionParameters, known: Mapping[str, object]) -> dict[str, object]:
    """All members that the contract gives a regression, null where undefined, and the others that are `known`."""
    first: dict[str, object] = {"method": parameters.method, "n": len(design.rows), **dict.fromkeys(SUMMARY)}
    return {**first, **known, "dropped_rows": design.dropped}


def usual_notices(design: Design) -> list[Notice]:
    """What any regression tells: rows left out, and how categories were coded."""
    return [*dropped_notice(design.dropped, design.total), *design.notices]


def coefficient_chart(table: Table, design: Design, parameters: RegressionParameters) -> Chart:
    """Slopes with their intervals; just the estimates where there are none."""
    shown = [dict(zip(table.columns, row, strict=True)) for row in table.rows][int(design.has_constant) :]
    rows = [_bar(record) for record in shown[:TERMS_CHARTED]]
    bounded = any(record["ci_low"] == record["ci_low"] for record in shown)
    level = f"{100 * (1 - parameters.alpha):g} % confidence intervals" if bounded else "Estimates alone"
    note = f"{level}; the intercept is not shown." if design.has_constant else f"{level}."
    return charts.intervals(rows, f"Coefficients for {parameters.target}", note)


def _bar(record: Mapping[str, object]) -> dict[str, object]:
    low, high = record["ci_low"], record["ci_high"]
    estimate = record["estimate"]
    # Only NaN differs from itself.
    if low != low or high != high:
        low = high = estimate
    return {"term": record["term"], "estimate": estimate, "low": low, "high": high}
