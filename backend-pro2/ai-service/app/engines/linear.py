"""Ordinary and weighted least squares with inference and diagnostics."""

from __future__ import annotations

import numpy as np
from scipy import linalg, special

from ..schemas.regression_parameters import RegressionParameters
from . import charts
from .coefficients import Estimates, coefficient_chart, summary, usual_notices
from .design import Design
from .diagnostics import diagnose
from .job import Job
from .least_squares import LeastSquares, consistent_covariance, least_squares
from .results import Chart, Notice, Outcome
from .source import FloatArray

PERFECT_FIT = 1e-12


def fit_linear(design: Design, parameters: RegressionParameters, job: Job) -> Outcome:
    """Linear model: independent rows, mean linear in the terms, equal variance or one inverse to the weights.

    Tests and intervals follow Student's t, with consistent standard errors too; F is then Wald's.
    """
    fit = least_squares(design)
    covariance = fit.covariance
    consistent = parameters.std_errors not in (None, "classical")
    if consistent:
        covariance = consistent_covariance(fit, str(parameters.std_errors))
    estimates = Estimates(fit.params, np.sqrt(np.diag(covariance)), fit.df_residual)
    job.report(2, 3, "Checking assumptions")
    coefficients = estimates.table(design.terms, parameters.alpha)
    f = _wald(fit, covariance) if consistent else fit.f
    known = _known(fit, f, str(parameters.std_errors or "classical"))
    return Outcome(
        summary(design, parameters, known),
        [coefficients, *diagnose(fit, design)],
        [coefficient_chart(coefficients, design, parameters), *_charts(fit, job.seed)],
        _notices(fit, design, covariance),
    )


def _known(fit: LeastSquares, f: float, std_errors: str) -> dict[str, object]:
    terms = len(fit.params)
    return {
        "r2": fit.r2,
        "adj_r2": fit.adjusted_r2,
        "f_statistic": f,
        "f_p_value": float(special.fdtrc(fit.df_model, fit.df_residual, f)),
        "residual_std_error": np.sqrt(fit.mean_square),
        "log_likelihood": fit.log_likelihood,
        "aic": 2 * terms - 2 * fit.log_likelihood,
        "bic": terms * np.log(fit.n) - 2 * fit.log_likelihood,
        "df_model": fit.df_model,
        "df_residual": fit.df_residual,
        "std_errors": std_errors,
    }


def _wald(fit: LeastSquares, covariance: FloatArray) -> float:
    first = int(fit.has_constant)
    slopes, spread = fit.params[first:], covariance[first:, first:]
    if not np.isfinite(spread).all():
        return np.nan
    # Brought to unit variances, so that units do not decide whether it can be solved.
    errors = np.sqrt(np.diag(spread))
    scaled = linalg.lstsq(spread / np.outer(errors, errors), slopes / errors)[0]
    return float(slopes / errors @ scaled) / len(slopes)


def _notices(fit: LeastSquares, design: Design, covariance: FloatArray) -> list[Notice]:
    notices = usual_notices(design)
    if not design.has_constant:
        text = "Without an intercept R² is measured from zero, not from the mean, and compares with no other model's."
        notices.append(Notice("uncentred_r2", text))
    if fit.ssr <= PERFECT_FIT * float(np.sum(design.target**2 * (1 if design.weights is None else design.weights))):
        text = "The features explain the target to the last digit; standard errors and tests then mean nothing."
        notices.append(Notice("perfect_fit", text))
    if np.isnan(covariance).any():
        text = (
            "A row decides a coefficient by itself, for which these standard errors are not defined; take hc0 or hc1."
        )
        notices.append(Notice("undefined_std_errors", text))
    return notices


def _charts(fit: LeastSquares, seed: int) -> list[Chart]:
    chosen, note = charts.sample_rows(fit.n, seed)
    standardised = np.sort(fit.residuals / np.sqrt(fit.mean_square))
    quantiles = special.ndtri((chosen + 0.5) / fit.n)
    return [
        charts.residuals(fit.fitted[chosen], fit.residuals[chosen], note),
        charts.quantile_plot(quantiles, standardised[chosen], note),
    ]
