"""Changes of a series' level: exact segmentation by PELT, and binary segmentation where that would take too long."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from shared.compute import ComputeError

from ..schemas.series_parameters import ChangepointParameters
from . import series_charts
from .evidence import Assumption
from .frames import IndexArray
from .job import Job
from .results import Notice, Outcome, Table
from .series import Series, read_series
from .source import FloatArray, Source

SEGMENT_COLUMNS = ("start", "end", "n", "mean", "std", "first", "last")
EXACT_AT_MOST = 20_000
SEGMENTS_AT_MOST = 1000
# Of a normal distribution, and of the difference of two: Rousseeuw and Croux (1993).
MAD_TO_SIGMA = 1.4826 / np.sqrt(2)
CORRELATED = 0.3


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums of values and squares, from which the squared error of any stretch around its mean follows."""

    first: FloatArray
    second: FloatArray

    @classmethod
    def of(cls, values: FloatArray) -> Sums:
        """`values` are centred and scaled by the caller, so that little cancels."""
        return cls(np.concatenate([[0.0], np.cumsum(values)]), np.concatenate([[0.0], np.cumsum(values**2)]))

    def cost(self, start: IndexArray | int, end: IndexArray | int) -> FloatArray:
        """Squared error of the values from `start` up to, but without, `end`; either may be an array."""
        total = self.first[end] - self.first[start]
        return np.asarray(self.second[end] - self.second[start] - total**2 / (np.asarray(end) - start))


def find_changes(source: Source, parameters: ChangepointParameters, job: Job) -> Outcome:
    """Segments of constant mean; table `segments`.

    The model is a mean that jumps, and independent normal errors of one variance. The variance is estimated robustly
    from the first differences (median absolute deviation), so that the jumps hardly count. Segments minimise squared
    error / variance + penalty * changes. The penalty is 2 ln n: Schwarz's criterion, for each change has a place and
    a mean. `std` is a segment's sample standard deviation. The method pelt finds the optimum (Killick, Fearnhead and
    Eckley 2012, JASA 107, 1590-1598); binary_segmentation splits the best segment again and again (Scott and Knott
    1974, Biometrics 30, 507-512) and makes 1000 segments at most.

    Raises:
        ComputeError: the faults of `read_series`, or `too_many_rows`.
    """
    job.report(0, 3, "Reading columns")
    series = read_series(source, parameters, at_least=2 * parameters.min_size, even=False)
    series = _present(series)
    exact = _is_exact(parameters, len(series.values))
    sigma = _sigma(series.values)
    penalty = parameters.penalty or 2 * np.log(len(series.values))
    sums = Sums.of((series.values - np.median(series.values)) / sigma)
    job.report(1, 3, "Looking for changes")
    search = pelt if exact else binary_segmentation
    ends = search(sums, penalty, parameters.min_size)
    rows = _segments(series, ends)
    return _outcome(series, rows, exact, sigma, penalty)


def _present(series: Series) -> Series:
    there = ~np.isnan(series.values)
    if there.all():
        return series
    text = f"{int((~there).sum())} values are missing, and were left out."
    notices = (*series.notices, Notice("missing_values", text))
    kept = (series.values[there], series.times[there], series.rows[there])
    return Series(series.name, series.time_name, *kept, series.grid, notices)


def _is_exact(parameters: ChangepointParameters, values: int) -> bool:
    if parameters.method == "pelt" and values > EXACT_AT_MOST:
        detail = f"The series has {values} values; the method pelt takes {EXACT_AT_MOST} at most."
        raise ComputeError("too_many_rows", f"{detail} Choose the method auto, or aggregate the rows first.")
    return parameters.method == "pelt" or (parameters.method == "auto" and values <= EXACT_AT_MOST)


def _sigma(values: FloatArray) -> float:
    differences = np.diff(values)
    robust = MAD_TO_SIGMA * float(np.median(np.abs(differences - np.median(differences))))
    # More than half of the differences are equal: the robust measure sees no error at all.
    return robust or float(np.std(differences) / np.sqrt(2)) or float(np.std(values))


def pelt(sums: Sums, penalty: float, min_size: int) -> list[int]:
    """Ends of the optimal segments, in order; the last is the number of values.

    Expected time grows with n when changes do too, and with n squared when there is none.
    """
    n = len(sums.first) - 1
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(n + 1, dtype=np.intp)
    candidates = np.zeros(1, dtype=np.intp)
    # A start that lost against the end t is beaten by every later end only from t + min_size on, when the segment
    # that begins at t is allowed; until then it must stay.
    lost_at = np.full(n + 1, n + 1, dtype=np.intp)
    for end in range(min_size, n + 1):
        costs = best[candidates] + sums.cost(candidates, end)
        chosen = int(np.argmin(costs))
        best[end], previous[end] = costs[chosen] + penalty, candidates[chosen]
        lost = candidates[costs > best[end]]
        lost_at[lost] = np.minimum(lost_at[lost], end + min_size)
        keep = candidates[lost_at[candidates] > end + 1]
        entering = end + 1 - min_size
        candidates = np.append(keep, entering) if entering >= min_size else keep
    return _trace(previous, n)


