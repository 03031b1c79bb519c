"""Checks of a design by itself, which concern every regression: dependence among its columns."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from .design import Design, unit_triangle
from .results import Table
from .source import FloatArray

DIAGNOSTIC_COLUMNS = ("name", "statistic", "p_value", "conclusion", "source")
LEVEL = 0.05
Row = list[object]


def diagnostics_table(rows: list[Row]) -> Table:
    """Table `diagnostics`; a p-value is None where a check has none."""
    return Table("diagnostics", DIAGNOSTIC_COLUMNS, rows)


def verdict(p_value: float, good: str, bad: str) -> str:
    """A conclusion at the level of all diagnostics."""
    if np.isnan(p_value):
        return "Cannot be decided for these residuals."
    return f"{bad} (p < {LEVEL})." if p_value < LEVEL else f"{good} (p ≥ {LEVEL})."


def conditioning(design: Design) -> Row:
    """The condition number of the columns."""
    # On columns of length one, as the source's threshold supposes; otherwise units alone would decide.
    values = linalg.svdvals(design.factor)
    number = float(values[0] / values[-1])
    conclusion = "Weak" if number < 10 else "Moderate" if number < 30 else "Strong"
    source = "Belsley, Kuh and Welsch (1980): columns of unit length, strong from 30"
    return ["condition_number", number, None, f"{conclusion} dependence among the columns.", source]


def inflation(design: Design) -> tuple[Row, Table]:
    """The largest variance inflation factor, and table `vif` of all."""
    factors = inflation_factors(_slopes(design))
    worst = int(np.argmax(factors))
    strong = factors[worst] >= 10
    conclusion = (
        f"{'Strong' if strong else 'No strong'} multicollinearity; the largest is that of {design.slopes[worst]!r}."
    )
    source = "Variance inflation factor, Marquardt (1970): strong from 10"
    rows = [[term, factor] for term, factor in zip(design.slopes, factors.tolist(), strict=True)]
    return ["max_vif", float(factors[worst]), None, conclusion, source], Table("vif", ("term", "vif"), rows)


def _slopes(design: Design) -> FloatArray:
    # Without an intercept the model does not centre its columns, and neither may this.
    return design.regressors - design.regressors.mean(axis=0) if design.has_constant else design.regressors


def inflation_factors(regressors: FloatArray) -> FloatArray:
    """Variance inflation factors, shape (columns,), of centred columns: 1 / (1 - R² of the column on the others)."""
    # The diagonal of the inverse correlation matrix, from the triangle so that the matrix is not squared.
    inverse = linalg.solve_triangular(unit_triangle(regressors), np.eye(regressors.shape[1]))
    factors: FloatArray = np.sum(inverse**2, axis=1)
    return factors


def influence(distances: FloatArray, design: Design) -> Row:
    """The largest of Cook's distances, shape (rows,)."""
    worst = int(np.argmax(distances))
    many = int(np.sum(distances > 1))
    row = f"row {design.rows[worst]} (counted from 0)"
    conclusion = (
        f"{many} influential rows, first of all {row}." if many else f"No influential row; the largest is {row}."
    )
    source = "Cook (1977); Cook and Weisberg (1982): from 1"
    return ["max_cooks_distance", float(distances[worst]), None, conclusion, source]


def leverage_row(leverage: FloatArray, design: Design) -> Row:
    """The largest leverage, and how many rows have more than twice the mean."""
    worst = int(np.argmax(leverage))
    limit = 2 * len(design.terms) / len(leverage)
    many = int(np.sum(leverage > limit))
    conclusion = f"{many} rows lie far out among the features; the farthest is row {design.rows[worst]} (from 0)."
    source = f"Hoaglin and Welsch (1978): far from twice the mean, here {limit:.3g}"
    return ["max_leverage", float(leverage[worst]), None, conclusion, source]
