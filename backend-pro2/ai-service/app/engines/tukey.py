"""Tukey's comparisons of all pairs, by the distribution of the studentised range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from scipy import optimize, special, stats

from .results import Table
from .source import FloatArray

TUKEY_COLUMNS = ("term", "group1", "group2", "difference", "ci_low", "ci_high", "statistic", "p_value")
GROUPS_AT_MOST = 40
NODES, SPREADS, REACH, CHUNK = 120, 80, 9.0, 50


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimated levels of one term, shape (k,), and the covariance of their differences up to the error variance."""

    term: str
    names: Sequence[str]
    values: FloatArray
    covariance: FloatArray


def compare_pairs(estimates: Sequence[Estimates], mean_square: float, df: float, alpha: float) -> Table:
    """Table `tukey`: differences with simultaneous intervals and adjusted p-values, after Kramer (1956).

    `statistic` is the studentised range; its p-values are right to about 1e-10, absolutely.
    """
    rows = [row for one in estimates for row in _pairs(one, mean_square, df, alpha)]
    return Table("tukey", TUKEY_COLUMNS, rows)


def _pairs(one: Estimates, mean_square: float, df: float, alpha: float) -> list[list[object]]:
    pairs = np.array([*combinations(range(len(one.names)), 2)])
    i, j = pairs[:, 0], pairs[:, 1]
    variances = one.covariance[i, i] + one.covariance[j, j] - 2 * one.covariance[i, j]
    errors = np.sqrt(mean_square * variances / 2)
    differences = one.values[j] - one.values[i]
    statistics = np.abs(differences) / errors
    k = len(one.names)
    p_values = range_tail(statistics, k, df)
    margins = range_quantile(alpha, k, df) * errors
    columns = (differences, differences - margins, differences + margins, statistics, p_values)
    names = [[one.term, one.names[b], one.names[a]] for a, b in pairs.tolist()]
    return [[*name, *row] for name, row in zip(names, np.column_stack(columns).tolist(), strict=True)]


def range_tail(q: FloatArray, k: int, df: float) -> FloatArray:
    """P(Q > q) of the studentised range of k normal values; SciPy's takes 50 ms for each, which 780 pairs cannot."""
    spread, weight = _chi_nodes(df)
    tails = [weight @ (1 - _range_cdf(np.outer(spread, part), k)) for part in np.array_split(q, len(q) // CHUNK + 1)]
    return np.clip(np.concatenate(tails), 0.0, 1.0)


def range_quantile(alpha: float, k: int, df: float) -> float:
    """The q that the studentised range exceeds with probability alpha."""

    def excess(q: float) -> float:
        return float(range_tail(np.array([q]), k, df)[0]) - alpha

    high = 8.0
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high))


@cache
def _legendre(n: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return nodes, weights


def _chi_nodes(df: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of chi / sqrt(df)."""
    low, high = (float(np.sqrt(stats.chi2.ppf(p, df))) for p in (1e-16, 0.5))
    high += 9.0
    nodes, weights = _legendre(SPREADS)
    chi = (high - low) / 2 * nodes + (high + low) / 2
    weight = weights * (high - low) / 2 * stats.chi.pdf(chi, df)
    return chi / np.sqrt(df), weight / weight.sum()


def _range_cdf(w: FloatArray, k: int) -> FloatArray:
    nodes, weights = _legendre(NODES)
    z = REACH * nodes
    density = weights * REACH * k * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    lower = special.ndtr(z)
    between = lower - special.ndtr(z - w[..., None])
    return np.asarray(between ** (k - 1) @ density, dtype=np.float64)
