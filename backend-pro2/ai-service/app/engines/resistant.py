"""Regressions that outlying targets hurt less: M-estimation and quantiles, by statsmodels."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg
from statsmodels.regression.quantile_regression import QuantReg
from statsmodels.robust.norms import HuberT, TukeyBiweight
from statsmodels.robust.robust_linear_model import RLM

from ..schemas.regression_parameters import RegressionParameters
from . import charts
from .coefficients import Estimates, coefficient_chart, scaled, summary, usual_notices
from .design import Design
from .design_checks import Row, conditioning, diagnostics_table, inflation
from .job import Job
from .results import Notice, Outcome, Table
from .source import FloatArray

STEPS_AT_MOST = 500
# Each of some hundred steps solves all rows anew.
QUANTILE_ROWS_AT_MOST = 50_000
LOSSES = {"huber": HuberT, "bisquare": TukeyBiweight}
NOT_CONVERGED = "The fit had not settled when its steps were used up; its numbers are near the solution at best."


def fit_robust(design: Design, parameters: RegressionParameters, job: Job) -> Outcome:
    """M-estimate by reweighting (Huber 1964, 1981), scale by the MAD around zero; normal tests, asymptotic.

    Errors are symmetric and independent. Standard errors are the first of Huber (1981, 7.6).
    """
    matrix, lengths = scaled(design)
    model = RLM(design.target, matrix, M=LOSSES[parameters.loss or "huber"]())
    fit = model.fit(maxiter=STEPS_AT_MOST, tol=1e-10)
    still = not fit.scale > 0
    errors = np.full(len(lengths), np.nan) if still else fit.bse / lengths
    weights, steps = np.asarray(fit.weights), int(fit.fit_history["iteration"])
    known: dict[str, object] = {
        "residual_std_error": fit.scale,
        "loss": parameters.loss or "huber",
        "iterations": steps,
        "downweighted": int(np.sum(weights < 1 - 1e-9)),
        "df_residual": int(fit.df_resid),
    }
    notices = usual_notices(design)
    if still:
        text = (
            "More than half of the rows are fitted exactly, so the scale is zero and standard errors are not defined."
        )
        notices.append(Notice("zero_scale", text))
    elif steps >= STEPS_AT_MOST:
        notices.append(Notice("not_converged", NOT_CONVERGED))
    estimates = Estimates(fit.params / lengths, errors)
    fitted = matrix @ fit.params
    return _outcome(design, parameters, job, estimates, fitted, known, notices, [_lightest(weights, design)])


def _lightest(weights: FloatArray, design: Design) -> Row:
    worst = int(np.argmin(weights))
    conclusion = f"{int(np.sum(weights < 0.5))} rows count for less than half; least of all row {design.rows[worst]}."
    return ["min_weight", float(weights[worst]), None, f"{conclusion}", "Weights of the last step, from 0 to 1"]


def fit_quantile(design: Design, parameters: RegressionParameters, job: Job) -> Outcome:
    """The conditional quantile that is linear in the terms (Koenker and Bassett 1978); independent rows.

    Standard errors by a kernel estimate of the density at the quantile (Epanechnikov, bandwidth of Hall and Sheather
    1988), robust to unequal variance; tests are Student's. More than 50,000 rows are sampled. `pseudo_r2` is that of
    Koenker and Machado (1999).
    """
    quantile = parameters.quantile or 0.5
    design = design.sampled(QUANTILE_ROWS_AT_MOST, job.seed)
    matrix, lengths = scaled(design)
    spread = float(np.abs(design.target).max())
    fit = QuantReg(design.target / spread, matrix).fit(q=quantile, max_iter=STEPS_AT_MOST, p_tol=1e-6)
    params = _vertex(matrix, design.target / spread, np.asarray(fit.params), quantile)
    fitted = matrix @ params * spread
    steps, loss = int(fit.iterations), _loss(design.target - fitted, quantile)
    plain = _loss(design.target - (np.quantile(design.target, quantile) if design.has_constant else 0.0), quantile)
    known: dict[str, object] = {
        "quantile": quantile,
        "pseudo_r2": 1 - loss / plain if plain else None,
        "loss": loss,
        "iterations": steps,
        "df_residual": int(fit.df_resid),
        "share_below": float(np.mean(design.target < fitted)),
    }
    notices = usual_notices(design)
    if steps >= STEPS_AT_MOST:
        notices.append(Notice("not_converged", NOT_CONVERGED))
    factor = spread / lengths
    estimates = Estimates(params * factor, np.asarray(fit.bse) * factor, fit.df_resid)
    return _outcome(design, parameters, job, estimates, fitted, known, notices, [])


def _vertex(matrix: FloatArray, target: FloatArray, params: FloatArray, quantile: float) -> FloatArray:
    """The solution that runs through as many rows as it has terms, near the reweighted one; that one if none is better.

    Such a solution exists (Koenker 2005, 2.2.1), and has all digits.
    """
    residuals = target - matrix @ params
    near = np.argsort(np.abs(residuals), kind="stable")[: 4 * matrix.shape[1]]
    # The first independent ones in that order.
    chosen: list[int] = []
    for row in near.tolist():
        if np.linalg.matrix_rank(matrix[[*chosen, row]]) > len(chosen):
            chosen.append(row)
    if len(chosen) < matrix.shape[1]:
        return params
    exact: FloatArray = linalg.solve(matrix[chosen], target[chosen])
    better = _loss(target - matrix @ exact, quantile) <= _loss(residuals, quantile)
    return exact if better else params


def _loss(residuals: Any, quantile: float) -> float:
    return float(np.sum(residuals * (quantile - (residuals < 0))))


def _outcome(
    design: Design,
    parameters: RegressionParameters,
    job: Job,
    estimates: Estimates,
    fitted: FloatArray,
    known: dict[str, object],
    notices: list[Notice],
    checks: list[Row],
) -> Outcome:
    job.report(2, 3, "Checking assumptions")
    coefficients = estimates.table(design.terms, parameters.alpha)
    factor, factors = inflation(design)
    tables: list[Table] = [coefficients, diagnostics_table([*checks, conditioning(design), factor]), factors]
    chosen, note = charts.sample_rows(len(fitted), job.seed)
    drawn = [
        coefficient_chart(coefficients, design, parameters),
        charts.residuals(fitted[chosen], (design.target - fitted)[chosen], note),
    ]
    return Outcome(summary(design, parameters, known), tables, drawn, notices)
