"""Hypothesis tests by name: reads what the method compares, tests it, and shows the samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..schemas.tests_parameters import CATEGORICAL, LEVELS_AT_MOST, HypothesisTestParameters
from . import checks, counts, means, ranks
from .job import Job
from .levels import read_levels
from .results import Chart, Notice, Outcome, Table
from .sample_charts import boxes, shares
from .samples import Finding, Sample, Samples, read_independent, read_one, read_pairs, require_several, two_of
from .source import Source

GROUP_COLUMNS = ("group", "n", "mean", "std", "median", "min", "max")
PAIRED = frozenset({"paired_t", "wilcoxon"})


def run_test(source: Source, parameters: HypothesisTestParameters, job: Job) -> Outcome:
    """One test; the table is `groups` (what was compared) or `counts`.

    Raises:
        ComputeError: `too_few_rows`, `constant_column`, `wrong_groups`,
            `too_many_levels`, `out_of_range`, or the faults of `Source.require`.
    """
    source.require(parameters.uses())
    job.report(0, 1, "Reading columns")
    if parameters.method == "proportion" and parameters.second is None:
        return _proportion(source, parameters)
    if parameters.method in CATEGORICAL:
        return _categorical(source, parameters)
    samples = _read(source, parameters)
    finding = _numeric(samples, parameters, job.seed)
    table = Table("groups", GROUP_COLUMNS, [_described(part) for part in samples.parts])
    chart = boxes(samples.parts, parameters.column, parameters.group, f"Values of {parameters.column}")
    return _outcome(finding, parameters, samples.dropped, [table], [chart])


def _read(source: Source, parameters: HypothesisTestParameters) -> Samples:
    if parameters.second is None:
        return read_one(source, parameters.column)
    if parameters.method in PAIRED:
        return read_pairs(source, parameters.column, parameters.second)
    samples = read_independent(source, parameters)
    if parameters.method == "levene":
        require_several(samples, parameters.group)
    else:
        two_of(samples.parts, [part.name for part in samples.parts], parameters.group)
    return samples


def _numeric(samples: Samples, parameters: HypothesisTestParameters, seed: int) -> Finding:
    match parameters.method:
        case "one_sample_t":
            return means.one_sample_t(samples, parameters, seed)
        case "paired_t":
            return means.paired_t(samples, parameters, seed)
        case "two_sample_t" | "welch_t" as kind:
            return means.two_samples_t(samples, parameters, seed, kind)
        case "mann_whitney":
            return ranks.mann_whitney(samples, parameters)
        case "wilcoxon":
            return ranks.wilcoxon(samples, parameters)
        case "ks":
            return ranks.kolmogorov_smirnov(samples, parameters)
        case "shapiro":
            return checks.shapiro(samples, parameters, seed)
        case _:
            return checks.levene(samples, parameters)


def _categorical(source: Source, parameters: HypothesisTestParameters) -> Outcome:
    table = counts.read_cross_table(source, parameters)
    test = {"chi_square": counts.chi_square, "fisher": counts.fisher}.get(parameters.method, counts.two_proportions)
    finding = test(table, parameters)
    rows = [[level, *row] for level, row in zip(table.rows, table.counts.tolist(), strict=True)]
    shown = Table("counts", [parameters.column, *table.columns], rows)
    chart = shares(table, parameters.column, parameters.second or "")
    return _outcome(finding, parameters, table.dropped, [shown], [chart])


def _proportion(source: Source, parameters: HypothesisTestParameters) -> Outcome:
    levels = read_levels(source, parameters.column, LEVELS_AT_MOST)
    finding = counts.one_proportion(levels, parameters)
    present = levels.codes[levels.codes >= 0]
    numbers = np.bincount(present, minlength=len(levels.names)).tolist()
    table = Table("counts", [parameters.column, "count"], [*zip(levels.names, numbers, strict=True)])
    return _outcome(finding, parameters, len(levels.codes) - len(present), [table], [])


def _outcome(
    finding: Finding,
    parameters: HypothesisTestParameters,
    dropped: int,
    tables: list[Table],
    charts: Sequence[Chart],
) -> Outcome:
    own = {
        "method": parameters.method,
        "alternative": parameters.alternative,
        "alpha": parameters.alpha,
        "dropped_rows": dropped,
    }
    notices = list(finding.notices)
    if dropped:
        notices.insert(
            0, Notice("missing_values", f"{dropped} missing values were left out, or the rows that have them.")
        )
    return Outcome(finding.evidence.summary({**own, **finding.more}), tables, list(charts), notices)


def _described(part: Sample) -> list[object]:
    values = part.values
    if len(values) == 0:
        return [part.name, 0, *[None] * 5]
    std = values.std(ddof=1) if len(values) > 1 else None
    return [part.name, len(values), values.mean(), std, np.median(values), values.min(), values.max()]
