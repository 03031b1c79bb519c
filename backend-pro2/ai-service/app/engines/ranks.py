"""Tests by ranks and by distribution functions, which need no normality."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from ..schemas.tests_parameters import Alternative, HypothesisTestParameters
from .checks import INDEPENDENT
from .evidence import Assumption, Effect, Evidence, verdict
from .intervals import signed_score, superiority
from .samples import Finding, Samples, called, refuse_constant, require_sizes
from .source import FloatArray

# As R does: exact p-values below it, and none where values are tied.
EXACT_BELOW = 50
EXACT_PAIRS = 1_000_000
_WORDS = {"two-sided": "differ from", "less": "are smaller than", "greater": "are larger than"}


def mann_whitney(samples: Samples, parameters: HypothesisTestParameters) -> Finding:
    """Mann and Whitney's U (1947) of the first sample, after taking `mu` from it; independent rows.

    Exact below 50 values each without ties, else normal with corrections for ties and continuity. The effect is the
    rank-biserial correlation P(X > Y) - P(X < Y).

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 1)
    first, second = samples.parts
    x, y = first.values, second.values
    if parameters.mu:
        x, y = settled(x - parameters.mu, x), settled(y, x)
    both = np.concatenate([x, y])
    refuse_constant(np.ptp(both) == 0, "The values of both groups")
    exact = max(len(x), len(y)) < EXACT_BELOW and len(np.unique(both)) == len(both)
    result = stats.mannwhitneyu(x, y, alternative=parameters.alternative, method="exact" if exact else "asymptotic")
    theta = float(result.statistic) / (len(x) * len(y))
    low, high = superiority(theta, len(x), len(y), parameters.alpha)
    effect = Effect("rank_biserial", 2 * theta - 1, 2 * low - 1, 2 * high - 1)
    same = Assumption(
        "same_shape", None, "Only where both distributions have one shape is this a test of their medians."
    )
    said = _said(called(first, parameters), called(second, parameters), float(result.pvalue), parameters)
    evidence = Evidence(
        float(result.statistic), float(result.pvalue), len(both), said, None, effect, [INDEPENDENT, same]
    )
    return Finding(evidence, {"superiority": theta, "exact": exact, **_medians(samples)})


def wilcoxon(samples: Samples, parameters: HypothesisTestParameters) -> Finding:
    """Wilcoxon's signed ranks (1945): the sum of the positive ranks of the differences less `mu`, zeros left out.

    Exact below 50 differences without ties or zeros, else normal with both corrections.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`.
    """
    require_sizes(samples, 1)
    names = [part.name for part in samples.parts]
    values = samples.parts[0].values
    differences = (values - samples.parts[1].values if len(names) == 2 else values) - (parameters.mu or 0.0)
    differences = settled(differences, *(part.values for part in samples.parts))
    kept = differences[differences != 0]
    refuse_constant(len(kept) == 0, "The differences are zero: they")
    ranks = stats.rankdata(np.abs(kept))
    positive, total = float(ranks[kept > 0].sum()), float(ranks.sum())
    exact = len(kept) < EXACT_BELOW and len(kept) == len(differences) and len(np.unique(ranks)) == len(ranks)
    method = "exact" if exact else "asymptotic"
    result = stats.wilcoxon(kept, alternative=parameters.alternative, method=method, correction=not exact)
    p_value = float(result.pvalue)
    r = 2 * positive / total - 1
    effect = Effect("rank_biserial", r, *signed_score(r, ranks, parameters.alpha))
    other = repr(names[1]) if len(names) == 2 else f"{parameters.mu or 0:g}"
    evidence = Evidence(
        positive,
        p_value,
        len(differences),
        _said(repr(names[0]), other, p_value, parameters),
        None,
        effect,
        _symmetry(kept),
    )
    zeros = len(differences) - len(kept)
    return Finding(evidence, {"exact": exact, "zero_differences": zeros, "median_difference": np.median(differences)})


def _symmetry(differences: FloatArray) -> list[Assumption]:
    skew = float(stats.skew(differences))
    holds = None if len(differences) < 8 or math.isnan(skew) else abs(skew) < 1
    return [
        Assumption("symmetric_differences", holds, f"Skewness {skew:.2f}; below 1 in size by convention."),
        INDEPENDENT,
    ]


def settled(differences: FloatArray, *terms: FloatArray) -> FloatArray:
    """To 13 digits of the largest term: 1.2 - 0.7 and 0.8 - 0.3 are one rank, though their last bits differ."""
    largest = max(float(np.abs(values).max(initial=0)) for values in terms)
    return np.round(differences, 13 - math.ceil(math.log10(largest))) if largest else differences


def kolmogorov_smirnov(samples: Samples, parameters: HypothesisTestParameters) -> Finding:
    """Smirnov's test of two distributions; exact where the product of the sizes is at most a million.

    `less` and `greater` speak of values, as in all tests here: `less` means that the first sample's values are smaller,
    so that its distribution function lies above. The interval of the distance is that of Massart (1990): wide,
    but valid for all distributions.

    Raises:
        ComputeError: `too_few_rows`.
    """
    require_sizes(samples, 1)
    first, second = samples.parts
    n1, n2 = samples.sizes
    side = _function_side(parameters.alternative)
    method = "exact" if n1 * n2 <= EXACT_PAIRS else "asymp"
    result = stats.ks_2samp(first.values, second.values, alternative=side, method=method)
    distance, p_value = float(result.statistic), float(result.pvalue)
    margin = sum(math.sqrt(math.log(4 / parameters.alpha) / (2 * n)) for n in (n1, n2))
    effect = Effect("ks_distance", distance, max(distance - margin, 0.0), min(distance + margin, 1.0))
    continuous = len(np.unique(np.concatenate([first.values, second.values]))) == n1 + n2
    ties = Assumption(
        "continuous", continuous, "No two values are equal." if continuous else "With ties p is too large."
    )
    said = _said(called(first, parameters), called(second, parameters), p_value, parameters)
    evidence = Evidence(distance, p_value, n1 + n2, said, None, effect, [ties, INDEPENDENT])
    return Finding(evidence, {"exact": method == "exact", "at_value": float(result.statistic_location)})


def _function_side(alternative: Alternative) -> str:
    return {"two-sided": "two-sided", "less": "greater", "greater": "less"}[alternative]


def _said(first: str, second: str, p_value: float, parameters: HypothesisTestParameters) -> str:
    mu = f"{parameters.mu:g} + " if parameters.mu and parameters.second is not None else ""
    other = second if parameters.second is None else f"{mu}those of {second}"
    claim = f"alues of {first} {_WORDS[parameters.alternative]} {other}"
    return verdict(p_value, parameters.alpha, f"V{claim}", f"It is not shown that v{claim}")


def _medians(samples: Samples) -> dict[str, object]:
    return {"medians": [float(np.median(part.values)) for part in samples.parts]}
