"""Checks of what tests of means take for granted, and the two checks as tests of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ..schemas.tests_parameters import HypothesisTestParameters
from .evidence import Assumption, Effect, Evidence, shown_p, verdict
from .intervals import noncentral_f
from .results import Notice
from .samples import Finding, Sample, Samples, refuse_constant, require_sizes
from .source import FloatArray

LEVEL = 0.05
# Beyond it the distribution of Shapiro and Wilk's W, after Royston (1995), is not known.
NORMALITY_ROWS = 5000
INDEPENDENT = Assumption(
    "independence", None, "Data cannot tell whether one row influences another; how they were gathered does."
)


def shapiro(samples: Samples, parameters: HypothesisTestParameters, seed: int) -> Finding:
    """Shapiro and Wilk's test of normality with Royston's p-value (1995), on a sample of 5,000 rows if there are more.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 3)
    (part,) = samples.parts
    refuse_constant(np.ptp(part.values) == 0, f"The values of {part.name!r}")
    used = _some(part.values, seed)
    result = stats.shapiro(centred(used))
    found, not_found = f"{part.name!r} is not normally distributed", f"Nothing speaks against a normal {part.name!r}"
    evidence = Evidence(
        float(result.statistic),
        float(result.pvalue),
        len(used),
        verdict(result.pvalue, parameters.alpha, found, not_found),
        effect=Effect("shapiro_w", float(result.statistic)),
        assumptions=[INDEPENDENT],
    )
    text = f"A random sample of {NORMALITY_ROWS} of {len(part)} values was tested; the test knows no more."
    notices = [Notice("sampled", text)] if len(used) < len(part) else []
    more = {"skewness": stats.skew(centred(used)), "excess_kurtosis": stats.kurtosis(centred(used))}
    return Finding(evidence, more, notices)


def levene(samples: Samples, parameters: HypothesisTestParameters) -> Finding:
    """Brown and Forsythe's test (1974): Levene's on distances from the medians, which no normality is needed for.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 2)
    refuse_constant(all(np.ptp(part.values) == 0 for part in samples.parts), "Within each group, the values")
    n, k = sum(samples.sizes), len(samples.parts)
    statistic, p_value = _brown_forsythe(samples.parts)
    low, high = noncentral_f(statistic, k - 1, n - k, parameters.alpha)
    explained = statistic * (k - 1)
    effect = Effect("eta_squared", explained / (explained + n - k), low / (low + n), high / (high + n))
    said = verdict(p_value, parameters.alpha, "The groups' variances differ", "Nothing speaks against equal variances")
    evidence = Evidence(statistic, p_value, n, said, (k - 1, n - k), effect, [INDEPENDENT])
    return Finding(evidence)


def normality(parts: Sequence[Sample], seed: int) -> Assumption:
    """Whether each part may be normal, by Shapiro and Wilk's test of at most 5,000 of its values."""
    tested = [(part, _some(part.values, seed)) for part in parts if len(part) >= 3 and np.ptp(part.values) > 0]
    if not tested:
        return Assumption("normality", None, "Too few values to tell.")
    p_values = [float(stats.shapiro(centred(values)).pvalue) for _, values in tested]
    worst = int(np.argmin(p_values))
    part, values = tested[worst]
    detail = f"Shapiro-Wilk of {part.name!r}: p {shown_p(p_values[worst])}, {len(values)} values."
    if len(part) >= 100:
        detail += " With so many values means are near normal even where values are not."
    return Assumption("normality", p_values[worst] * len(tested) >= LEVEL, detail)


def equal_variances(parts: Sequence[Sample]) -> Assumption:
    """Whether the parts' variances may be equal, by Brown and Forsythe's test."""
    usable = [part for part in parts if len(part) >= 2]
    if len(usable) < 2 or all(np.ptp(part.values) == 0 for part in usable):
        return Assumption("equal_variances", None, "Too few different values to tell.")
    _, p_value = _brown_forsythe(usable)
    return Assumption("equal_variances", p_value >= LEVEL, f"Brown-Forsythe: p {shown_p(p_value)}.")


def _brown_forsythe(parts: Sequence[Sample]) -> tuple[float, float]:
    result = stats.levene(*(part.values - np.median(part.values) for part in parts), center="median")
    statistic = float(result.statistic)
    return (0.0, 1.0) if np.isnan(statistic) else (statistic, float(result.pvalue))


def _some(values: FloatArray, seed: int) -> FloatArray:
    if len(values) <= NORMALITY_ROWS:
        return values
    return np.random.default_rng(seed).choice(values, NORMALITY_ROWS, replace=False)


def centred(values: FloatArray) -> FloatArray:
    """The values less their mean; less the first one before, so that a large common part costs no digits."""
    near = values - values[0]
    moved: FloatArray = near - near.mean()
    return moved
