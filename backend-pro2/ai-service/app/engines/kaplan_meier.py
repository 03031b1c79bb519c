"""The Kaplan-Meier estimator of a survival curve, and the log-rank test that compares several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, stats

from .frames import IndexArray
from .source import FloatArray

BoolArray = npt.NDArray[np.bool_]
# Products of fractions miss one half by a few bits.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Curve:
    """One entry for each time at which events came, all of shape (times,): `survival` is the chance to live longer."""

    n: int
    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    survival: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray

    def median(self) -> tuple[float, float, float]:
        """The first time at which at most half survive, with limits by Brookmeyer and Crowley (1982); NaN if none."""
        low, value, high = (self._first(line) for line in (self.low, self.survival, self.high))
        return value, low, high

    def _first(self, line: FloatArray) -> float:
        reached = np.flatnonzero(line <= 0.5 + ROUNDING)
        return float(self.times[reached[0]]) if len(reached) else np.nan


def kaplan_meier(times: FloatArray, events: BoolArray, alpha: float, interval: str) -> Curve:
    """Product-limit estimate; its standard error is Greenwood's. Times and events have shape (rows,).

    The limits are NaN once nobody is left, as Greenwood's variance then is.
    """
    moments, deaths, at_risk = tally(times, events)
    survival: FloatArray = np.cumprod(1 - deaths / at_risk, dtype=np.float64)
    # Greenwood: the variance of the logarithm of the estimate.
    steps = np.full(len(moments), np.nan)
    np.divide(deaths, at_risk * (at_risk - deaths), out=steps, where=at_risk > deaths)
    spread: FloatArray = np.sqrt(np.cumsum(steps), dtype=np.float64)
    low, high = _limits(survival, spread, float(stats.norm.isf(alpha / 2)), interval)
    return Curve(len(times), moments, at_risk, deaths, survival, survival * spread, low, high)


def tally(times: FloatArray, events: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distinct times of events, how many came at each, and how many were at risk; censored then means just after."""
    moments, deaths = np.unique(times[events], return_counts=True)
    return moments, deaths.astype(np.float64), at_risk(times, moments)


def at_risk(times: FloatArray, moments: FloatArray) -> FloatArray:
    """How many of `times` are not before each of `moments`."""
    return (len(times) - np.searchsorted(np.sort(times), moments, side="left")).astype(np.float64)


def _limits(survival: FloatArray, spread: FloatArray, z: float, interval: str) -> tuple[FloatArray, FloatArray]:
    if interval == "plain":
        low, high = survival * (1 - z * spread), survival * (1 + z * spread)
    elif interval == "log":
        low, high = survival * np.exp(-z * spread), survival * np.exp(z * spread)
    else:
        power = np.exp(z * spread / -np.log(np.where(survival > 0, survival, np.nan)))
        low, high = survival**power, survival ** (1 / power)
    return np.maximum(low, 0), np.minimum(high, 1)


@dataclass(frozen=True, slots=True)
class LogRank:
    """`observed`, `expected` of shape (groups,); `variance` is that of the first group's difference."""

    statistic: float
    df: int
    p_value: float
    observed: FloatArray
    expected: FloatArray
    variance: float


def log_rank(times: FloatArray, events: BoolArray, groups: IndexArray, count: int) -> LogRank:
    """The log-rank test of equal hazards in `count` groups (Mantel, 1966), with hypergeometric variance.

    The statistic is chi-square with count - 1 degrees of freedom; NaN where no event leaves anything to compare.
    """
    moments, deaths, total = tally(times, events)
    shares = np.column_stack([at_risk(times[groups == group], moments) for group in range(count)]) / total[:, None]
    observed = np.bincount(groups[events], minlength=count).astype(np.float64)
    expected = deaths @ shares
    weights = deaths * (total - deaths) / np.maximum(total - 1, 1)
    covariance = np.diag(weights @ shares) - shares.T @ (weights[:, None] * shares)
    excess = (observed - expected)[:-1]
    reduced = covariance[:-1, :-1]
    variance = float(covariance[0, 0])
    if np.linalg.matrix_rank(reduced) < count - 1:
        return LogRank(np.nan, count - 1, np.nan, observed, expected, variance)
    statistic = float(excess @ linalg.solve(reduced, excess, assume_a="pos"))
    return LogRank(statistic, count - 1, float(stats.chi2.sf(statistic, count - 1)), observed, expected, variance)
