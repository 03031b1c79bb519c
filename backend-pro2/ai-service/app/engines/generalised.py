"""Generalised linear models: logistic and Poisson regression, and others by family and link."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ..schemas.regression_parameters import RegressionParameters
from . import charts
from .coefficients import Estimates, coefficient_chart, scaled, summary, usual_notices
from .design import Design
from .families import DISPERSED, LEAST_SHAPE, fit_family
from .generalised_checks import diagnose, roc
from .job import Job
from .results import Chart, Notice, Outcome, Table
from .separation import refuse_separation

# Odds of a million to one for a row: a reason to ask whether they would grow without end.
SUSPICIOUS = 13.8
# The negative binomial family is fitted some ten times over, with as many searches of its shape.
SHAPED_ROWS_AT_MOST = 50_000
# What a factor of the coefficients is called, by family, where the link makes it one.
_RATIOS = {("binomial", "logit"): "odds_ratios"}


def fit_generalised(design: Design, parameters: RegressionParameters, job: Job) -> Outcome:
    """Maximum likelihood by iterated least squares (McCullagh and Nelder 1989): independent rows, the right family.

    Tests are Wald's: normal, or Student's where the dispersion is estimated, as in R. `pseudo_r2` is McFadden's (1974).

    Raises:
        ComputeError: `separated`, `not_converged`.
    """
    if parameters.distribution == "negative_binomial":
        design = design.sampled(SHAPED_ROWS_AT_MOST, job.seed)
    matrix, lengths = scaled(design)
    if parameters.tells_two_apart and len(matrix) <= 200:
        refuse_separation(matrix, design.target, design.terms)
    fit, shape = fit_family(design, matrix, parameters)
    if parameters.tells_two_apart and float(np.abs(fit.predict(which="linear")).max()) > SUSPICIOUS:
        refuse_separation(matrix, design.target, design.terms)
    df = float(fit.df_resid) if parameters.distribution in DISPERSED else None
    estimates = Estimates(np.asarray(fit.params) / lengths, np.asarray(fit.bse) / lengths, df)
    job.report(2, 3, "Checking assumptions")
    coefficients = estimates.table(design.terms, parameters.alpha)
    name = _RATIOS.get((parameters.distribution, parameters.link_name))
    if name is None and parameters.link_name == "log":
        name = "rate_ratios"
    ratios = [estimates.ratios(name, design.terms, parameters.alpha)] if name else []
    known = _known(fit, shape, design, parameters)
    tables: list[Table] = [coefficients, *diagnose(fit, design, parameters), *ratios]
    drawn = [coefficient_chart(coefficients, design, parameters), _second_chart(fit, design, parameters, job.seed)]
    return Outcome(summary(design, parameters, known), tables, drawn, _notices(fit, design, parameters, shape))


def _known(fit: Any, shape: float | None, design: Design, parameters: RegressionParameters) -> dict[str, object]:
    null = fit.null_deviance if design.has_constant else None
    ratio = None if null is None else null - fit.deviance
    terms = len(fit.params) + (shape is not None)
    known = {
        "log_likelihood": fit.llf,
        "aic": 2 * terms - 2 * fit.llf,
        "bic": terms * np.log(len(design.rows)) - 2 * fit.llf,
        "family": parameters.distribution,
        "link": parameters.link_name,
        "deviance": fit.deviance,
        "null_deviance": null,
        "pearson_chi2": fit.pearson_chi2,
        "dispersion": fit.scale,
        "df_model": int(fit.df_model),
        "df_residual": int(fit.df_resid),
        "iterations": int(fit.fit_history["iteration"]),
    }
    if shape is not None:
        known |= {"shape_alpha": shape}
    if parameters.distribution in DISPERSED:
        return known
    if ratio is not None:
        known |= {"likelihood_ratio": ratio, "likelihood_ratio_p_value": special.chdtrc(fit.df_model, max(ratio, 0.0))}
    if not parameters.tells_two_apart:
        return known
    share = None if null is None else 1 - fit.deviance / null
    found = {"pseudo_r2": share, "event": design.event, "event_share": float(design.target.mean())}
    return {**known, **found, "auc": roc(design.target, np.asarray(fit.fittedvalues))[0]}


def _notices(fit: Any, design: Design, parameters: RegressionParameters, shape: float | None) -> list[Notice]:
    notices = usual_notices(design)
    counts = parameters.distribution in ("poisson", "negative_binomial")
    if counts and (design.target != np.round(design.target)).any():
        notices.append(Notice("not_counts", f"{parameters.target!r} holds numbers that are no counts."))
    if parameters.distribution == "poisson" and fit.pearson_chi2 > 2 * fit.df_resid:
        text = "The counts vary far more than Poisson's do, so standard errors are too small; see negative_binomial."
        notices.append(Notice("overdispersed", text))
    if shape is not None and shape < 2 * LEAST_SHAPE:
        notices.append(Notice("poisson_suffices", "The counts vary no more than Poisson's; alpha is at its lower end."))
    if parameters.tells_two_apart:
        fewer = min(float(design.target.sum()), float(np.sum(1 - design.target)))
        if fewer < 10 * len(design.slopes):
            text = f"Only {fewer:g} rows have the rarer value, for {len(design.slopes)} features; ten each are advised."
            notices.append(Notice("few_events", f"{text} Coefficients may be too large."))
    return notices


def _second_chart(fit: Any, design: Design, parameters: RegressionParameters, seed: int) -> Chart:
    if parameters.tells_two_apart:
        area, false, true = roc(design.target, np.asarray(fit.fittedvalues))
        chosen = np.unique(np.linspace(0, len(false) - 1, min(len(false), charts.POINTS_AT_MOST // 10)).astype(int))
        rows = [{"x": x, "y": y} for x, y in zip(false[chosen].tolist(), true[chosen].tolist(), strict=True)]
        axes = ("False positive rate", "True positive rate")
        return charts.line(rows, axes, f"Receiver operating characteristic, area {area:.3f}")
    chosen, note = charts.sample_rows(len(design.rows), seed)
    deviances = np.asarray(fit.resid_deviance)[chosen]
    return charts.residuals(np.asarray(fit.fittedvalues)[chosen], deviances, note or "Deviance residuals.")
