"""Whether a fitted linear model's assumptions hold: each check with its source."""

from __future__ import annotations

import numpy as np
from scipy import special, stats
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.stattools import durbin_watson, jarque_bera

from .checks import NORMALITY_ROWS, centred
from .design import Design
from .design_checks import Row, conditioning, diagnostics_table, inflation, influence, leverage_row, verdict
from .least_squares import LeastSquares
from .results import Table
from .source import FloatArray

LAGS_AT_MOST = 10
# Residuals of a model that fits to the last digit are rounding, of which nothing can be said.
ROUNDING = 1e-20


def diagnose(fit: LeastSquares, design: Design) -> list[Table]:
    """Tables `diagnostics` and `vif`; residuals of a weighted fit are taken with the roots of the weights."""
    factor, factors = inflation(design)
    still = fit.ssr <= ROUNDING * fit.total
    rows = [
        *([_unknown(name) for name in ("jarque_bera", "breusch_pagan", "white")] if still else _shape(fit)),
        *_independence(fit.residuals),
        conditioning(design),
        factor,
        leverage_row(fit.leverage, design),
        influence(cooks_distances(fit), design),
        _outlier(fit, design),
    ]
    return [diagnostics_table(rows), factors]


def _unknown(name: str) -> Row:
    return [name, None, None, "Cannot be decided: nothing is left unexplained.", "The fit is perfect"]


def _shape(fit: LeastSquares) -> list[Row]:
    return [*_normality(fit.residuals), *_equal_variance(fit)]


def _normality(residuals: FloatArray) -> list[Row]:
    statistic, p_value, *_ = jarque_bera(residuals)
    good, bad = "Nothing speaks against normal residuals", "The residuals are not normal"
    rows: list[Row] = [["jarque_bera", statistic, p_value, verdict(p_value, good, bad), "Jarque and Bera (1987)"]]
    if 3 <= len(residuals) <= NORMALITY_ROWS:
        statistic, p_value = stats.shapiro(centred(residuals))
        rows.append(["shapiro_wilk", statistic, p_value, verdict(p_value, good, bad), "Shapiro and Wilk (1965)"])
    return rows


def _equal_variance(fit: LeastSquares) -> list[Row]:
    good, bad = "Nothing speaks against equal variance", "The variance of the residuals depends on the features"
    slopes = fit.matrix[:, 1:] if fit.has_constant else fit.matrix
    with_constant = np.column_stack([np.ones(fit.n), slopes / np.linalg.norm(slopes, axis=0)])
    statistic, p_value, *_ = het_breuschpagan(fit.residuals, with_constant)
    source = "Breusch and Pagan (1979), studentised by Koenker (1981)"
    first: Row = ["breusch_pagan", statistic, p_value, verdict(p_value, good, bad), source]
    statistic, p_value = _white(fit)
    source = "White (1980), by fitted values and their squares: 2 degrees of freedom, as in Wooldridge (2013, 8.3)"
    return [first, ["white", statistic, p_value, verdict(p_value, good, bad), source]]


def _white(fit: LeastSquares) -> tuple[float, float]:
    fitted = (fit.fitted - fit.fitted.mean()) / (np.ptp(fit.fitted) or 1.0)
    regressors = np.column_stack([np.ones(fit.n), fitted, fitted**2])
    squares = fit.residuals**2
    around = squares - squares.mean()
    left = squares - regressors @ np.linalg.lstsq(regressors, squares)[0]
    statistic = fit.n * (1 - float(left @ left) / float(around @ around))
    return statistic, float(special.chdtrc(2, statistic))


def _independence(residuals: FloatArray) -> list[Row]:
    statistic = float(durbin_watson(residuals))
    if np.isnan(statistic):
        conclusion = "Not defined, because the residuals are all zero."
    elif 1.5 <= statistic <= 2.5:
        conclusion = "No sign of first-order autocorrelation in the order of the rows (near 2)."
    else:
        kind = "positive" if statistic < 2 else "negative"
        conclusion = f"Sign of {kind} first-order autocorrelation in the order of the rows (far from 2)."
    source = "Durbin and Watson (1950); range 1.5 to 2.5 by convention"
    first: Row = ["durbin_watson", statistic, None, conclusion, source]
    lags = min(LAGS_AT_MOST, len(residuals) // 5)
    if lags == 0:
        return [first]
    statistic, p_value = _ljung_box(residuals, lags)
    good, bad = "Nothing speaks against independence in the order of the rows", "The residuals depend on earlier rows'"
    source = f"Ljung and Box (1978), {lags} lags"
    return [first, ["ljung_box", statistic, p_value, verdict(p_value, good, bad), source]]


def _ljung_box(residuals: FloatArray, lags: int) -> tuple[float, float]:
    # statsmodels' own takes the time of all lags there are, which grows with the square of the rows.
    around, n = residuals - residuals.mean(), len(residuals)
    total = float(around @ around)
    if total == 0:
        return np.nan, np.nan
    shares = [(float(around[lag:] @ around[:-lag]) / total) ** 2 / (n - lag) for lag in range(1, lags + 1)]
    statistic = n * (n + 2) * sum(shares)
    return statistic, float(special.chdtrc(lags, statistic))


def cooks_distances(fit: LeastSquares) -> FloatArray:
    """Shape (rows,): how far all fitted values move when one row is left out."""
    left = np.maximum(1 - fit.leverage, np.finfo(np.float64).eps)
    scale = fit.mean_square * len(fit.params)
    if scale == 0:
        return np.zeros(fit.n)
    distances: FloatArray = fit.residuals**2 * fit.leverage / (left**2 * scale)
    return distances


def _outlier(fit: LeastSquares, design: Design) -> Row:
    """The largest residual by the deviation that the other rows leave, with Bonferroni's p-value."""
    left = np.maximum(1 - fit.leverage, np.finfo(np.float64).eps)
    df = fit.df_residual - 1
    source = "Externally studentised residual, Bonferroni (Cook and Weisberg 1982)"
    if df < 1 or fit.ssr == 0:
        return ["max_studentised_residual", None, None, "Too few rows to tell.", source]
    squares = fit.residuals**2 / left
    others = np.maximum(fit.ssr - squares, 0.0) / df
    sizes = np.sqrt(squares / np.where(others == 0, np.nan, others))
    if np.isnan(sizes).all():
        return ["max_studentised_residual", None, None, "Cannot be decided for these residuals.", source]
    worst = int(np.nanargmax(sizes))
    p_value = min(1.0, 2 * fit.n * float(special.stdtr(df, -sizes[worst])))
    row = f"row {design.rows[worst]} (counted from 0)"
    conclusion = verdict(p_value, f"No outlier; the largest is {row}", f"An outlier is {row}")
    return ["max_studentised_residual", float(sizes[worst]), p_value, conclusion, source]
