"""Confidence intervals of effect sizes: noncentral distributions turned around, and score intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, special, stats

from .source import FloatArray

Limits = tuple[float, float]
# Beyond it SciPy's noncentral t loses digits or gives none.
DIRECT_UP_TO = 100.0
STEPS = 4000
LARGE = 1e7


def noncentral_t(t: float, df: float, alpha: float) -> Limits:
    """Limits of the noncentrality under which `t` is a quantile (Steiger and Fouladi 1997)."""
    if t < 0:
        low, high = noncentral_t(-t, df, alpha)
        return -high, -low
    # The same distribution as a mean of normal ones over the quantiles of chi, to four digits or more.
    spread = np.sqrt(stats.chi2.ppf((np.arange(STEPS) + 0.5) / STEPS, df) / df)
    direct = abs(t) <= DIRECT_UP_TO
    width = 40 * math.sqrt(1 + t * t / (2 * df)) + abs(t) * float(spread[-1])

    def excess(delta: float, probability: float) -> float:
        below = float(special.nctdtr(df, delta, t) if direct else np.mean(special.ndtr(t * spread - delta)))
        # SciPy gives none where it is 0 or 1 to all digits.
        return (float(delta < t) if math.isnan(below) else below) - probability

    low, high = (float(optimize.brentq(excess, t - width, t + width, args=(p,))) for p in (1 - alpha / 2, alpha / 2))
    return low, high


def noncentral_f(f: float, df1: float, df2: float, alpha: float) -> Limits:
    """Limits of the noncentrality of an F statistic (Steiger 2004); 0 where F is smaller than chance would give."""
    if f * df1 > LARGE:
        # Only the denominator's chance is left.
        low, high = (f * df1 * float(stats.chi2.isf(p, df2)) / df2 for p in (1 - alpha / 2, alpha / 2))
        return low, high
    return _turned(lambda nc: float(special.ncfdtr(df1, df2, nc, f)), f * df1, alpha)


def noncentral_chi2(chi2: float, df: float, alpha: float) -> Limits:
    """Limits of the noncentrality of a chi-squared statistic (Smithson 2003)."""
    if chi2 > LARGE:
        half = float(stats.norm.isf(alpha / 2)) * 2 * math.sqrt(chi2)
        return chi2 - half, chi2 + half
    return _turned(lambda nc: float(special.chndtr(chi2, df, nc)), chi2, alpha)


def _turned(cdf: Callable[[float], float], start: float, alpha: float) -> Limits:
    def limit(probability: float) -> float:
        if not cdf(0.0) > probability:
            return 0.0
        high = max(start, 1.0)
        while cdf(high) > probability:
            high *= 2
        return float(optimize.brentq(lambda nc: cdf(nc) - probability, 0.0, high, xtol=1e-10, rtol=1e-13))

    return limit(1 - alpha / 2), limit(alpha / 2)


def wilson(successes: float, n: float, alpha: float) -> Limits:
    """Score interval of a proportion (Wilson 1927)."""
    z = float(stats.norm.isf(alpha / 2))
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def newcombe(first: tuple[int, int], second: tuple[int, int], alpha: float) -> Limits:
    """Hybrid score interval of the difference of two proportions (Newcombe 1998, method 10); pairs (successes, n)."""
    (low1, high1), (low2, high2) = wilson(*first, alpha), wilson(*second, alpha)
    share1, share2 = first[0] / first[1], second[0] / second[1]
    down = math.hypot(share1 - low1, high2 - share2)
    up = math.hypot(high1 - share1, share2 - low2)
    return share1 - share2 - down, share1 - share2 + up


def superiority(theta: float, n1: int, n2: int, alpha: float) -> Limits:
    """Score interval of P(X > Y) + P(X = Y) / 2 (Newcombe 2006, part 2, method 5)."""
    z = float(stats.norm.isf(alpha / 2))
    extra = (n1 + n2) / 2 - 1

    def excess(candidate: float) -> float:
        shape = (1 - candidate) / (2 - candidate) + candidate / (1 + candidate)
        variance = candidate * (1 - candidate) * (1 + extra * shape) / (n1 * n2)
        return (candidate - theta) ** 2 - z * z * variance

    # At 0 and at 1 the variance is 0, which is a root too, but not the limit.
    low = 0.0 if theta <= 0 else float(optimize.brentq(excess, 0.0, min(theta, 1 - 1e-12)))
    high = 1.0 if theta >= 1 else float(optimize.brentq(excess, max(theta, 1e-12), 1.0))
    return low, high


def signed_score(r: float, ranks: FloatArray, alpha: float) -> Limits:
    """Score interval of a matched-pairs rank-biserial correlation, for signs that do not depend on their ranks.

    Its variance is then (1 - r²) Σ rank² / (Σ rank)², and Wilson's interval has 1/n in that place.
    """
    n = float(ranks.sum() ** 2 / np.sum(ranks**2))
    low, high = wilson((1 + r) / 2 * n, n, alpha)
    return 2 * low - 1, 2 * high - 1
