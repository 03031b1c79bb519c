"""How a model does on data that it has not learnt from: measures with intervals, beside those of its training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from shared.compute import ComputeError

from ..results import Notice, Outcome, Table
from ..source import FloatArray, is_missing
from ..training.conformal import half_widths, in_sets
from ..training.features import numbers_of, texts_of
from ..training.scores import LOWER_IS_BETTER, Said, measured
from ..training.served import Served
from .sample import some_rows

ROWS_AT_MOST = 200_000
ROWS_AT_LEAST = 20
CONFIDENCE = 0.95
WORSE, AS_TRAINED, BETTER = "worse", "as_trained", "better"


def evaluate(model: Served, path: Path, seed: int) -> Outcome:
    """`verdict` of the model's own metric: worse or better where the intervals of then and now do not meet.

    Table `metrics` has the measures of both; `coverage` says how often intervals or sets held the truth.

    Raises:
        ComputeError: `column_not_found`: no target; `too_few_rows` with one; a feature is absent or does not fit.
    """
    target = model.model["target"]
    table, total = some_rows(path, [target, *(feature.name for feature in model.features)], ROWS_AT_MOST, seed)
    notices = (
        [] if len(table) == total else [Notice("rows_sampled", f"A random sample of {len(table)} of {total} rows.")]
    )
    if target not in table.column_names:
        raise ComputeError("column_not_found", f"The data have no column {target!r}, the target of the model.")
    realised, more = realised_error(model, table, seed)
    if realised is None:
        detail = f"Fewer than {ROWS_AT_LEAST} rows have a usable value of the target {target!r}."
        raise ComputeError("too_few_rows", detail)
    summary = {key: realised[key] for key in ("verdict", "metric", "value", "ci_low", "ci_high", "trained", "n")}
    outcome = Outcome({**summary, "coverage": realised["coverage"]}, warnings=[*notices, *more])
    head = ["metric", "value", "ci_low", "ci_high", "trained", "trained_low", "trained_high", "verdict"]
    outcome.tables = [Table("metrics", head, [[row[name] for name in head] for row in realised["metrics"]])]
    return outcome


def realised_error(model: Served, table: pa.Table, seed: int) -> tuple[dict[str, Any] | None, list[Notice]]:
    """What is known once the target is; None where too few rows have it."""
    known, y, notices = _truth(model, table.column(model.model["target"]))
    if int(known.sum()) < ROWS_AT_LEAST or (model.classifies and len(np.unique(y[known])) < 2):
        return None, notices
    frame, y = model.frame_of_table(table.filter(pa.array(known))), y[known]
    p = model.probabilities(frame) if model.classifies else model.numbers(frame)
    said = Said(y, p, model.decide if model.classifies else None)
    found = measured(said, np.zeros(len(y)), seed, CONFIDENCE, classifies=model.classifies)
    rows = [_compared(name, now, model.model["metrics"].get(name)) for name, now in found.items()]
    own = next(row for row in rows if row["metric"] == model.model["metric"])
    return {**own, "n": len(y), "coverage": _coverage(model, y, p), "metrics": rows}, notices


def _truth(model: Served, column: pa.ChunkedArray) -> tuple[Any, Any, list[Notice]]:
    known = ~is_missing(column)
    notices = []
    y: Any
    if not model.classifies:
        y = numbers_of(column)
        known &= ~np.isnan(y)
    else:
        names = pd.Index([str(name) for name in model.model["classes"]])
        y = names.get_indexer(pd.Index(texts_of(column)))
        if strange := int((known & (y < 0)).sum()):
            text = f"{strange} rows are of a class that the model has not learnt, and were left out."
            notices.append(Notice("unknown_classes", text))
        known &= y >= 0
    if dropped := int(len(known) - known.sum()):
        notices.append(Notice("rows_dropped", f"{dropped} of {len(known)} rows have no usable target."))
    return known, y, notices


def _compared(name: str, now: Mapping[str, float], then: Mapping[str, float] | None) -> dict[str, Any]:
    row = {"metric": name, **now, "trained": None, "trained_low": None, "trained_high": None, "verdict": None}
    if then is None:
        return row
    row |= {"trained": then["value"], "trained_low": then["ci_low"], "trained_high": then["ci_high"]}
    sign = -1 if name in LOWER_IS_BETTER else 1
    ends = sorted((sign * now["ci_low"], sign * now["ci_high"]))
    before = sorted((sign * then["ci_low"], sign * then["ci_high"]))
    return {**row, "verdict": WORSE if ends[1] < before[0] else BETTER if ends[0] > before[1] else AS_TRAINED}


def _coverage(model: Served, y: Any, p: FloatArray) -> dict[str, Any]:
    """The share of rows whose interval or set held the truth, with Wilson's interval (1927), and the level promised."""
    conformal = model.model["conformal"]
    inside = (
        in_sets(conformal, p)[np.arange(len(y)), y] if model.classifies else np.abs(y - p) <= half_widths(conformal, p)
    )
    share, n, z = float(inside.mean()), len(y), 1.959963984540054
    middle, wide = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    below = 1 + z * z / n
    return {
        "value": share,
        "ci_low": (middle - wide) / below,
        "ci_high": (middle + wide) / below,
        "level": conformal["level"],
    }