def _trace(previous: IndexArray, n: int) -> list[int]:
    ends, end = [], n
    while end > 0:
        ends.append(end)
        end = int(previous[end])
    return ends[::-1]


def binary_segmentation(sums: Sums, penalty: float, min_size: int) -> list[int]:
    """Ends of the segments, in order, after splitting the best one while that gains more than the penalty."""
    n = len(sums.first) - 1
    ends = [n]
    waiting = _split(sums, 0, n, min_size)
    while waiting and len(ends) < SEGMENTS_AT_MOST:
        gain, start, middle, end = heapq.heappop(waiting)
        if -gain <= penalty:
            break
        ends.append(middle)
        for half in (_split(sums, start, middle, min_size), _split(sums, middle, end, min_size)):
            for found in half:
                heapq.heappush(waiting, found)
    return sorted(ends)


def _split(sums: Sums, start: int, end: int, min_size: int) -> list[tuple[float, int, int, int]]:
    """The best split of a segment as (-gain, start, middle, end); nothing where it is too short."""
    middles = np.arange(start + min_size, end - min_size + 1)
    if len(middles) == 0:
        return []
    halves = sums.cost(start, middles) + sums.cost(middles, end)
    best = int(np.argmin(halves))
    return [(float(halves[best] - sums.cost(start, end)), start, int(middles[best]), end)]


def _segments(series: Series, ends: list[int]) -> list[list[object]]:
    rows: list[list[object]] = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        values = series.values[start:end]
        spread = float(values.std(ddof=1)) if len(values) > 1 else None
        times = series.times[start].item(), series.times[end - 1].item()
        rows.append([*times, end - start, float(values.mean()), spread, start, end - 1])
    return rows


def _outcome(series: Series, rows: list[list[object]], exact: bool, sigma: float, penalty: float) -> Outcome:
    records = [dict(zip(SEGMENT_COLUMNS, row, strict=True)) for row in rows]
    correlation = _lag_one(series.values, rows)
    summary: dict[str, object] = {
        "method": "pelt" if exact else "binary_segmentation",
        "n": len(series.values),
        "changes": len(rows) - 1,
        "change_points": [row[0] for row in rows[1:]],
        "sigma": sigma,
        "penalty": penalty,
        "assumptions": [_independence(correlation)],
        "conclusion": _conclusion(series.name, records),
    }
    chart = series_charts.levels(series.times, series.values, records, (series.time_name, series.name))
    notices = [*series.notices, *_notices(exact, len(rows), correlation)]
    return Outcome(summary, [Table("segments", SEGMENT_COLUMNS, rows)], [chart], notices)


def _lag_one(values: FloatArray, rows: list[list[object]]) -> float:
    """First autocorrelation of what the means leave; NaN where they leave nothing."""
    means = np.repeat([float(str(row[3])) for row in rows], [int(str(row[2])) for row in rows])
    rest = values - means
    # Below this only rounding is left of values that are equal within their segment.
    scale = float(np.sum(rest**2))
    return float(rest[1:] @ rest[:-1]) / scale if scale > 1e-20 * float(np.sum(values**2)) else float("nan")


def _independence(correlation: float) -> dict[str, object]:
    known = not np.isnan(correlation)
    holds = abs(correlation) < CORRELATED if known else None
    shown = f"{correlation:.3f}" if known else "undefined, since nothing is left"
    found = Assumption("independent errors", holds, f"First autocorrelation around the segment means: {shown}.")
    return {"name": found.name, "holds": found.holds, "detail": found.detail}


def _conclusion(name: str, records: list[dict[str, object]]) -> str:
    if len(records) == 1:
        return f"No change in the level of {name} was found."
    steps = [float(str(b["mean"])) - float(str(a["mean"])) for a, b in pairwise(records)]
    largest = int(np.argmax(np.abs(steps)))
    before, after = records[largest]["mean"], records[largest + 1]["mean"]
    count = f"{len(steps)} change{'s' if len(steps) > 1 else ''}"
    return f"The level of {name} has {count}; the largest, from {before:.4g} to {after:.4g}."


def _notices(exact: bool, segments: int, correlation: float) -> list[Notice]:
    notices = []
    if not exact:
        text = "Binary segmentation was used, which is approximate: changes close to each other may be missed."
        notices.append(Notice("approximate", text))
    if not exact and segments == SEGMENTS_AT_MOST:
        notices.append(Notice("segments_cut", f"The search ended at {SEGMENTS_AT_MOST} segments."))
    if correlation > CORRELATED:
        text = "Neighbouring values resemble each other within segments, so some changes may be mere drift."
        notices.append(Notice("autocorrelated", text))
    return notices
