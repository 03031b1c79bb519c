"""Checks of generalised linear models: dispersion, calibration, influence, dependence among features."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats
from sklearn.metrics import roc_curve

from ..schemas.regression_parameters import RegressionParameters
from .design import Design
from .design_checks import Row, conditioning, diagnostics_table, inflation, influence, leverage_row, verdict
from .results import Table
from .source import FloatArray

GROUPS = 10
ROWS_PER_GROUP = 5


def diagnose(fit: Any, design: Design, parameters: RegressionParameters) -> list[Table]:
    """Tables `diagnostics` and `vif`."""
    factor, factors = inflation(design)
    leverage = np.asarray(fit.get_hat_matrix_diag(observed=False))
    rows: list[Row] = []
    if parameters.distribution == "poisson":
        rows = [_pearson(fit), _equidispersion(design.target, np.asarray(fit.fittedvalues))]
    elif parameters.distribution == "negative_binomial":
        rows = [_pearson(fit)]
    elif parameters.tells_two_apart:
        rows = _calibration(design.target, np.asarray(fit.fittedvalues))
    distances = _cooks(fit, leverage)
    shared = [conditioning(design), factor, leverage_row(leverage, design), influence(distances, design)]
    return [diagnostics_table([*rows, *shared]), factors]


def _pearson(fit: Any) -> Row:
    p_value = float(special.chdtrc(fit.df_resid, fit.pearson_chi2))
    good, bad = "The counts vary as the family says", "The counts vary more than the family says"
    source = "Pearson's statistic (McCullagh and Nelder 1989, 4.5); approximate for small means"
    return ["pearson_chi2", float(fit.pearson_chi2), p_value, verdict(p_value, good, bad), source]


def _equidispersion(counts: FloatArray, means: FloatArray) -> Row:
    """Whether the variance exceeds the mean by a multiple of its square: a regression without intercept."""
    excess = ((counts - means) ** 2 - counts) / means
    slope = float(means @ excess) / float(means @ means)
    left = excess - slope * means
    error = np.sqrt(float(left @ left) / (len(counts) - 1) / float(means @ means))
    statistic = slope / error
    p_value = 2 * float(special.stdtr(len(counts) - 1, -abs(statistic)))
    good, bad = "Nothing speaks against a variance equal to the mean", "The variance is not equal to the mean"
    return ["dispersion", statistic, p_value, verdict(p_value, good, bad), "Cameron and Trivedi (1990), g(mu) = mu²"]


def _calibration(target: FloatArray, probabilities: FloatArray) -> list[Row]:
    groups = min(GROUPS, len(target) // ROWS_PER_GROUP)
    if groups < 3:
        return []
    order = np.argsort(probabilities, kind="stable")
    observed = np.array([part.sum() for part in np.array_split(target[order], groups)])
    expected = np.array([part.sum() for part in np.array_split(probabilities[order], groups)])
    sizes = np.array([len(part) for part in np.array_split(order, groups)])
    statistic = float(np.sum((observed - expected) ** 2 / (expected * (1 - expected / sizes))))
    p_value = float(special.chdtrc(groups - 2, statistic))
    good, bad = "Nothing speaks against the probabilities", "The probabilities do not fit what happened"
    source = f"Hosmer and Lemeshow (1980), {groups} groups of rows in the order of their probability"
    return [["hosmer_lemeshow", statistic, p_value, verdict(p_value, good, bad), source]]


def _cooks(fit: Any, leverage: FloatArray) -> FloatArray:
    left = np.maximum(1 - leverage, np.finfo(np.float64).eps)
    distances: FloatArray = np.asarray(fit.resid_pearson) ** 2 * leverage / (left**2 * len(fit.params) * fit.scale)
    return distances


def roc(target: FloatArray, probabilities: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """The area under the curve, by Mann and Whitney's ranks, and the curve: false and true positive rates."""
    ranks = stats.rankdata(probabilities)
    events = int(target.sum())
    area = (float(ranks[target == 1].sum()) - events * (events + 1) / 2) / (events * (len(target) - events))
    false, true, _ = roc_curve(target, probabilities)
    return area, false, true
