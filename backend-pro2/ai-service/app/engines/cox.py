"""Cox's model of proportional hazards, by statsmodels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg

from shared.compute import ComputeError

from ..schemas.regression_parameters import RegressionParameters
from ..schemas.survival_parameters import SurvivalParameters
from .design import Design, build_design
from .evidence import Assumption
from .frames import dropped_notice
from .levels import Levels
from .results import Notice
from .source import FloatArray, Source

COEFFICIENT_COLUMNS = (
    "term", "estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high", "hazard_ratio",
    "hr_ci_low", "hr_ci_high",
)  # fmt: skip
# statsmodels walks through the times one by one, with a second for some thousand.
ROWS_AT_MOST = 20_000
# Of a feature of variance one; the likelihood of such a fit has no maximum.
LARGEST_ESTIMATE = 12.0
LARGEST_ERROR = 30.0


@dataclass(frozen=True, slots=True)
class CoxModel:
    """Rows of table `coefficients`, the likelihood-ratio test of all terms, and what to know of the fit."""

    rows: list[list[object]]
    n: int
    events: int
    log_likelihood: float
    statistic: float
    df: int
    p_value: float
    assumptions: list[Assumption]
    notices: list[Notice]


def fit_cox(source: Source, parameters: SurvivalParameters, event: Levels, occurred: int, seed: int) -> CoxModel:
    """Partial likelihood with the chosen treatment of ties; Wald intervals from the observed information.

    More than `ROWS_AT_MOST` rows are sampled, and a notice says so.

    Raises:
        ComputeError: the faults of `build_design`.
    """
    design = build_design(
        source, RegressionParameters(target=parameters.time, features=parameters.features or [], alpha=parameters.alpha)
    )
    kept = np.flatnonzero(event.codes[design.rows] >= 0)
    notices = [*dropped_notice(source.rows - len(kept), source.rows), *design.notices]
    if len(kept) > ROWS_AT_MOST:
        text = f"The Cox model is fitted to a random sample of {ROWS_AT_MOST} of {len(kept)} rows."
        notices.append(Notice("rows_sampled", text))
        kept = np.sort(np.random.default_rng(seed).choice(kept, ROWS_AT_MOST, replace=False))
    matrix, times = design.matrix[kept, 1:], design.target[kept]
    status = event.codes[design.rows[kept]] == occurred
    scales = _scales(design, matrix, int(status.sum()))
    model = PHReg(
        times, (matrix - matrix.mean(axis=0)) / scales, status=status.astype(np.float64), ties=parameters.ties
    )
    fit = model.fit()
    return _report(fit, design.slopes, scales, parameters.alpha, notices)


def _scales(design: Design, matrix: FloatArray, events: int) -> FloatArray:
    """Standard deviations, if the rows left still tell the terms apart."""
    terms = len(design.slopes)
    if events < terms + 1:
        detail = f"{events} events came in the rows used, but this model needs at least {terms + 1}"
        raise ComputeError("too_few_rows", f"{detail}, one more than it has coefficients. Use fewer features.")
    scales: FloatArray = matrix.std(axis=0)
    if not scales.all() or np.linalg.matrix_rank((matrix - matrix.mean(axis=0)) / scales) < terms:
        detail = "In the rows in which the event is known, some features are constant or determine others exactly"
        raise ComputeError("singular_design", f"{detail}. Remove one of them.")
    return scales


def _report(fit: Any, terms: tuple[str, ...], scales: FloatArray, alpha: float, notices: list[Notice]) -> CoxModel:
    identified = (np.abs(fit.params) < LARGEST_ESTIMATE) & (fit.bse < LARGEST_ERROR)
    lost = [term for term, known in zip(terms, identified, strict=True) if not known]
    if lost:
        text = f"Events separate {', '.join(map(repr, lost))} so that the estimate has no bound; it is left empty."
        notices = [*notices, Notice("unbounded_estimate", text)]
    null = float(fit.model.loglike(np.zeros(len(terms))))
    statistic = max(2 * (float(fit.llf) - null), 0.0)
    return CoxModel(
        _coefficients(fit, terms, scales, alpha, identified),
        int(fit.model.nobs),
        int(fit.model.status.sum()),
        float(fit.llf),
        statistic,
        len(terms),
        float(stats.chi2.sf(statistic, len(terms))),
        _proportional(fit, terms, alpha),
        notices,
    )


def _coefficients(
    fit: Any, terms: tuple[str, ...], scales: FloatArray, alpha: float, identified: Any
) -> list[list[object]]:
    estimates, errors = fit.params / scales, fit.bse / scales
    z = fit.params / fit.bse
    half = stats.norm.isf(alpha / 2) * errors
    low, high = estimates - half, estimates + half
    columns = (
        estimates,
        errors,
        z,
        2 * stats.norm.sf(np.abs(z)),
        low,
        high,
        np.exp(estimates),
        np.exp(low),
        np.exp(high),
    )
    values = np.where(identified[:, None], np.column_stack(columns), np.nan).tolist()
    return [[term, *row] for term, row in zip(terms, values, strict=True)]


def _proportional(fit: Any, terms: tuple[str, ...], alpha: float) -> list[Assumption]:
    """Whether Schoenfeld residuals keep their level as events follow each other (Harrell, 1986), for each term."""
    residuals = np.asarray(fit.schoenfeld_residuals)
    known = ~np.isnan(residuals).any(axis=1)
    order = stats.rankdata(fit.model.endog[known])
    return [_level(term, residuals[known, i], order, alpha) for i, term in enumerate(terms)]


def _level(term: str, residuals: FloatArray, order: FloatArray, alpha: float) -> Assumption:
    name = f"proportional_hazards: {term}"
    if len(order) < 3 or np.ptp(order) == 0 or np.ptp(residuals) == 0:
        return Assumption(name, None, "Too few times of events to tell.")
    r, p_value = stats.pearsonr(residuals, order)
    detail = f"Schoenfeld residuals and the order of events correlate by {r:.3f} (p = {p_value:.3g})."
    return Assumption(name, bool(p_value >= alpha), detail)
