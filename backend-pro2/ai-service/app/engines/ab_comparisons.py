"""A variant against the control: difference, lift, test, always-valid interval and power."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.stats import contingency

from shared.compute import ComputeError

from .counts import normal_p_value
from .experiment import Arm
from .intervals import Limits, newcombe
from .means import moments, t_p_value

NO_LIMITS = (math.nan, math.nan)
SENSITIVITY_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Contrast:
    """Variant less control. `lift` is their ratio less one; its limits are NaN where data set none.

    `error` is the standard error with each group's own variance, `df` None where the statistic is normal.
    """

    name: str
    n: int
    value: float
    control: float
    statistic: float
    df: float | None
    p_value: float
    limits: Limits
    lift: float
    lift_limits: Limits
    error: float
    difference: float


def contrast_rates(control: Arm, variant: Arm, alpha: float) -> Contrast:
    """Pooled z test of two proportions, Newcombe's interval (1998); lift by the logarithmic interval of Katz (1978).

    Raises:
        ComputeError: `constant_column` where both proportions are 0 or both 1.
    """
    (hits1, n1), (hits2, n2) = ((int(arm.values.sum()), len(arm.values)) for arm in (control, variant))
    pooled = (hits1 + hits2) / (n1 + n2)
    if pooled in (0, 1):
        detail = f"The metric has one value only in {control.name!r} and {variant.name!r}"
        raise ComputeError("constant_column", f"{detail}, so there is nothing to compare.")
    rate1, rate2 = hits1 / n1, hits2 / n2
    statistic = (rate2 - rate1) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    lift, lift_limits = math.nan, NO_LIMITS
    if hits1:
        lift = rate2 / rate1 - 1
        found = contingency.relative_risk(hits2, n2, hits1, n1).confidence_interval(1 - alpha)
        lift_limits = (float(found.low) - 1, float(found.high) - 1) if hits2 else NO_LIMITS
    error = math.sqrt(rate1 * (1 - rate1) / n1 + rate2 * (1 - rate2) / n2)
    p_value = normal_p_value(statistic, "two-sided")
    limits = newcombe((hits2, n2), (hits1, n1), alpha)
    tested = (rate2, rate1, statistic, None, p_value)
    return Contrast(variant.name, n2, *tested, limits, lift, lift_limits, error, rate2 - rate1)


def contrast_means(control: Arm, variant: Arm, alpha: float) -> Contrast:
    """Welch's test and interval; the lift has Fieller's limits (1954), for two independent means.

    Raises:
        ComputeError: `constant_column`.
    """
    # From a common origin, which takes a large offset out of the difference of the means.
    origin = float(control.values[0])
    a, b = moments(control.values, origin), moments(variant.values, origin)
    parts = (a.variance / a.n, b.variance / b.n)
    error, difference = math.sqrt(sum(parts)), b.mean - a.mean
    if error == 0:
        detail = f"The metric is constant within {control.name!r} and within {variant.name!r}"
        raise ComputeError("constant_column", f"{detail}, so there is no variation to test against.")
    df = sum(parts) ** 2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
    quantile = -float(special.stdtrit(df, alpha / 2))
    limits = (difference - quantile * error, difference + quantile * error)
    under, over = a.mean + origin, b.mean + origin
    low, high = fieller((over, parts[1]), (under, parts[0]), quantile)
    lift = over / under - 1 if under else math.nan
    tested = (over, under, difference / error, df, t_p_value(difference / error, df, "two-sided"))
    return Contrast(variant.name, b.n, *tested, limits, lift, (low - 1, high - 1), error, difference)


def fieller(over: tuple[float, float], under: tuple[float, float], quantile: float) -> Limits:
    """Limits of a ratio of two independent means, each with its squared standard error; NaN where it has none.

    It has none where the denominator itself cannot be told from zero at that level.
    """
    (b, variance_b), (a, variance_a) = over, under
    q = quantile**2
    lead = a * a - q * variance_a
    if lead <= 0:
        return NO_LIMITS
    root = quantile * math.sqrt(max(variance_b * a * a + variance_a * b * b - q * variance_a * variance_b, 0.0))
    return (a * b - root) / lead, (a * b + root) / lead


def always_valid(contrast: Contrast, tau: float, alpha: float) -> tuple[Limits, float]:
    """Interval and p-value that hold at every look (mixture SPRT with a normal mixture of standard deviation `tau`).

    Johari, Koomen, Pekelis and Walsh (2022, Operations Research 70), large samples: the likelihood ratio averaged over
    effects is sqrt(V / (V + tau²)) exp(tau² d² / (2 V (V + tau²))), V the squared standard error of the difference d.
    """
    variance, mixed = contrast.error**2, tau**2
    if variance == 0:
        return NO_LIMITS, math.nan
    total = variance + mixed
    log_ratio = 0.5 * math.log(variance / total) + mixed * contrast.difference**2 / (2 * variance * total)
    half = math.sqrt(variance * total / mixed * (2 * math.log(1 / alpha) + math.log(total / variance)))
    return (contrast.difference - half, contrast.difference + half), math.exp(min(0.0, -log_ratio))


def power_at(contrast: Contrast, difference: float, alpha: float) -> float:
    """Power of the test at a true difference, by the normal distribution and the standard error found."""
    if contrast.error == 0:
        return math.nan
    quantile, shift = -special.ndtri(alpha / 2), difference / contrast.error
    return float(special.ndtr(shift - quantile) + special.ndtr(-shift - quantile))


def smallest_difference(contrast: Contrast, alpha: float) -> float:
    """The true difference that rows of this number and spread find with a power of 80 %."""
    return float(-special.ndtri(alpha / 2) + special.ndtri(SENSITIVITY_POWER)) * contrast.error


def holm(p_values: list[float]) -> list[float]:
    """Adjusted p-values (Holm 1979), in the order given."""
    p = np.array(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1)
    found: list[float] = adjusted.tolist()
    return found
