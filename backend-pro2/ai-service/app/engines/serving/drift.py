"""Whether values come from the distribution of the training data: distances, tests and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ..source import FloatArray

# Customary readings of the population stability index (Siddiqi, "Credit Risk Scorecards", 2006, ch. 10).
MODERATE_PSI, LARGE_PSI = 0.1, 0.25
ALPHA = 0.05
# A share that is zero would make the index infinite: what half a row would be takes its place.
HALF_A_ROW = 0.5
STABLE, MODERATE, LARGE = "stable", "moderate", "large"
Counts = npt.NDArray[np.int64] | FloatArray | Sequence[float]


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the values of one column are from those of the training."""

    name: str
    test: str
    psi: float
    statistic: float
    p_value: float
    rows: int


def psi(reference: Counts, actual: Counts) -> float:
    """Population stability index over bins: Σ (a - r) ln(a / r) of the shares; symmetric, zero for equal ones."""
    shares = [_shares(np.asarray(counts, dtype=np.float64)) for counts in (reference, actual)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shares(counts: FloatArray) -> FloatArray:
    filled = np.where(counts > 0, counts, HALF_A_ROW)
    return np.asarray(filled / filled.sum(), dtype=np.float64)


def kolmogorov_smirnov(reference: Counts, actual: Counts) -> tuple[float, float]:
    """Two-sample statistic over ordered bins, and its p-value.

    The distance is looked at between the bins only, so that it is at most that of the values, and the test is
    conservative. The p-value is Kolmogorov's limit with the effective size n·m/(n + m).
    """
    first, second = (np.cumsum(counts) / np.sum(counts) for counts in (reference, actual))
    distance = float(np.abs(first - second).max())
    n, m = float(np.sum(reference)), float(np.sum(actual))
    return distance, float(stats.kstwobign.sf(distance * np.sqrt(n * m / (n + m))))


def chi_square(reference: Counts, actual: Counts) -> tuple[float, float]:
    """Pearson's χ² of homogeneity of two rows of counts, without empty levels; (0, 1) where one level is left."""
    both = np.array([reference, actual], dtype=np.float64)
    both = both[:, both.sum(axis=0) > 0]
    if both.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(both, correction=False)
    return float(found.statistic), float(found.pvalue)


def q_values(p_values: Sequence[float]) -> FloatArray:
    """Adjusted for their number: the false discovery rate at which each would be told (Benjamini, Hochberg 1995)."""
    if len(p_values) == 0:
        return np.empty(0)
    return np.asarray(stats.false_discovery_control(np.asarray(p_values, dtype=np.float64), method="bh"))


def verdict(distance: float, q_value: float) -> str:
    """Large or moderate only where chance does not explain it: in small samples the index alone is noise."""
    if q_value >= ALPHA or distance < MODERATE_PSI:
        return STABLE
    return LARGE if distance >= LARGE_PSI else MODERATE


def worst(verdicts: Sequence[str]) -> str:
    """The gravest of them."""
    order = (STABLE, MODERATE, LARGE)
    return max(verdicts, key=order.index, default=STABLE)
