"""Regressions: reads the design, and leaves each method to its module."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..schemas.regression_parameters import RegressionParameters
from .design import Design, build_design
from .generalised import fit_generalised
from .job import Job
from .linear import fit_linear
from .penalised import fit_penalised
from .resistant import fit_quantile, fit_robust
from .results import Outcome
from .source import Source

_METHODS: Mapping[str, Callable[[Design, RegressionParameters, Job], Outcome]] = {
    "ols": fit_linear,
    "wls": fit_linear,
    "robust": fit_robust,
    "quantile": fit_quantile,
    "ridge": fit_penalised,
    "lasso": fit_penalised,
    "logistic": fit_generalised,
    "poisson": fit_generalised,
    "glm": fit_generalised,
}


def regress(source: Source, parameters: RegressionParameters, job: Job) -> Outcome:
    """Fit `target` on `features`; tables `coefficients` and `diagnostics`.

    Raises:
        ComputeError: the faults of `build_design`; `not_converged`, `separated`.
    """
    job.report(0, 3, "Reading columns")
    design = build_design(source, parameters)
    job.report(1, 3, "Fitting")
    return _METHODS[parameters.method](design, parameters, job)
