"""Permutation tests with p = (b + 1) / (m + 1) (Phipson and Smyth 2010)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shared.compute import ComputeError

from ...schemas.job_parameters import PermutationParameters
from ..charts import histogram
from ..data_files import as_piece
from ..executor import somewhere
from ..frames import dropped_notice
from ..job import Job
from ..pieces import name_of
from ..results import Table
from ..source import FloatArray, Source
from .outcome import JobOutcome
from .samples import Sample, load, read, require_rows, require_two
from .statistics import correlation
from .streams import generators, shares

BINS = 40
# Permutations that give the observed value give it up to rounding.
TOLERANCE = 1e-12
SHOWN = (0.005, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.995)


def permute(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {start, stop} numbers of permutations; the statistic of each."""
    sample, statistic = load(shared), _STATISTICS[shared["statistic"]]
    first = sample.columns[0]
    return {
        "values": [statistic(sample, generator.permutation(first)) for generator in generators(shared["seed"], item)]
    }


def permutation(source: Source, parameters: PermutationParameters, job: Job) -> JobOutcome:
    """Summary `statistic, p_value, n, effect_size, conclusion`; table `quantiles` of the permuted statistic.

    Raises:
        ComputeError: `too_few_rows`, `wrong_groups`, `constant_column`, `out_of_range`.
    """
    source.require(parameters.uses())
    shared = {
        "data": as_piece(job.data),
        "columns": parameters.columns(),
        "combine": None,
        "group": parameters.group,
        "statistic": parameters.statistic,
        "seed": job.seed,
    }
    sample = read(job.data.path, tuple(parameters.columns()), None, parameters.group)
    _check(sample, parameters)
    items = shares(parameters.permutations)

    def tell(done: int) -> None:
        text = f"{items[done - 1]['stop'] if done else 0} of {parameters.permutations} permutations"
        job.report(done, len(items), text)

    tell(0)
    answers, place = somewhere(
        job, lambda executor: executor.map(name_of(permute), items, shared, tell), prefer_ray=False
    )
    values = np.array([value for answer in answers if answer is not None for value in answer["values"]])
    return _outcome(sample, parameters, values).done_at(place)


def _check(sample: Sample, parameters: PermutationParameters) -> None:
    if parameters.statistic == "f":
        require_rows(len(sample.levels), 2, f"groups of {parameters.group!r}")
        require_rows(sample.rows - len(sample.levels), 1, "left beside one a group")
    elif parameters.group is not None:
        require_two(sample, parameters.group)
    require_rows(sample.rows, 3)
    if any(np.ptp(column) == 0 for column in sample.columns):
        raise ComputeError("constant_column", "A column is constant, so there is nothing to test; choose another one.")


def _outcome(sample: Sample, parameters: PermutationParameters, values: FloatArray) -> JobOutcome:
    observed = _STATISTICS[parameters.statistic](sample, sample.columns[0])
    extreme = _extreme(values, observed, parameters.alternative)
    p_value = (extreme + 1) / (len(values) + 1)
    outcome = JobOutcome(
        {
            "statistic": observed,
            "df": None,
            "p_value": p_value,
            # By which the p-value would differ from one of all permutations (one standard error).
            "p_value_std_error": float(np.sqrt(p_value * (1 - p_value) / (len(values) + 1))),
            "n": sample.rows,
            "effect_size": {"name": parameters.statistic, "value": observed, "ci_low": None, "ci_high": None},
            "assumptions": [
                {
                    "name": "exchangeability",
                    "holds": None,
                    "detail": "Rows must be exchangeable if there is no effect; this follows from how they were drawn.",
                }
            ],
            "conclusion": _conclusion(p_value, parameters.alpha),
            "alternative": parameters.alternative,
            "permutations": len(values),
            "as_extreme": extreme,
            "dropped_rows": sample.total - sample.rows,
        }
    )
    finite = values[np.isfinite(values)]
    if len(finite):
        quantiles = zip(SHOWN, np.quantile(finite, SHOWN), strict=True)
        outcome.tables = [Table("quantiles", ["share", "value"], list(quantiles))]
        counts, edges = np.histogram(finite, bins=BINS)
        outcome.charts = [histogram(f"{parameters.statistic} of permutations", edges, counts.tolist())]
    outcome.warnings = dropped_notice(sample.total - sample.rows, sample.total)
    return outcome


def _extreme(values: FloatArray, observed: float, alternative: str) -> int:
    slack = TOLERANCE * abs(observed) if np.isfinite(observed) else 0.0
    if alternative == "greater":
        return int(np.count_nonzero(values >= observed - slack))
    if alternative == "less":
        return int(np.count_nonzero(values <= observed + slack))
    return int(np.count_nonzero(np.abs(values) >= abs(observed) - slack))


def _conclusion(p_value: float, alpha: float) -> str:
    verdict = "is rejected" if p_value <= alpha else "is not rejected"
    return f"No effect {verdict} at the level {alpha:g} (p = {p_value:.4g})."


def _difference(sample: Sample, first: FloatArray) -> float:
    return float(first[sample.groups == 0].mean() - first[sample.groups == 1].mean())


def _difference_in_medians(sample: Sample, first: FloatArray) -> float:
    return float(np.median(first[sample.groups == 0]) - np.median(first[sample.groups == 1]))


def _f(sample: Sample, first: FloatArray) -> float:
    """F of a one-way analysis of variance."""
    counts = np.bincount(sample.groups)
    deviations = first - first.mean()
    sums = np.bincount(sample.groups, deviations)
    between = float((sums**2 / counts).sum())
    within = float(deviations @ deviations) - between
    return (between / (len(counts) - 1)) / (within / (len(first) - len(counts))) if within > 0 else float("inf")


_STATISTICS: Mapping[str, Callable[[Sample, FloatArray], float]] = {
    "difference_in_means": _difference,
    "difference_in_medians": _difference_in_medians,
    "correlation": lambda sample, first: correlation([first, sample.columns[1]]),
    "f": _f,
}
