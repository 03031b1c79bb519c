"""Families and links of generalised linear models, and their fits by statsmodels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import optimize, special
from statsmodels.genmod import families
from statsmodels.genmod.families import links
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from shared.compute import ComputeError

from ..schemas.regression_parameters import RegressionParameters
from .design import Design
from .source import FloatArray

STEPS_AT_MOST = 100
TOLERANCE = 1e-11
SHAPE_STEPS_AT_MOST = 50
# Smaller ones nobody can tell from Poisson's zero, and rounding hides them.
LEAST_SHAPE = 5e-5
# Their dispersion is estimated, by Pearson's statistic, and tests are Student's.
DISPERSED = frozenset({"gaussian", "gamma", "inverse_gaussian"})

_FAMILIES: Mapping[str, Any] = {
    "gaussian": families.Gaussian,
    "binomial": families.Binomial,
    "poisson": families.Poisson,
    "gamma": families.Gamma,
    "inverse_gaussian": families.InverseGaussian,
}
_LINKS: Mapping[str, Any] = {
    "identity": links.Identity,
    "log": links.Log,
    "logit": links.Logit,
    "probit": links.Probit,
    "cloglog": links.CLogLog,
    "inverse": links.InversePower,
    "inverse_squared": links.InverseSquared,
    "sqrt": links.Sqrt,
}


def fit_family(design: Design, matrix: FloatArray, parameters: RegressionParameters) -> tuple[Any, float | None]:
    """The fit of statsmodels by iterated least squares, and the shape alpha of the negative binomial family.

    Its variance is mu + alpha mu²; alpha and coefficients are found in turns, each by maximum likelihood (Venables and
    Ripley 2002, 7.4), and the standard errors take alpha as known.

    Raises:
        ComputeError: `not_converged`.
    """
    link = _LINKS[parameters.link_name]()
    if parameters.distribution != "negative_binomial":
        return _fit(design, matrix, _FAMILIES[parameters.distribution](link=link)), None
    fit = _fit(design, matrix, families.Poisson(link=link))
    shape = _shape(design.target, fit.fittedvalues)
    for _ in range(SHAPE_STEPS_AT_MOST):
        fit = _fit(design, matrix, families.NegativeBinomial(link=link, alpha=shape), fit.params)
        before, shape = shape, _shape(design.target, fit.fittedvalues)
        if abs(shape - before) <= 1e-5 * (1e-2 + before):
            return fit, before
    raise _not_converged()


def _fit(design: Design, matrix: FloatArray, family: Any, start: Any = None) -> Any:
    offset = None if design.exposure is None else np.log(design.exposure)
    try:
        fit = GLM(design.target, matrix, family=family, offset=offset).fit(
            start_params=start, maxiter=STEPS_AT_MOST, atol=TOLERANCE, rtol=TOLERANCE, wls_method="qr"
        )
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError, PerfectSeparationError) as error:
        raise _not_converged() from error
    if not (fit.converged and np.isfinite(fit.params).all() and np.isfinite(fit.deviance)):
        raise _not_converged()
    return fit


def _not_converged() -> ComputeError:
    detail = (
        "The iterations found no best coefficients. The family or the link may not fit these data; try the link log, "
    )
    return ComputeError("not_converged", f"{detail}fewer features, or features of a similar size.")


def _shape(counts: FloatArray, means: FloatArray) -> float:
    """The alpha of largest likelihood for these means; near zero where the counts vary no more than Poisson's."""

    def minus(log_alpha: float) -> float:
        size = np.exp(-log_alpha)
        terms = special.gammaln(counts + size) - special.gammaln(size) + size * np.log(size / (size + means))
        return -float(np.sum(terms + special.xlogy(counts, means / (size + means))))

    return float(
        np.exp(
            optimize.minimize_scalar(
                minus, bounds=(np.log(LEAST_SHAPE), 8.0), method="bounded", options={"xatol": 1e-8}
            ).x
        )
    )
