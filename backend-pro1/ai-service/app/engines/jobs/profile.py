"""A profile of data of any size: a sketch of each column of each partition, merged as the partitions come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from shared.compute import ComputeError

from ...schemas.columns import NUMERIC
from ...schemas.job_parameters import ProfileParameters
from ..charts import histogram
from ..data_files import as_piece, locate
from ..executor import Executor, somewhere
from ..job import Job
from ..pieces import name_of
from ..results import Chart, Notice, Table
from ..source import Source
from .column_sketch import ColumnSketch, from_json, to_json
from .outcome import JobOutcome
from .partitions import batches, open_groups, ranges
from .sketches import COUNTERS

COLUMNS_AT_MOST = 500
COLUMNS_A_PIECE = 32
CHARTS_AT_MOST = 12
TOP_VALUES = 10
BINS_AT_MOST = 50
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
MEMBERS = (
    "name", "type", "count", "nulls", "distinct", "min", "max", "mean", "std", "skewness", "kurtosis", "zeros",
    "negatives", "quantiles", "top", "histogram", "approximate",
)  # fmt: skip


def profile_partition(item: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """A piece: `item` {columns, groups: [first, end], block, last}; sketches by column."""
    file = open_groups(locate(shared["data"]))
    sketches = {}
    for name in item["columns"]:
        sketch = ColumnSketch()
        for batch in batches(file, range(*item["groups"]), [name]):
            # Reading "a" also brings "a.b", since Parquet names nested fields so; the wanted one is taken by name.
            sketch = sketch.merged(ColumnSketch.of(batch.column(name)))
        sketches[name] = to_json(sketch)
    return {"sketches": sketches}


def partitioned_profile(source: Source, parameters: ProfileParameters, job: Job) -> JobOutcome:
    """Table `columns`: one row a column with the members of a profile; estimates are named in `approximate`."""
    source.require(parameters.uses())
    wanted = list(dict.fromkeys(parameters.columns or source.names))
    names = wanted[:COLUMNS_AT_MOST]
    if source.rows == 0:
        raise ComputeError("too_few_rows", "The dataset has no rows to profile.")
    items = _items(names, open_groups(job.data.path).num_row_groups)
    shared = {"data": as_piece(job.data)}

    def work(executor: Executor) -> list[dict[str, Any]]:
        answers = executor.stream(name_of(profile_partition), items, shared)
        return list(_merge(source, items, answers, job))

    columns, place = somewhere(job, work, prefer_ray=True)
    outcome = JobOutcome(_summary(source, columns, len(items)), [_table(columns)], _charts(columns))
    outcome.warnings = _notices(len(wanted), columns)
    return outcome.done_at(place)


def _items(names: Sequence[str], groups: int) -> list[dict[str, Any]]:
    """Pieces, those of a block of columns one after another, so that a block can be finished before the next."""
    blocks = [names[start : start + COLUMNS_A_PIECE] for start in range(0, len(names), COLUMNS_A_PIECE)]
    return [{"columns": block, "groups": span} for block in blocks for span in ranges(groups)]


def _merge(
    source: Source, items: Sequence[Mapping[str, Any]], answers: Iterator[dict[str, Any]], job: Job
) -> Iterator[dict[str, Any]]:
    merged: dict[str, ColumnSketch] = {}
    job.report(0, len(items), f"Profiling {len(items)} partitions")
    for number, (item, answer) in enumerate(zip(items, answers, strict=True), 1):
        for name in item["columns"]:
            part = from_json(answer["sketches"][name])
            merged[name] = merged[name].merged(part) if name in merged else part
        job.report(number, len(items), f"{number} of {len(items)} partitions profiled")
        if number == len(items) or items[number]["columns"] != item["columns"]:
            for name, sketch in merged.items():
                yield _column(name, source.types[name], sketch)
            merged = {}


def _column(name: str, kind: str, sketch: ColumnSketch) -> dict[str, Any]:
    members = {
        "name": name,
        "type": kind,
        "count": sketch.count,
        "nulls": sketch.rows - sketch.count,
        "distinct": min(sketch.distinct.estimate(), sketch.count),
        "min": sketch.low,
        "max": sketch.high,
        "top": [{"value": value, "count": count} for value, count in sketch.frequent.most(TOP_VALUES)],
        "approximate": _approximate(sketch),
        "rank_error": sketch.quantiles.error,
    }
    return members | _numbers(sketch) if kind in NUMERIC else members


def _approximate(sketch: ColumnSketch) -> list[str]:
    found = [] if sketch.distinct.is_exact else ["distinct"]
    found += ["top"] if sketch.frequent.slack else []
    return found + (["quantiles", "histogram"] if sketch.quantiles.thinned else [])


def _numbers(sketch: ColumnSketch) -> dict[str, Any]:
    moments = sketch.moments
    figures: dict[str, Any] = {"zeros": sketch.zeros, "negatives": sketch.negatives}
    if moments.n == 0:
        return figures
    quantiles = sketch.quantiles.at(np.array(list(QUANTILES.values())))
    return figures | {
        "mean": moments.mean,
        "std": np.sqrt(moments.m2 / (moments.n - 1)) if moments.n > 1 else None,
        "skewness": _skewness(sketch),
        "kurtosis": _kurtosis(sketch),
        "quantiles": dict(zip(QUANTILES, quantiles.tolist(), strict=True)),
        "histogram": _histogram(sketch),
    }


def _skewness(sketch: ColumnSketch) -> float | None:
    """Adjusted Fisher-Pearson coefficient."""
    n, m2, m3 = sketch.moments.n, sketch.moments.m2, sketch.moments.m3
    if n < 4 or m2 <= 0:
        return None
    return float(np.sqrt(n * (n - 1)) / (n - 2) * np.sqrt(n) * m3 / m2**1.5)


def _kurtosis(sketch: ColumnSketch) -> float | None:
    """Excess kurtosis, bias corrected."""
    n, m2, m4 = sketch.moments.n, sketch.moments.m2, sketch.moments.m4
    if n < 4 or m2 <= 0:
        return None
    return float((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (n * m4 / m2**2 - 3) + 6))


def _histogram(sketch: ColumnSketch) -> dict[str, Any] | None:
    points, weights = sketch.quantiles.points, sketch.quantiles.weights
    low, high = float(points.min()), float(points.max())
    if sketch.quantiles.thinned:
        low, high = float(sketch.low), float(sketch.high)
    if not np.isfinite(high - low):
        return None
    # Freedman and Diaconis (1981), held within bounds: heavy tails ask for millions of bins.
    first, third = sketch.quantiles.at(np.array([0.25, 0.75]))
    width = 2 * (third - first) / np.cbrt(sketch.moments.n)
    wished = int(min(np.ceil((high - low) / width), BINS_AT_MOST)) if width > 0 else 10
    shares, edges = np.histogram(points, bins=max(wished, 1), range=(low, high), weights=weights)
    # Rounded as a whole, so that the bins hold all values.
    ends = np.rint(np.cumsum(shares)).astype(int).tolist()
    return {"edges": edges.tolist(), "counts": [end - start for start, end in pairwise([0, *ends])]}


def _table(columns: Sequence[Mapping[str, Any]]) -> Table:
    return Table("columns", MEMBERS, [[column.get(member) for member in MEMBERS] for column in columns])


def _summary(source: Source, columns: Sequence[Mapping[str, Any]], partitions: int) -> dict[str, object]:
    cells = source.rows * len(columns)
    nulls = sum(column["nulls"] for column in columns)
    return {
        "rows": source.rows,
        "columns": len(columns),
        "numeric_columns": sum(column["type"] in NUMERIC for column in columns),
        "nulls": nulls,
        "null_share": nulls / cells if cells else None,
        "partitions": partitions,
    }


def _charts(columns: Sequence[Mapping[str, Any]]) -> list[Chart]:
    drawn = [column for column in columns if column.get("histogram")][:CHARTS_AT_MOST]
    return [histogram(c["name"], np.array(c["histogram"]["edges"]), c["histogram"]["counts"]) for c in drawn]


def _notices(wanted: int, columns: Sequence[Mapping[str, Any]]) -> list[Notice]:
    notices = []
    if wanted > len(columns):
        text = f"Only the first {COLUMNS_AT_MOST} of {wanted} columns are profiled; name others in `columns`."
        notices.append(Notice("columns_limited", text))
    if any(column["approximate"] for column in columns):
        rank_error = 100 * max(column["rank_error"] for column in columns)
        text = (
            "Members named in `approximate` are estimates: `distinct` has a standard error of about 2 %, ranks of "
            f"`quantiles` and `histogram` are off by at most {rank_error:.2f} % of the values, counts of `top` are too "
            f"low by at most 1 in {COUNTERS} of them. Texts are compared by their first 200 characters in `top`."
        )
        notices.append(Notice("approximate", text))
    for column in columns:
        if column["count"] and column["distinct"] == 1:
            notices.append(Notice("constant_column", f"Column {column['name']!r} holds a single value."))
        if column["count"] == 0:
            notices.append(Notice("empty_column", f"Column {column['name']!r} holds no value at all."))
    return notices
