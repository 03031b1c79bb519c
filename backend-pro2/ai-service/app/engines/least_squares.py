"""Least squares by orthogonal factors: in extended precision where the data is small, in double precision else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg, special

from .design import Design
from .source import FloatArray

# Rows times squared terms: some 20 ms.
EXTENDED_WORK_AT_MOST = 1_000_000

AnyFloat = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A fit; `matrix`, shape (rows, terms), and `residuals`, shape (rows,), are multiplied by the weights' roots.

    `covariance` is that of the estimates; variances are unbiased. `total` is the sum of squares to be explained.
    """

    params: FloatArray
    covariance: FloatArray
    matrix: FloatArray
    residuals: FloatArray
    fitted: FloatArray
    leverage: FloatArray
    ssr: float
    total: float
    log_likelihood: float
    has_constant: bool

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.residuals)

    @property
    def df_residual(self) -> int:
        """Rows that are not used up by coefficients."""
        return self.n - len(self.params)

    @property
    def df_model(self) -> int:
        """Number of slopes."""
        return len(self.params) - self.has_constant

    @property
    def mean_square(self) -> float:
        """Residual variance."""
        return self.ssr / self.df_residual

    @property
    def r2(self) -> float:
        """Share of the variation explained; measured from zero without an intercept."""
        return 1 - self.ssr / self.total

    @property
    def adjusted_r2(self) -> float:
        """R² with variances in the place of sums of squares."""
        return 1 - self.mean_square / (self.total / (self.n - self.has_constant))

    @property
    def f(self) -> float:
        """F statistic of all slopes."""
        return (self.total - self.ssr) / self.df_model / self.mean_square

    @property
    def f_p_value(self) -> float:
        """Its p-value."""
        return float(special.fdtrc(self.df_model, self.df_residual, self.f))


def least_squares(design: Design) -> LeastSquares:
    """Ordinary least squares, or weighted by `design.weights`: estimates minimise the sum of weighted squares.

    The matrix's columns are brought to length one; on NIST's sets that and extended precision give all the digits
    that the data holds. The log-likelihood is the normal one at its maximum.
    """
    rows, terms = design.matrix.shape
    small = rows * terms * terms <= EXTENDED_WORK_AT_MOST
    matrix: AnyFloat = design.extended if small else design.matrix
    target: AnyFloat = design.target.astype(matrix.dtype)
    roots = None if design.weights is None else np.sqrt(design.weights.astype(matrix.dtype))
    whitened, aim = (matrix, target) if roots is None else (matrix * roots[:, None], target * roots)
    lengths = np.sqrt(np.sum(whitened * whitened, axis=0))
    q, r = (_orthogonal if small else _householder)(whitened / lengths)
    inverse = _inverse(r) / lengths[:, None]
    params = inverse @ (q.T @ aim)
    raw = target - matrix @ params
    residuals = raw if roots is None else raw * roots
    ssr = np.sum(residuals * residuals)
    total = _total(aim, roots, design.has_constant)
    likelihood = -rows / 2 * (np.log(2 * np.pi * float(ssr) / rows) + 1)
    return LeastSquares(
        _double(params),
        _double(inverse @ inverse.T * ssr / (rows - terms)),
        _double(whitened),
        _double(residuals),
        _double(matrix @ params),
        _double(np.sum(q * q, axis=1)),
        # Not Python's floats, which raise where these divide by zero.
        np.float64(ssr),
        np.float64(total),
        likelihood + (0.0 if roots is None else float(np.sum(np.log(roots)))),
        design.has_constant,
    )


def _orthogonal(matrix: AnyFloat) -> tuple[AnyFloat, AnyFloat]:
    """Gram and Schmidt, each column twice (Kahan's rule: twice is enough), which needs no library of that precision."""
    q = np.array(matrix, order="F")
    terms = q.shape[1]
    r = np.zeros((terms, terms), dtype=q.dtype)
    for column in range(terms):
        for _ in range(2):
            shares = q[:, :column].T @ q[:, column]
            q[:, column] -= q[:, :column] @ shares
            r[:column, column] += shares
        r[column, column] = np.sqrt(np.sum(q[:, column] ** 2))
        q[:, column] /= r[column, column]
    return q, r


def _householder(matrix: AnyFloat) -> tuple[AnyFloat, AnyFloat]:
    q, r = linalg.qr(matrix, mode="economic", overwrite_a=True, check_finite=False)
    return q, r


def _inverse(r: AnyFloat) -> AnyFloat:
    terms = len(r)
    inverse = np.zeros_like(r)
    for row in range(terms - 1, -1, -1):
        unit = np.zeros(terms, dtype=r.dtype)
        unit[row] = 1
        inverse[row] = (unit - r[row, row + 1 :] @ inverse[row + 1 :]) / r[row, row]
    return inverse


def _total(aim: AnyFloat, roots: AnyFloat | None, has_constant: bool) -> Any:
    if not has_constant:
        return np.sum(aim * aim)
    if roots is None:
        around = aim - aim.mean()
        return np.sum(around * around) - np.sum(around) ** 2 / len(aim)
    around = aim - roots * (np.sum(aim * roots) / np.sum(roots * roots))
    return np.sum(around * around)


def _double(values: AnyFloat) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def consistent_covariance(fit: LeastSquares, kind: str) -> FloatArray:
    """Covariance of the estimates under unequal variances: hc0 (White 1980), hc1 to hc3 (MacKinnon and White 1985).

    Where a row alone decides a coefficient, hc2 and hc3 are not defined, and all is NaN.
    """
    left = 1 - fit.leverage
    if kind in ("hc2", "hc3") and float(left.min()) < 1e-9:
        return np.full_like(fit.covariance, np.nan)
    scales: dict[str, Any] = {"hc0": 1.0, "hc1": fit.n / fit.df_residual, "hc2": 1 / left, "hc3": 1 / left**2}
    bread = fit.covariance / fit.mean_square
    meat = fit.matrix.T @ (fit.matrix * (fit.residuals**2 * scales[kind])[:, None])
    covariance: FloatArray = bread @ meat @ bread
    return covariance
