"""Student's and Welch's tests of means, with standardised effects and their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from ..schemas.tests_parameters import Alternative, HypothesisTestParameters
from .checks import INDEPENDENT, equal_variances, normality
from .evidence import Assumption, Effect, Evidence, verdict
from .intervals import noncentral_t
from .samples import Finding, Sample, Samples, called, refuse_constant, require_sizes, scatter
from .source import FloatArray

_WORDS = {"two-sided": "differs from", "less": "is smaller than", "greater": "is larger than"}


@dataclass(frozen=True, slots=True)
class Moments:
    """Sample size, mean and unbiased variance."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A difference with its standard error; `effect` per standardiser and `scale`, the noncentrality per effect.

    `effect_df` are the degrees of freedom of the standardiser.
    """

    difference: float
    error: float
    df: float
    effect: float
    scale: float
    effect_df: float


def moments(values: FloatArray, origin: float = 0.0) -> Moments:
    """Moments of `values - origin`, in two passes around the first value, so that a large offset costs no digits."""
    start = float(values[0])
    near = values - start
    shift = math.fsum(near) / len(near)
    rest = near - shift
    variance = scatter(rest) / (len(rest) - 1)
    return Moments(len(near), (start - origin) + shift, variance)


def one_sample_t(samples: Samples, parameters: HypothesisTestParameters, seed: int) -> Finding:
    """Student's test (1908) that the mean is `mu`: independent values, normal or many; effect Cohen's d.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 2)
    (part,) = samples.parts
    refuse_constant(np.ptp(part.values) == 0, f"The values of {part.name!r}")
    subject = f"The mean of {part.name!r}"
    return _against_mu(part, parameters, (subject, ""), [normality([part], seed), INDEPENDENT])


def paired_t(samples: Samples, parameters: HypothesisTestParameters, seed: int) -> Finding:
    """Student's test of the mean difference of pairs; the effect is d_z, in standard deviations of the differences.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 2)
    first, second = samples.parts
    part = Sample(f"{first.name} - {second.name}", first.values - second.values)
    refuse_constant(np.ptp(part.values) == 0, f"The differences {part.name}")
    return _against_mu(
        part, parameters, ("The mean of the differences ", part.name), [normality([part], seed), INDEPENDENT]
    )


def _against_mu(
    part: Sample, parameters: HypothesisTestParameters, subject: tuple[str, str], assumptions: list[Assumption]
) -> Finding:
    mu = parameters.mu or 0.0
    found = moments(part.values, mu)
    error, spread = math.sqrt(found.variance / found.n), math.sqrt(found.variance)
    effect = found.mean / spread
    compared = Comparison(found.mean, error, found.n - 1, effect, math.sqrt(found.n), found.n - 1)
    name = "".join(subject)
    words = f"{name} ({_shown(found.mean + mu)})", f"{mu:g}"
    more: dict[str, object] = {"mean": found.mean + mu, "std": spread}
    return _finding(compared, parameters, found.n, words, assumptions, more)


def two_samples_t(
    samples: Samples, parameters: HypothesisTestParameters, seed: int, kind: Literal["two_sample_t", "welch_t"]
) -> Finding:
    """Test of two means: Student's with a pooled variance, or Welch's (1947) with Satterthwaite's degrees of freedom.

    Cohen's d is per pooled standard deviation; after Welch per root mean variance, with the degrees of freedom of
    Delacre et al. (2021).

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 2)
    first, second = samples.parts
    still = np.ptp(first.values) == 0 and np.ptp(second.values) == 0
    refuse_constant(still, f"Within {first.name!r} and within {second.name!r}, the values")
    # From a common origin, which takes a large offset out of the difference of the means.
    origin = float(first.values[0])
    a, b = moments(first.values, origin), moments(second.values, origin)
    mu = parameters.mu or 0.0
    compared = (_welch if kind == "welch_t" else _pooled)(a, b, mu)
    assumptions = [normality(samples.parts, seed), INDEPENDENT]
    if kind == "two_sample_t":
        assumptions.insert(1, equal_variances(samples.parts))
    plus = f"{mu:g} + " if mu else ""
    words = (
        f"The mean of {called(first, parameters)} ({_shown(a.mean + origin)})",
        f"{plus}that of {called(second, parameters)} ({_shown(b.mean + origin)})",
    )
    more: dict[str, object] = {"mean_difference": a.mean - b.mean}
    return _finding(compared, parameters, a.n + b.n, words, assumptions, more)


def _pooled(a: Moments, b: Moments, mu: float) -> Comparison:
    df = a.n + b.n - 2
    variance = ((a.n - 1) * a.variance + (b.n - 1) * b.variance) / df
    per_n = 1 / a.n + 1 / b.n
    difference = a.mean - b.mean - mu
    effect = difference / math.sqrt(variance)
    return Comparison(difference, math.sqrt(variance * per_n), df, effect, 1 / math.sqrt(per_n), df)


def _welch(a: Moments, b: Moments, mu: float) -> Comparison:
    va, vb = a.variance / a.n, b.variance / b.n
    df = (va + vb) ** 2 / (va**2 / (a.n - 1) + vb**2 / (b.n - 1))
    mean_variance = (a.variance + b.variance) / 2
    difference = a.mean - b.mean - mu
    down = (b.n - 1) * a.variance**2 + (a.n - 1) * b.variance**2
    effect_df = (a.n - 1) * (b.n - 1) * (a.variance + b.variance) ** 2 / down
    effect = difference / math.sqrt(mean_variance)
    return Comparison(difference, math.sqrt(va + vb), df, effect, math.sqrt(mean_variance / (va + vb)), effect_df)


def _finding(
    compared: Comparison,
    parameters: HypothesisTestParameters,
    n: int,
    words: tuple[str, str],
    assumptions: list[Assumption],
    more: dict[str, object],
) -> Finding:
    statistic = compared.difference / compared.error
    p_value = t_p_value(statistic, compared.df, parameters.alternative)
    low, high = noncentral_t(statistic, compared.effect_df, parameters.alpha)
    effect = Effect("cohens_d", compared.effect, low / compared.scale, high / compared.scale)
    subject, other = words
    word = _WORDS[parameters.alternative]
    said = verdict(
        p_value, parameters.alpha, f"{subject} {word} {other}", f"It is not shown that {_lower(subject)} {word} {other}"
    )
    margin = float(stats.t.isf(parameters.alpha / 2, compared.df)) * compared.error
    middle = compared.difference + (parameters.mu or 0.0)
    more |= {
        "ci_low": middle - margin,
        "ci_high": middle + margin,
        "std_error": compared.error,
        "hedges_g": compared.effect * hedges_factor(compared.effect_df),
    }
    return Finding(Evidence(statistic, p_value, n, said, compared.df, effect, assumptions), more)


def t_p_value(statistic: float, df: float, alternative: Alternative) -> float:
    """The tail of Student's distribution that the alternative names."""
    if alternative == "two-sided":
        return 2 * float(special.stdtr(df, -abs(statistic)))
    return float(special.stdtr(df, statistic if alternative == "less" else -statistic))


def hedges_factor(df: float) -> float:
    """What takes the bias from Cohen's d (Hedges 1981)."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2) if df > 1 else math.nan


def _shown(value: float) -> str:
    return f"{value:.4g}"


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
