"""What columns say of a planned test: their spread, and the effect that they show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import contingency

from shared.compute import ComputeError

from ..schemas.power_parameters import PowerParameters
from ..schemas.tests_parameters import HypothesisTestParameters
from .anova import sums_of_squares
from .counts import read_cross_table
from .levels import Levels
from .means import moments
from .power_functions import distance
from .samples import (
    Sample,
    read_groups,
    read_one,
    read_pairs,
    refuse_constant,
    require_several,
    require_sizes,
    scatter,
    two_of,
)
from .source import Source


@dataclass(frozen=True, slots=True)
class Observed:
    """The effect in the columns; `sd` of means, `baseline` of proportions, `k` groups, `df` of a table of counts."""

    effect: float
    dropped: int
    sd: float | None = None
    baseline: float | None = None
    k: int = 2
    df: int = 1


def observe(source: Source, parameters: PowerParameters) -> Observed:
    """The effect that the columns show, standardised as the method has it (sample estimates, not corrected for bias).

    Raises:
        ComputeError: `too_few_rows`, `constant_column`, `wrong_groups`, `too_many_levels` or `out_of_range`.
    """
    return _READERS[parameters.method](source, parameters, str(parameters.column))


def _one(source: Source, parameters: PowerParameters, column: str) -> Observed:
    samples = read_one(source, column)
    require_sizes(samples, 2)
    return _of_one(samples.parts[0], parameters.mu, samples.dropped)


def _paired(source: Source, parameters: PowerParameters, column: str) -> Observed:
    samples = read_pairs(source, column, str(parameters.column2))
    require_sizes(samples, 2)
    first, second = samples.parts
    differences = Sample(f"{first.name} - {second.name}", first.values - second.values)
    return _of_one(differences, 0.0, samples.dropped)


def _of_one(part: Sample, mu: float, dropped: int) -> Observed:
    refuse_constant(np.ptp(part.values) == 0, f"The values of {part.name!r}")
    found = moments(part.values, mu)
    sd = math.sqrt(found.variance)
    return Observed(found.mean / sd, dropped, sd)


def _two(source: Source, parameters: PowerParameters, column: str) -> Observed:
    samples = read_groups(source, column, str(parameters.group))
    first, second = two_of(samples.parts, [part.name for part in samples.parts], parameters.group)
    require_sizes(samples, 2)
    refuse_constant(
        np.ptp(first.values) == 0 and np.ptp(second.values) == 0, f"Within both groups, those of {column!r}"
    )
    origin = float(first.values[0])
    a, b = moments(first.values, origin), moments(second.values, origin)
    sd = math.sqrt(((a.n - 1) * a.variance + (b.n - 1) * b.variance) / (a.n + b.n - 2))
    return Observed((a.mean - b.mean) / sd, samples.dropped, sd)


def _anova(source: Source, parameters: PowerParameters, column: str) -> Observed:
    samples = read_groups(source, column, str(parameters.group))
    require_several(samples, parameters.group)
    between, within = sums_of_squares(samples.parts)
    refuse_constant(within == 0, f"Within each group, the values of {column!r}")
    return Observed(math.sqrt(between / within), samples.dropped, k=len(samples.parts))


def _chi_square(source: Source, parameters: PowerParameters, column: str) -> Observed:
    asked = HypothesisTestParameters(method="chi_square", column=column, column2=parameters.column2)
    table = read_cross_table(source, asked)
    statistic, _, df, _ = contingency.chi2_contingency(table.counts, correction=False)
    return Observed(math.sqrt(float(statistic) / table.n), table.dropped, df=int(df))


def _proportions(source: Source, parameters: PowerParameters, column: str) -> Observed:
    asked = HypothesisTestParameters(method="chi_square", column=column, group=parameters.group)
    table = read_cross_table(source, asked)
    two_of(table.columns, table.columns, parameters.group)
    success = Levels(column, table.rows, np.zeros(0, np.intp)).position(parameters.success_text)
    first, second = (float(share) for share in table.counts[success] / table.counts.sum(axis=0))
    return Observed(distance(first, second), table.dropped, baseline=first)


def _correlation(source: Source, parameters: PowerParameters, column: str) -> Observed:
    samples = read_pairs(source, column, str(parameters.column2))
    require_sizes(samples, 3)
    for part in samples.parts:
        refuse_constant(np.ptp(part.values) == 0, f"The values of {part.name!r}")
    x, y = (part.values - part.values.mean() for part in samples.parts)
    r = math.fsum(x * y) / math.sqrt(scatter(x) * scatter(y))
    if not abs(r) < 1 - 1e-12:
        raise ComputeError("singular_design", f"{column!r} and {parameters.column2!r} determine each other exactly.")
    return Observed(r, samples.dropped)


_READERS: Mapping[str, Callable[[Source, PowerParameters, str], Observed]] = {
    "one_sample_t": _one,
    "paired_t": _paired,
    "two_sample_t": _two,
    "anova": _anova,
    "chi_square": _chi_square,
    "two_proportions": _proportions,
    "correlation": _correlation,
}
