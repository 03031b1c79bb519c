"""Ridge and lasso regression, by scikit-learn."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from sklearn.linear_model import Lasso, LassoCV, RidgeCV
from sklearn.model_selection import KFold

from ..schemas.regression_parameters import RegressionParameters
from . import charts
from .coefficients import Estimates, coefficient_chart, summary, usual_notices
from .design import Design
from .design_checks import Row, diagnostics_table
from .job import Job
from .results import Notice, Outcome
from .source import FloatArray

STEPS_AT_MOST = 10_000
FOLDS = 5
GRID = 10.0 ** np.arange(-4, 6.25, 0.25)


def fit_penalised(design: Design, parameters: RegressionParameters, job: Job) -> Outcome:
    """Coefficients on features of mean 0 and variance 1, shrunken, then brought back to the features' units.

    ridge minimises |y - Xb|² + penalty |b|², lasso |y - Xb|² / 2n + penalty |b|₁; the intercept is free. `auto` takes
    the penalty with the smallest squared error on rows left out: one by one for ridge, in five parts for lasso.
    Shrunken estimates are biased, so that standard errors are null.
    """
    features = design.regressors
    centre = features.mean(axis=0) if design.has_constant else np.zeros(features.shape[1])
    scale = np.sqrt(np.mean((features - centre) ** 2, axis=0))
    middle = float(design.target.mean()) if design.has_constant else 0.0
    standard, aim = (features - centre) / scale, design.target - middle
    ridge = parameters.method == "ridge"
    slopes, penalty, steps = (_ridge if ridge else _lasso)(standard, aim, parameters.penalty, job.seed)
    own = slopes / scale
    constant = [middle - float(centre @ own)] if design.has_constant else []
    values = np.array([*constant, *own])
    residuals = aim - standard @ slopes
    df = _ridge_df(standard, penalty) if ridge else float(np.sum(slopes != 0))
    known = {
        "r2": 1 - float(residuals @ residuals) / float(aim @ aim),
        "penalty": penalty,
        "penalty_chosen": parameters.penalty in (None, "auto"),
        "df_model": df,
        "nonzero": int(np.sum(slopes != 0)),
    }
    coefficients = Estimates(values, np.full(len(values), np.nan)).table(design.terms, parameters.alpha)
    chosen, note = charts.sample_rows(len(residuals), job.seed)
    drawn = [
        coefficient_chart(coefficients, design, parameters),
        charts.residuals((design.target - residuals)[chosen], residuals[chosen], note),
    ]
    tables = [coefficients, diagnostics_table([_conditioning(standard)])]
    return Outcome(summary(design, parameters, known), tables, drawn, _notices(design, steps, slopes))


def _ridge(
    standard: FloatArray, aim: FloatArray, penalty: float | str | None, _seed: int
) -> tuple[FloatArray, float, int]:
    if not isinstance(penalty, float):
        penalty = float(RidgeCV(GRID, fit_intercept=False).fit(standard, aim).alpha_)
    # By least squares on the matrix with the penalty's rows below it, which does not square its condition.
    terms = standard.shape[1]
    below = np.sqrt(penalty) * np.eye(terms)
    slopes = linalg.lstsq(np.vstack([standard, below]), np.concatenate([aim, np.zeros(terms)]))[0]
    return np.asarray(slopes), penalty, 0


def _lasso(
    standard: FloatArray, aim: FloatArray, penalty: float | str | None, seed: int
) -> tuple[FloatArray, float, int]:
    if not isinstance(penalty, float):
        folds = KFold(min(FOLDS, len(aim)), shuffle=True, random_state=seed)
        chosen = LassoCV(cv=folds, fit_intercept=False, max_iter=STEPS_AT_MOST, alphas=100).fit(standard, aim)
        penalty = float(chosen.alpha_)
    fit = Lasso(alpha=penalty, fit_intercept=False, max_iter=STEPS_AT_MOST, tol=1e-8).fit(standard, aim)
    return np.asarray(fit.coef_), penalty, int(fit.n_iter_)


def _ridge_df(standard: FloatArray, penalty: float) -> float:
    squares = linalg.svdvals(standard) ** 2
    return float(np.sum(squares / (squares + penalty)))


def _conditioning(standard: FloatArray) -> Row:
    values = linalg.svdvals(standard)
    number = float(values[0] / values[-1]) if values[-1] > 0 and len(values) == standard.shape[1] else np.inf
    conclusion = (
        "Features depend on each other; shrinking helps." if number >= 30 else "Features hardly depend on others."
    )
    return [
        "condition_number",
        number,
        None,
        conclusion,
        "Belsley, Kuh and Welsch (1980): standardised, strong from 30",
    ]


def _notices(design: Design, steps: int, slopes: FloatArray) -> list[Notice]:
    text = "Shrunken coefficients have no valid standard errors, tests or intervals; read them for prediction."
    notices = [*usual_notices(design), Notice("no_inference", text)]
    if steps >= STEPS_AT_MOST:
        notices.append(Notice("not_converged", "The descent had not settled when its steps were used up."))
    if not slopes.any():
        notices.append(Notice("all_zero", "The penalty is so large that no feature is left; choose a smaller one."))
    return notices
