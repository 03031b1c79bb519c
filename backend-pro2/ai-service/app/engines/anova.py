"""Analysis of variance: one way, two ways, and by ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats
from statsmodels.stats.multitest import multipletests

from ..schemas.tests_parameters import AnovaParameters
from .checks import INDEPENDENT, equal_variances, normality
from .evidence import Assumption, Effect, Evidence, verdict
from .intervals import noncentral_chi2, noncentral_f
from .job import Job
from .results import Notice, Outcome, Table
from .sample_charts import boxes
from .samples import Sample, Samples, read_groups, refuse_constant, require_several, scatter
from .source import Source
from .tukey import GROUPS_AT_MOST, Estimates, compare_pairs
from .two_way import two_way
from .variance_table import Line, variance_table

DUNN_COLUMNS = ("group1", "group2", "difference", "statistic", "p_value", "adjusted_p_value")
GROUP_COLUMNS = ("group", "n", "mean", "std", "median")


def analyse_variance(source: Source, parameters: AnovaParameters, job: Job) -> Outcome:
    """Compare groups; tables `anova`, `groups` and `tukey` (for kruskal `dunn`).

    Raises:
        ComputeError: `too_few_rows`, `constant_column`, `too_many_levels`, `out_of_range`, `singular_design`, or the
            faults of `Source.require`.
    """
    source.require(parameters.uses())
    job.report(0, 1, "Reading columns")
    if parameters.method == "two_way":
        return two_way(source, parameters, job)
    samples = read_groups(source, parameters.column, parameters.factors[0])
    require_several(samples, parameters.factors[0])
    still = all(np.ptp(part.values) == 0 for part in samples.parts)
    refuse_constant(still, f"Within each group, the values of {parameters.column!r}")
    return (_kruskal if parameters.method == "kruskal" else _one_way)(samples, parameters, job)


def sums_of_squares(parts: Sequence[Sample]) -> tuple[float, float]:
    """Between and within groups.

    Sums are exact, and deviations are taken around the first value: a large part common to all values, which costs
    the textbook formula all digits, costs these only what the values themselves have lost as doubles; decimals nothing.
    """
    origin = float(parts[0].values[0])
    near = [part.values - origin if part.near is None else part.near for part in parts]
    sizes = [len(values) for values in near]
    sums = [math.fsum(values) for values in near]
    grand = math.fsum(sums) / sum(sizes)
    means = [total / n for total, n in zip(sums, sizes, strict=True)]
    between = math.fsum(n * (mean - grand) ** 2 for n, mean in zip(sizes, means, strict=True))
    within = math.fsum(scatter(values - mean) for values, mean in zip(near, means, strict=True))
    return between, within


def _one_way(samples: Samples, parameters: AnovaParameters, job: Job) -> Outcome:
    group, parts = parameters.factors[0], samples.parts
    n, k = sum(samples.sizes), len(parts)
    between, within = sums_of_squares(parts)
    lines = [Line(group, k - 1, between), Line("residual", n - k, within)]
    statistic = between / (k - 1) / (within / (n - k))
    p_value = float(special.fdtrc(k - 1, n - k, statistic))
    low, high = (limit / (limit + n) for limit in noncentral_f(statistic, k - 1, n - k, parameters.alpha))
    effect = Effect("eta_squared", between / (between + within), low, high)
    assumptions = [normality(_residuals(parts), job.seed), equal_variances(parts), INDEPENDENT]
    evidence = Evidence(statistic, p_value, n, _said(p_value, parameters), (k - 1, n - k), effect, assumptions)
    mean_square = within / (n - k)
    omega = max((between - (k - 1) * mean_square) / (between + within + mean_square), 0.0)
    tables = [variance_table(lines, n, parameters.alpha)]
    if k <= GROUPS_AT_MOST:
        origin = float(parts[0].values[0])
        values = np.array([math.fsum(part.values - origin) / len(part) for part in parts])
        one = Estimates(group, [part.name for part in parts], values, np.diag(1 / np.array(samples.sizes)))
        tables.append(compare_pairs([one], mean_square, n - k, parameters.alpha))
    return _outcome(evidence, (k - 1, n - k), {"omega_squared": omega}, tables, samples, parameters)


def _residuals(parts: Sequence[Sample]) -> list[Sample]:
    return [Sample("residuals", np.concatenate([part.values - part.values.mean() for part in parts]))]


def _kruskal(samples: Samples, parameters: AnovaParameters, job: Job) -> Outcome:
    job.report(0, 1, "Ranking")
    group, parts = parameters.factors[0], samples.parts
    k, evidence = len(parts), kruskal(parts, parameters)
    row = [group, k - 1, evidence.statistic, evidence.p_value]
    tables = [Table("anova", ("term", "df", "h", "p_value"), [row])]
    if k <= GROUPS_AT_MOST:
        tables.append(_dunn(parts))
    return _outcome(evidence, (k - 1, None), {}, tables, samples, parameters)


def kruskal(parts: Sequence[Sample], parameters: AnovaParameters) -> Evidence:
    """Kruskal and Wallis's H (1952), corrected for ties; the effect is epsilon squared, H / (n - 1)."""
    n, k = sum(len(part) for part in parts), len(parts)
    statistic, p_value = (float(number) for number in stats.kruskal(*(part.values for part in parts)))
    low, high = (min(limit / (n - 1), 1.0) for limit in noncentral_chi2(statistic, k - 1, parameters.alpha))
    effect = Effect("epsilon_squared", statistic / (n - 1), low, high)
    sizes = min(len(part) for part in parts)
    large = Assumption("group_sizes", sizes >= 5, f"The smallest group has {sizes} values; p is approximate below 5.")
    same = Assumption("same_shape", None, "Only where the distributions have one shape is this a test of medians.")
    said = _said(p_value, parameters)
    return Evidence(statistic, p_value, n, said, k - 1, effect, [large, same, INDEPENDENT])


