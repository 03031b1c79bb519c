"""Whether a fitted linear model's assumptions hold: six checks, each with its source."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.stattools import durbin_watson, jarque_bera

from .design import Design
from .source import FloatArray

DIAGNOSTIC_COLUMNS = ("name", "statistic", "p_value", "conclusion", "source")
LEVEL = 0.05
Row = list[object]


def diagnose(fit: Any, design: Design) -> list[Row]:
    """One row of `DIAGNOSTIC_COLUMNS` per check; a p-value is None where the check has none."""
    return [
        _normality(fit),
        _equal_variance(fit, design),
        _independence(fit),
        _conditioning(design),
        _inflation(design),
        _influence(fit, design),
    ]


def _normality(fit: Any) -> Row:
    statistic, p_value, *_ = jarque_bera(fit.resid)
    good, bad = "Nothing speaks against normal residuals", "The residuals are not normal"
    return ["jarque_bera", statistic, p_value, _verdict(p_value, good, bad), "Jarque and Bera (1987)"]


def _equal_variance(fit: Any, design: Design) -> Row:
    regressors = _slopes(design)
    statistic, p_value, *_ = het_breuschpagan(fit.resid, np.column_stack([np.ones(len(regressors)), regressors]))
    good, bad = "Nothing speaks against equal variance", "The variance of the residuals depends on the features"
    source = "Breusch and Pagan (1979), studentised by Koenker (1981)"
    return ["breusch_pagan", statistic, p_value, _verdict(p_value, good, bad), source]


def _independence(fit: Any) -> Row:
    statistic = float(durbin_watson(fit.resid))
    if np.isnan(statistic):
        conclusion = "Not defined, because the residuals are all zero."
    elif 1.5 <= statistic <= 2.5:
        conclusion = "No sign of first-order autocorrelation in the order of the rows (near 2)."
    else:
        kind = "positive" if statistic < 2 else "negative"
        conclusion = f"Sign of {kind} first-order autocorrelation in the order of the rows (far from 2)."
    return ["durbin_watson", statistic, None, conclusion, "Durbin and Watson (1950); range 1.5 to 2.5 by convention"]


def _conditioning(design: Design) -> Row:
    # On columns of length one, as the source's threshold supposes; otherwise units alone would decide.
    values = linalg.svdvals(design.matrix / np.linalg.norm(design.matrix, axis=0))
    number = float(values[0] / values[-1])
    conclusion = "Weak" if number < 10 else "Moderate" if number < 30 else "Strong"
    source = "Belsley, Kuh and Welsch (1980): columns of unit length, strong from 30"
    return ["condition_number", number, None, f"{conclusion} dependence among the columns.", source]


def _inflation(design: Design) -> Row:
    slopes = _slopes(design)
    # Without an intercept the model does not centre its columns, and neither may this.
    factors = inflation_factors(slopes - slopes.mean(axis=0) if design.has_constant else slopes)
    worst = int(np.argmax(factors))
    strong = factors[worst] >= 10
    conclusion = (
        f"{'Strong' if strong else 'No strong'} multicollinearity; the largest is that of {design.slopes[worst]!r}."
    )
    return [
        "max_vif",
        float(factors[worst]),
        None,
        conclusion,
        "Variance inflation factor, Marquardt (1970): strong from 10",
    ]


def inflation_factors(regressors: FloatArray) -> FloatArray:
    """Variance inflation factors, shape (columns,), of centred columns: 1 / (1 - R² of the column on the others)."""
    scaled = regressors / np.linalg.norm(regressors, axis=0)
    # The diagonal of the inverse correlation matrix, from the triangle so that the matrix is not squared.
    inverse = linalg.solve_triangular(linalg.qr(scaled, mode="economic")[1], np.eye(scaled.shape[1]))
    factors: FloatArray = np.sum(inverse**2, axis=1)
    return factors


def _influence(fit: Any, design: Design) -> Row:
    distances = cooks_distances(fit)
    worst = int(np.argmax(distances))
    many = int(np.sum(distances > 1))
    row = f"row {design.rows[worst]} (counted from 0)"
    conclusion = (
        f"{many} influential rows, first of all {row}." if many else f"No influential row; the largest is {row}."
    )
    return [
        "max_cooks_distance",
        float(distances[worst]),
        None,
        conclusion,
        "Cook (1977); Cook and Weisberg (1982): from 1",
    ]


def cooks_distances(fit: Any) -> FloatArray:
    """Shape (rows,): how far all fitted values move when one row is left out."""
    # statsmodels' OLSInfluence works from the inverse of X'X; the orthogonal factor keeps the digits.
    leverage = np.sum(linalg.qr(fit.model.exog, mode="economic")[0] ** 2, axis=1)
    left = np.maximum(1 - leverage, np.finfo(np.float64).eps)
    scale = fit.mse_resid * fit.model.exog.shape[1]
    distances: FloatArray = np.zeros_like(leverage) if scale == 0 else fit.resid**2 * leverage / (left**2 * scale)
    return distances


def _slopes(design: Design) -> FloatArray:
    return design.matrix[:, 1:] if design.has_constant else design.matrix


def _verdict(p_value: float, good: str, bad: str) -> str:
    if np.isnan(p_value):
        return "Cannot be decided for these residuals."
    return f"{bad} (p < {LEVEL})." if p_value < LEVEL else f"{good} (p ≥ {LEVEL})."
