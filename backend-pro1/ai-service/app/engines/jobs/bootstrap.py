"""Confidence intervals by the bootstrap: percentile, and bias-corrected and accelerated (Efron 1987)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from shared.compute import ComputeError

from ...schemas.job_parameters import BootstrapParameters
from ..charts import histogram
from ..data_files import as_piece
from ..executor import somewhere
from ..frames import dropped_notice
from ..job import Job
from ..pieces import name_of
from ..results import Notice, Table
from ..source import FloatArray, Source
from .outcome import JobOutcome
from .samples import Sample, load, read, require_rows, require_two
from .statistics import STATISTICS, Samples, left_out
from .streams import generators, shares

FEWEST_ROWS = {"mean": 2, "median": 2, "std": 3, "correlation": 4, "difference_in_means": 4}
BINS = 40
SHOWN = (0.005, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.995)


@dataclass(frozen=True, slots=True)
class Interval:
    """Its ends, and the method that gave them in the end."""

    low: float
    high: float
    method: str


def resample(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {start, stop} numbers of resamples; the statistic of each."""
    samples, paired = _samples(load(shared), shared["statistic"])
    statistic = STATISTICS[shared["statistic"]]
    return {
        "values": [
            statistic(_drawn(samples, generator, paired=paired)) for generator in generators(shared["seed"], item)
        ]
    }


def bootstrap(source: Source, parameters: BootstrapParameters, job: Job) -> JobOutcome:
    """Summary `estimate, ci_low, ci_high, std_error, bias`; table `quantiles` of the resampled statistic.

    Raises:
        ComputeError: `too_few_rows`, `wrong_groups`, `constant_column`, `out_of_range`.
    """
    source.require(parameters.uses())
    shared = {
        "data": as_piece(job.data),
        "columns": parameters.columns(),
        "combine": parameters.combine,
        "group": parameters.group,
        "statistic": parameters.statistic,
        "seed": job.seed,
    }
    sample = read(job.data.path, tuple(parameters.columns()), parameters.combine, parameters.group)
    _check(sample, parameters)
    items = shares(parameters.resamples)

    def tell(done: int) -> None:
        job.report(done, len(items), f"{items[done - 1]['stop'] if done else 0} of {parameters.resamples} resamples")

    tell(0)
    answers, place = somewhere(
        job, lambda executor: executor.map(name_of(resample), items, shared, tell), prefer_ray=False
    )
    values = np.array([value for answer in answers if answer is not None for value in answer["values"]])
    return _outcome(sample, parameters, values).done_at(place)


def _samples(sample: Sample, statistic: str) -> tuple[Samples, bool]:
    """The samples of the statistic, and whether their rows belong together."""
    return (sample.split(), False) if statistic == "difference_in_means" else (sample.columns, True)


def _drawn(samples: Samples, generator: np.random.Generator, *, paired: bool) -> Samples:
    if paired:
        chosen = generator.integers(0, len(samples[0]), len(samples[0]))
        return [values[chosen] for values in samples]
    return [values[generator.integers(0, len(values), len(values))] for values in samples]


def _check(sample: Sample, parameters: BootstrapParameters) -> None:
    if parameters.group is not None:
        require_two(sample, parameters.group)
    require_rows(sample.rows, FEWEST_ROWS[parameters.statistic])
    if parameters.statistic == "correlation" and any(np.ptp(column) == 0 for column in sample.columns):
        raise ComputeError("constant_column", "A column is constant, so it has no correlation; choose another one.")


def _outcome(sample: Sample, parameters: BootstrapParameters, values: FloatArray) -> JobOutcome:
    samples, _ = _samples(sample, parameters.statistic)
    estimate = STATISTICS[parameters.statistic](samples)
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        raise ComputeError("constant_column", "The statistic is not defined in any resample; the data are constant.")
    interval = _interval(samples, parameters, estimate, finite)
    outcome = JobOutcome(
        {
            "estimate": estimate,
            "ci_low": interval.low,
            "ci_high": interval.high,
            "level": parameters.level,
            "method": interval.method,
            "statistic": parameters.statistic,
            "std_error": float(finite.std(ddof=1)),
            "bias": float(finite.mean()) - estimate,
            "resamples": len(finite),
            "n": sample.rows,
            "dropped_rows": sample.total - sample.rows,
            **({"groups": _sizes(sample)} if parameters.group is not None else {}),
        }
    )
    outcome.tables = [Table("quantiles", ["share", "value"], list(zip(SHOWN, np.quantile(finite, SHOWN), strict=True)))]
    counts, edges = np.histogram(finite, bins=BINS)
    outcome.charts = [histogram(f"{parameters.statistic} of resamples", edges, counts.tolist())]
    outcome.warnings = [
        *dropped_notice(sample.total - sample.rows, sample.total),
        *_notices(parameters, interval, len(values) - len(finite)),
    ]
    return outcome


def _sizes(sample: Sample) -> list[dict[str, object]]:
    parts = zip(sample.levels, sample.split(), strict=True)
    return [{"group": level, "n": len(part), "mean": float(part.mean())} for level, part in parts]


def _interval(samples: Samples, parameters: BootstrapParameters, estimate: float, values: FloatArray) -> Interval:
    tails = np.array([(1 - parameters.level) / 2, (1 + parameters.level) / 2])
    adjusted = _adjusted(samples, parameters.statistic, estimate, values, tails) if parameters.method == "bca" else None
    low, high = np.quantile(values, tails if adjusted is None else adjusted).tolist()
    return Interval(low, high, "percentile" if adjusted is None else "bca")


def _adjusted(
    samples: Samples, statistic: str, estimate: float, values: FloatArray, tails: FloatArray
) -> FloatArray | None:
    """The shares at which BCa reads the distribution; None where it is not defined."""
    below = (np.count_nonzero(values < estimate) + np.count_nonzero(values <= estimate)) / (2 * len(values))
    bias, acceleration = norm.ppf(below), _acceleration(left_out(statistic, samples))
    shifted = bias + norm.ppf(tails)
    adjusted: FloatArray = norm.cdf(bias + shifted / (1 - acceleration * shifted))
    return adjusted if np.isfinite(adjusted).all() else None


def _acceleration(left: Sequence[FloatArray]) -> float:
    """From the jackknife, over one or more independent samples."""
    above = below = 0.0
    for values in left:
        n = len(values)
        influence = (n - 1) * (values.mean() - values) / n
        above, below = above + float((influence**3).sum()), below + float((influence**2).sum())
    return above / (6 * below**1.5) if below > 0 else float("nan")


def _notices(parameters: BootstrapParameters, interval: Interval, undefined: int) -> list[Notice]:
    notices = []
    if interval.method != parameters.method:
        text = "BCa is not defined for these data (the statistic hardly varies); this is the percentile interval."
        notices.append(Notice("bca_undefined", text))
    if undefined:
        text = f"The statistic was not defined in {undefined} resamples, which are left out."
        notices.append(Notice("undefined_resamples", text))
    return notices
