"""Ordinary least squares with inference and diagnostics, by statsmodels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import OLS

from ..schemas.parameters import RegressionParameters
from . import charts
from .design import Design, build_design
from .diagnostics import DIAGNOSTIC_COLUMNS, diagnose
from .frames import dropped_notice
from .job import Job
from .results import Chart, Notice, Outcome, Table
from .source import FloatArray, Source

COEFFICIENT_COLUMNS = ("term", "estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")
TERMS_CHARTED = 40
PERFECT_FIT = 1e-12


def regress(source: Source, parameters: RegressionParameters, job: Job) -> Outcome:
    """Fit `target` on `features`; tables `coefficients` and `diagnostics`.

    Raises:
        ComputeError: the faults of `build_design`.
    """
    job.report(0, 3, "Reading columns")
    design = build_design(source, parameters)
    job.report(1, 3, "Fitting")
    # Columns of length one: on NIST's sets estimates keep up to three more digits, and no fit is cut short because
    # columns differ in scale. Everything but the coefficients is untouched by it.
    lengths = np.linalg.norm(design.matrix, axis=0)
    fit = OLS(design.target, design.matrix / lengths, hasconst=design.has_constant).fit()
    coefficients = _coefficients(fit, design, lengths, parameters.alpha)
    job.report(2, 3, "Checking assumptions")
    tables = [
        Table("coefficients", COEFFICIENT_COLUMNS, coefficients),
        Table("diagnostics", DIAGNOSTIC_COLUMNS, diagnose(fit, design)),
    ]
    return Outcome(
        _summary(fit, design), tables, _charts(fit, coefficients, parameters, job.seed), _notices(fit, design)
    )


def _coefficients(fit: Any, design: Design, lengths: FloatArray, alpha: float) -> list[list[object]]:
    intervals = fit.conf_int(alpha) / lengths[:, None]
    columns = (fit.params / lengths, fit.bse / lengths, fit.tvalues, fit.pvalues, intervals[:, 0], intervals[:, 1])
    values = np.column_stack(columns).tolist()
    return [[term, *row] for term, row in zip(design.terms, values, strict=True)]


def _summary(fit: Any, design: Design) -> dict[str, object]:
    return {
        "n": int(fit.nobs),
        "r2": fit.rsquared,
        "adj_r2": fit.rsquared_adj,
        "f_statistic": fit.fvalue,
        "f_p_value": fit.f_pvalue,
        "residual_std_error": np.sqrt(fit.mse_resid),
        "log_likelihood": fit.llf,
        "aic": fit.aic,
        "bic": fit.bic,
        "df_model": int(fit.df_model),
        "df_residual": int(fit.df_resid),
        "dropped_rows": design.dropped,
    }


def _notices(fit: Any, design: Design) -> list[Notice]:
    notices = [*dropped_notice(design.dropped, design.dropped + len(design.rows)), *design.notices]
    if not design.has_constant:
        text = "Without an intercept R² is measured from zero, not from the mean, and compares with no other model's."
        notices.append(Notice("uncentred_r2", text))
    if fit.ssr <= PERFECT_FIT * float(np.sum(design.target**2)):
        text = "The features explain the target to the last digit; standard errors and tests then mean nothing."
        notices.append(Notice("perfect_fit", text))
    return notices


def _charts(fit: Any, coefficients: list[list[object]], parameters: RegressionParameters, seed: int) -> list[Chart]:
    chosen, note = charts.sample_rows(int(fit.nobs), seed)
    standardised = np.sort(fit.resid / np.sqrt(fit.mse_resid))
    quantiles = stats.norm.ppf((np.arange(1, len(standardised) + 1) - 0.5) / len(standardised))
    return [
        _coefficient_chart(coefficients, parameters),
        charts.residuals(fit.fittedvalues[chosen], fit.resid[chosen], note),
        charts.quantile_plot(quantiles[chosen], standardised[chosen], note),
    ]


def _coefficient_chart(coefficients: list[list[object]], parameters: RegressionParameters) -> Chart:
    records: list[Mapping[str, object]] = [dict(zip(COEFFICIENT_COLUMNS, row, strict=True)) for row in coefficients]
    shown = records[1 if parameters.intercept else 0 :][:TERMS_CHARTED]
    rows = [
        {"term": record["term"], "estimate": record["estimate"], "low": record["ci_low"], "high": record["ci_high"]}
        for record in shown
    ]
    level = f"{100 * (1 - parameters.alpha):g} % confidence intervals"
    return charts.intervals(rows, f"Coefficients for {parameters.target}", f"{level}; the intercept is not shown.")
