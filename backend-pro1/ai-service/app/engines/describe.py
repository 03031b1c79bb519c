"""Descriptive statistics, one column at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from ..schemas.columns import NUMERIC
from ..schemas.parameters import DescribeParameters
from .charts import histogram
from .job import Job
from .results import Chart, Notice, Outcome, Table
from .source import FloatArray, Source, is_missing

COLUMNS_AT_MOST = 500
CHARTS_AT_MOST = 12
TOP_VALUES = 10
TEXT_AT_MOST = 200
BINS_AT_MOST = 50
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
MEMBERS = (
    "name", "type", "count", "nulls", "distinct", "min", "max", "mean", "std", "quantiles", "top", "histogram",
    "skewness", "kurtosis",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bins:
    """A histogram: `edges` has one more element than `counts`."""

    edges: FloatArray
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Described:
    """One column's row of the table, and its histogram if it is numeric and not empty."""

    members: dict[str, object]
    bins: Bins | None = None


def describe(source: Source, parameters: DescribeParameters, job: Job) -> Outcome:
    """Counts, ranges, moments, quantiles and frequent values; table `columns` has one row per column."""
    source.require(parameters.uses())
    wanted = parameters.columns or source.names
    names = list(dict.fromkeys(wanted))[:COLUMNS_AT_MOST]
    described = []
    for done, name in enumerate(names):
        job.report(done, len(names), f"Describing {name}")
        described.append(_describe(source, name))
    summary = _summary(source, described)
    table = Table("columns", MEMBERS, [[column.members.get(member) for member in MEMBERS] for column in described])
    return Outcome(summary, [table], _charts(described), _notices(len(set(wanted)), described))


def _describe(source: Source, name: str) -> Described:
    array = source.column(name)
    missing = is_missing(array)
    kept = array.filter(pa.array(~missing))
    members = {
        "name": name,
        "type": source.types[name],
        "count": len(kept),
        "nulls": int(missing.sum()),
        **_values(kept),
    }
    if source.types[name] not in NUMERIC:
        return Described(members)
    numbers = source.numbers(name)
    finite = numbers[np.isfinite(numbers)]
    return Described(members | _moments(finite) | _exact_deviation(source, name), _bins(finite))


def _values(kept: pa.ChunkedArray) -> dict[str, object]:
    counted = pc.value_counts(kept)
    table = pa.table({"value": counted.field("values"), "count": counted.field("counts")})
    if len(table) == 0:
        return {"distinct": 0, "min": None, "max": None, "top": []}
    order = pc.sort_indices(table, sort_keys=[("count", "descending"), ("value", "ascending")])
    top = table.take(order[:TOP_VALUES]).to_pylist()
    extremes = pc.min_max(kept)
    return {
        "distinct": len(table),
        "min": _short(extremes["min"].as_py()),
        "max": _short(extremes["max"].as_py()),
        "top": [{"value": _short(row["value"]), "count": row["count"]} for row in top],
    }


def _moments(finite: FloatArray) -> dict[str, object]:
    if len(finite) == 0:
        return {}
    many = len(finite) > 1
    shaped = len(finite) > 3 and float(np.ptp(finite)) > 0
    quantiles = np.quantile(finite, list(QUANTILES.values()))
    low, high = float(finite.min()), float(finite.max())
    return {
        # Rounding of the sum must not carry the mean past the bounds.
        "mean": min(max(float(np.mean(finite)), low), high),
        "std": _deviation(finite) if many else None,
        "quantiles": dict(zip(QUANTILES, quantiles.tolist(), strict=True)),
        "skewness": float(stats.skew(finite, bias=False)) if shaped else None,
        "kurtosis": float(stats.kurtosis(finite, bias=False)) if shaped else None,
    }


def _exact_deviation(source: Source, name: str) -> dict[str, object]:
    near = source.deviations(name)
    kept = None if near is None else near[np.isfinite(near)]
    return {} if kept is None or len(kept) < 2 else {"std": _deviation(kept)}


def _deviation(finite: FloatArray) -> float:
    # Of equal values rounding would leave a trace.
    if np.ptp(finite) == 0:
        return 0.0
    # Around the first value, so that a large common part costs no digits; what rounding left of the mean is taken out.
    near = finite - finite[0]
    near -= near.mean()
    return float(np.sqrt((np.sum(near * near) - np.sum(near) ** 2 / len(near)) / (len(near) - 1)))


def _bins(finite: FloatArray) -> Bins | None:
    if len(finite) == 0:
        return None
    low, high = float(finite.min()), float(finite.max())
    if not np.isfinite(high - low):
        return None
    # Freedman and Diaconis (1981), held within bounds: heavy tails ask for millions of bins.
    spread = float(np.subtract(*np.quantile(finite, [0.75, 0.25])))
    width = 2 * spread / np.cbrt(len(finite))
    wished = int(min(np.ceil((high - low) / width), BINS_AT_MOST)) if width > 0 else 10
    counts, edges = np.histogram(finite, bins=max(wished, 1), range=(low, high))
    return Bins(edges, counts.tolist())


def _summary(source: Source, described: list[Described]) -> dict[str, object]:
    for column in described:
        if column.bins is not None:
            column.members["histogram"] = {"edges": column.bins.edges, "counts": column.bins.counts}
    cells = source.rows * len(described)
    nulls = sum(_number(column.members["nulls"]) for column in described)
    numeric = sum(source.types[str(column.members["name"])] in NUMERIC for column in described)
    return {
        "rows": source.rows,
        "columns": len(described),
        "numeric_columns": numeric,
        "nulls": nulls,
        "null_share": nulls / cells if cells else None,
    }


def _charts(described: list[Described]) -> list[Chart]:
    binned = [column for column in described if column.bins is not None][:CHARTS_AT_MOST]
    return [histogram(str(c.members["name"]), c.bins.edges, c.bins.counts) for c in binned if c.bins is not None]


def _notices(wanted: int, described: list[Described]) -> list[Notice]:
    notices = []
    if wanted > len(described):
        text = f"Only the first {COLUMNS_AT_MOST} of {wanted} columns are described; name others in `columns`."
        notices.append(Notice("columns_limited", text))
    drawn = sum(column.bins is not None for column in described)
    if drawn > CHARTS_AT_MOST:
        text = f"Charts show the first {CHARTS_AT_MOST} of {drawn} numeric columns; the table has a histogram of each."
        notices.append(Notice("charts_limited", text))
    for column in described:
        if column.members["count"] and column.members["distinct"] == 1:
            notices.append(Notice("constant_column", f"Column {column.members['name']!r} holds a single value."))
        if column.members["count"] == 0:
            notices.append(Notice("empty_column", f"Column {column.members['name']!r} holds no value at all."))
    return notices


def _short(value: Any) -> object:
    if isinstance(value, str) and len(value) > TEXT_AT_MOST:
        return value[: TEXT_AT_MOST - 1] + "…"
    return value


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
