"""Power of each test as a function of its sample and effect, and that function turned around."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from shared.compute import ComputeError

from ..schemas.power_parameters import N_AT_MOST, PowerMethod
from ..schemas.tests_parameters import Alternative

NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)
# Quantiles of chi-squared between which the integral over a predictor's spread runs; outside is 2e-12.
TAIL = 1e-12
EFFECT_AT_MOST = 1e6


@dataclass(frozen=True, slots=True)
class Design:
    """A planned test. `ratio`: rows of the second group for each of the first; `k` groups; `df` of chi-squared."""

    method: PowerMethod
    alpha: float
    alternative: Alternative = "two-sided"
    ratio: float = 1.0
    k: int = 2
    df: int = 1
    baseline: float | None = None

    @property
    def least(self) -> int:
        """The fewest rows for which the test exists, two in each group."""
        if self.method == "correlation":
            return 4
        return math.ceil(2 / min(self.ratio, 1))

    def total(self, n: float) -> float:
        """Rows in all for `n`."""
        match self.method:
            case "two_sample_t" | "two_proportions":
                return n * (1 + self.ratio)
            case "anova":
                return n * self.k
            case _:
                return n


def power_of(design: Design, n: float, effect: float) -> float:
    """Probability of a significant result; `n` may be a fraction on the way to a solution."""
    match design.method:
        case "one_sample_t" | "paired_t":
            return _t(n - 1, effect * math.sqrt(n), design)
        case "two_sample_t":
            scale = math.sqrt(n * design.ratio / (1 + design.ratio))
            return _t(design.total(n) - 2, effect * scale, design)
        case "two_proportions":
            return _proportions(design, n, effect)
        case "anova":
            total = n * design.k
            return _f(design.k - 1, total - design.k, effect**2 * total, design.alpha)
        case "chi_square":
            critical = special.chdtri(design.df, design.alpha)
            return 1 - float(special.chndtr(critical, design.df, n * effect**2))
        case "correlation":
            return _correlation(n, effect, design)


def _t(df: float, shift: float, design: Design) -> float:
    """Power of Student's t, whose statistic has the noncentrality `shift`."""
    if design.alternative == "less":
        shift = -shift
    tail = design.alpha / 2 if design.alternative == "two-sided" else design.alpha
    critical = -float(special.stdtrit(df, tail))
    above = _below(df, -shift, -critical)
    return above + _below(df, shift, -critical) if design.alternative == "two-sided" else above


def _below(df: float, shift: float, t: float) -> float:
    found = float(special.nctdtr(df, shift, t))
    # SciPy gives none where it is 0 or 1 to all digits.
    return float(shift < t) if math.isnan(found) else found


def _f(df1: float, df2: float, noncentrality: float, alpha: float) -> float:
    critical = special.fdtri(df1, df2, 1 - alpha)
    return 1 - float(special.ncfdtr(df1, df2, noncentrality, critical))


def _proportions(design: Design, n: float, effect: float) -> float:
    """Normal approximation: of the pooled score test where the first proportion is known, else of the arcsines."""
    if design.baseline is None:
        return _z(effect * math.sqrt(n * design.ratio / (1 + design.ratio)), 1.0, design)
    first, second = design.baseline, shifted(design.baseline, effect)
    pooled = (first + design.ratio * second) / (1 + design.ratio)
    null = math.sqrt(pooled * (1 - pooled) * (1 + 1 / design.ratio) / n)
    true = math.sqrt((first * (1 - first) + second * (1 - second) / design.ratio) / n)
    if true == 0:
        # Nothing is left to chance.
        return float(first != second)
    return _z((second - first) / true, null / true, design)


def _z(shift: float, scale: float, design: Design) -> float:
    if design.alternative == "less":
        shift = -shift
    tail = design.alpha / 2 if design.alternative == "two-sided" else design.alpha
    critical = -scale * float(special.ndtri(tail))
    above = float(special.ndtr(shift - critical))
    return above + float(special.ndtr(-shift - critical)) if design.alternative == "two-sided" else above


def shifted(first: float, effect: float) -> float:
    """The proportion at the distance of Cohen's h = 2 asin sqrt(second) - 2 asin sqrt(first)."""
    return math.sin(min(max(math.asin(math.sqrt(first)) + effect / 2, 0.0), math.pi / 2)) ** 2


def distance(first: float, second: float) -> float:
    """Cohen's h of two proportions."""
    return 2 * (math.asin(math.sqrt(second)) - math.asin(math.sqrt(first)))


def _correlation(n: float, rho: float, design: Design) -> float:
    """Exact power of the t test of a correlation in bivariate normal data.

    Given the predictor, t is noncentral with rho / sqrt(1 - rho²) times the root of the predictor's sum of squares,
    which is chi-squared with n - 1 degrees of freedom; the power is the mean over it (after Hotelling 1953).
    """
    low, high = special.chdtri(n - 1, 1 - TAIL), special.chdtri(n - 1, TAIL)
    spread = (low + high) / 2 + (high - low) / 2 * NODES
    half = (n - 1) / 2
    density = np.exp((half - 1) * np.log(spread) - spread / 2 - half * math.log(2) - special.gammaln(half))
    shifts = rho / math.sqrt(1 - rho * rho) * np.sqrt(spread)
    powers = np.array([_t(n - 2, float(shift), design) for shift in shifts])
    weights = WEIGHTS * density
    return float(powers @ weights / weights.sum())


def rows_needed(design: Design, effect: float, power: float) -> float:
    """The size, a fraction, at which the test has this power; the smallest possible one where that is enough.

    Raises:
        ComputeError: `unreachable_power`.
    """

    def short(n: float) -> float:
        return power_of(design, n, effect) - power

    low, high = float(design.least), 2.0 * design.least
    if short(low) >= 0:
        return low
    while short(high) < 0:
        low, high = high, 2 * high
        if low > N_AT_MOST:
            detail = f"An effect of {effect:.3g} needs more than {N_AT_MOST:,} rows for a power of {power:g}"
            raise ComputeError("unreachable_power", f"{detail}. Check its sign and unit, or accept less power.")
    return float(optimize.brentq(short, low, high, xtol=1e-9, rtol=1e-12))


def smallest_effect(design: Design, n: float, power: float) -> float:
    """The effect at which the test has this power; above zero unless the alternative is less.

    Raises:
        ComputeError: `unreachable_power`.
    """
    signs = {"less": (-1,), "greater": (1,)}.get(design.alternative, (1, -1))
    for sign in signs:
        found = _effect(design, n, power, sign)
        if found is not None:
            return found
    detail = f"With n = {n:g} no effect is found with a power of {power:g}"
    raise ComputeError("unreachable_power", f"{detail}. Take more rows, or accept less power.")


def _limit(design: Design, sign: int) -> float:
    if design.method == "correlation":
        return 1 - 1e-12
    if design.method == "two_proportions":
        if design.baseline is None:
            return math.pi
        return abs(distance(design.baseline, 1.0 if sign > 0 else 0.0))
    return EFFECT_AT_MOST


def _effect(design: Design, n: float, power: float, sign: int) -> float | None:
    def short(size: float) -> float:
        return power_of(design, n, sign * size) - power

    limit = _limit(design, sign)
    high = min(0.1, limit)
    while short(high) < 0 and high < limit:
        high = min(2 * high, limit)
    if short(high) < 0:
        return None
    return sign * float(optimize.brentq(short, 0.0, high, xtol=1e-12, rtol=1e-12))
