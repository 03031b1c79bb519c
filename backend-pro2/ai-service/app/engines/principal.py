"""Principal components with signs that do not depend on the library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from .source import FloatArray

# Singular values of the data themselves keep twice the digits of those of the covariance, but take more memory.
ROWS_BY_SINGULAR_VALUES = 50_000
# Shares of variance below this are rounding, and loadings this close are equal.
NOTHING = 1e-14
EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Principal:
    """Components in falling order of variance (sample, n - 1): `loadings` has shape (components, columns)."""

    mean: FloatArray
    loadings: FloatArray
    variances: FloatArray
    ratios: FloatArray

    def scores(self, values: FloatArray, n: int) -> FloatArray:
        """Shape (rows, n) for values of shape (rows, columns)."""
        return np.asarray((values - self.mean) @ self.loadings[:n].T)

    def has_equal(self, n: int) -> bool:
        """Whether two components, of which one is among the first n, have one variance, and so no direction."""
        gaps = -np.diff(self.ratios)[:n]
        return bool((gaps < EQUAL).any())


def principal_components(values: FloatArray) -> Principal:
    """Components of nonzero variance of `values`, shape (rows, columns).

    The loading of largest size is positive in each; the first column's of several.
    """
    solver = "full" if len(values) <= ROWS_BY_SINGULAR_VALUES else "covariance_eigh"
    fit = PCA(svd_solver=solver).fit(values)
    kept = fit.explained_variance_ratio_ > NOTHING
    loadings = fit.components_[kept]
    sizes = np.abs(loadings)
    leading = np.argmax(sizes >= sizes.max(axis=1, keepdims=True) - EQUAL, axis=1)
    signs = np.sign(loadings[np.arange(len(loadings)), leading])
    return Principal(
        fit.mean_, loadings * signs[:, None], fit.explained_variance_[kept], fit.explained_variance_ratio_[kept]
    )