def _dunn(parts: Sequence[Sample]) -> Table:
    """Dunn's comparisons (1964) of mean ranks with the variance corrected for ties, adjusted after Holm (1979)."""
    sizes = np.array([len(part) for part in parts])
    both = np.concatenate([part.values for part in parts])
    n, ranks = len(both), stats.rankdata(both)
    means = np.array([piece.mean() for piece in np.split(ranks, np.cumsum(sizes)[:-1])])
    ties = np.unique(both, return_counts=True)[1].astype(np.float64)
    variance = n * (n + 1) / 12 - float(np.sum(ties**3 - ties)) / (12 * (n - 1))
    i, j = np.triu_indices(len(parts), 1)
    differences = means[j] - means[i]
    statistics = differences / np.sqrt(variance * (1 / sizes[i] + 1 / sizes[j]))
    p_values = 2 * special.ndtr(-np.abs(statistics))
    adjusted = multipletests(p_values, method="holm")[1]
    numbers = np.column_stack([differences, statistics, p_values, adjusted]).tolist()
    names = [[parts[b].name, parts[a].name] for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    return Table("dunn", DUNN_COLUMNS, [[*name, *row] for name, row in zip(names, numbers, strict=True)])


def _said(p_value: float, parameters: AnovaParameters) -> str:
    what = "values" if parameters.method == "kruskal" else "mean"
    pair = f"{parameters.column!r} between the groups of {parameters.factors[0]!r}"
    found = f"The {what} of {pair} {'differ' if what == 'values' else 'differs'}"
    return verdict(p_value, parameters.alpha, found, f"No difference in the {what} of {pair} is shown")


def _outcome(
    evidence: Evidence,
    df: tuple[int, int | None],
    more: dict[str, object],
    tables: list[Table],
    samples: Samples,
    parameters: AnovaParameters,
) -> Outcome:
    parts = samples.parts
    rows = [
        [p.name, len(p), p.values.mean(), p.values.std(ddof=1) if len(p) > 1 else None, np.median(p.values)]
        for p in parts
    ]
    notices = []
    if samples.dropped:
        text = f"{samples.dropped} rows have no value in a column that is used, and were left out."
        notices.append(Notice("rows_dropped", text))
    if len(parts) > GROUPS_AT_MOST:
        text = f"With {len(parts)} groups pairs are not compared; {GROUPS_AT_MOST} groups are the limit."
        notices.append(Notice("pairs_not_compared", text))
    own = {
        "method": parameters.method,
        "df_between": df[0],
        "df_within": df[1],
        "groups": len(parts),
        "dropped_rows": samples.dropped,
        **more,
    }
    column, group = parameters.column, parameters.factors[0]
    chart = boxes(parts, column, group, f"{column} by {group}")
    return Outcome(evidence.summary(own), [*tables, Table("groups", GROUP_COLUMNS, rows)], [chart], notices)
