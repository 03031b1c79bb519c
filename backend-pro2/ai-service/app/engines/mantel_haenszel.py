"""Inference on one odds ratio from two-by-two tables in strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .source import FloatArray


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of shape (strata,): with and without the event among the exposed (a, b) and the unexposed (c, d)."""

    a: FloatArray
    b: FloatArray
    c: FloatArray
    d: FloatArray

    @property
    def n(self) -> FloatArray:
        """Size of each stratum."""
        return self.a + self.b + self.c + self.d

    def informative(self) -> Cells:
        """The strata in which both exposures and both outcomes occur; the others say nothing of the odds ratio."""
        a, b, c, d = self.a, self.b, self.c, self.d
        kept = ((a + b) > 0) & ((c + d) > 0) & ((a + c) > 0) & ((b + d) > 0)
        return Cells(a[kept], b[kept], c[kept], d[kept])

    def pooled(self) -> Cells:
        """One table, as if there were no strata."""
        return Cells(*(np.array([cell.sum()]) for cell in (self.a, self.b, self.c, self.d)))


@dataclass(frozen=True, slots=True)
class Interval:
    """An odds ratio with its confidence limits; NaN or infinite where a cell is empty."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A statistic with its degrees of freedom and p-value, all NaN where it is undefined."""

    statistic: float
    df: float
    p_value: float


UNDEFINED = ChiSquare(np.nan, np.nan, np.nan)


def common_odds_ratio(cells: Cells, alpha: float) -> Interval:
    """Mantel and Haenszel's estimator; variance of its logarithm by Robins, Breslow and Greenland (1986), eq. 3.

    With one stratum both are the usual ad/bc and Woolf's 1/a + 1/b + 1/c + 1/d.
    """
    n = cells.n
    r, s = cells.a * cells.d / n, cells.b * cells.c / n
    p, q = (cells.a + cells.d) / n, (cells.b + cells.c) / n
    total_r, total_s = r.sum(), s.sum()
    ratio = total_r / total_s
    variance = (
        (p * r).sum() / (2 * total_r**2)
        + (p * s + q * r).sum() / (2 * total_r * total_s)
        + (q * s).sum() / (2 * total_s**2)
    )
    width = float(np.exp(stats.norm.isf(alpha / 2) * np.sqrt(variance)))
    defined = total_r > 0 and total_s > 0
    return Interval(float(ratio), *((ratio / width, ratio * width) if defined else (np.nan, np.nan)))


def association(cells: Cells, *, correction: bool) -> ChiSquare:
    """The Cochran-Mantel-Haenszel test of an odds ratio of 1 in all strata (Mantel and Haenszel, 1959)."""
    n, exposed, events = cells.n, cells.a + cells.b, cells.a + cells.c
    excess = abs(float((cells.a - exposed * events / n).sum()))
    # A stratum of one case has no variance, and 0/0 here.
    shares = exposed * (n - exposed) * events * (n - events)
    variance = float((shares / (n**2 * np.maximum(n - 1, 1))).sum())
    if variance <= 0:
        return UNDEFINED
    # As in R: the correction never exceeds the excess.
    statistic = (excess - (min(0.5, excess) if correction else 0.0)) ** 2 / variance
    return ChiSquare(statistic, 1, float(stats.chi2.sf(statistic, 1)))


def homogeneity(cells: Cells, ratio: float) -> ChiSquare:
    """The Breslow-Day test of equal odds ratios with Tarone's correction (1985).

    statsmodels has it too, but divides by zero where `ratio` is 1, and subtracts small p-values from 1.
    """
    strata = len(cells.n)
    if strata < 2 or not 0 < ratio < np.inf:
        return UNDEFINED
    expected, variance = _expected(cells, ratio)
    statistic = float(((cells.a - expected) ** 2 / variance).sum())
    statistic -= float((cells.a - expected).sum() ** 2 / variance.sum())
    statistic = max(statistic, 0.0)
    return ChiSquare(statistic, strata - 1, float(stats.chi2.sf(statistic, strata - 1)))


def _expected(cells: Cells, ratio: float) -> tuple[FloatArray, FloatArray]:
    """Mean and asymptotic variance of `a` given the margins and this odds ratio."""
    exposed, events = cells.a + cells.b, cells.a + cells.c
    left = cells.n - exposed - events
    half = ratio * (exposed + events) + left
    # The root of (1 - ratio) x² + half x - ratio exposed events, in the form that loses nothing near a ratio of 1.
    root = np.sqrt(half**2 + 4 * (1 - ratio) * ratio * exposed * events)
    mean = 2 * ratio * exposed * events / (half + root)
    inverse = 1 / mean + 1 / (exposed - mean) + 1 / (events - mean) + 1 / (left + mean)
    return mean, 1 / inverse
