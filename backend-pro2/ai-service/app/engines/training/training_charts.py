"""Pictures of a training: what matters, and whether predictions can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from ..charts import drawn, finished, intervals
from ..results import Chart
from ..source import FloatArray

if TYPE_CHECKING:
    from .report import Found

SHOWN = 20
POINTS = 400


def charts_of(found: Found, calibration: Mapping[str, Any] | None) -> list[Chart]:
    """The importance of features; calibration of a classification, predictions of a regression."""
    charts = []
    if found.importance:
        rows = [
            {"term": row["feature"], "estimate": row["mean"], "low": row["ci_low"], "high": row["ci_high"]}
            for row in found.importance[:SHOWN]
        ]
        note = f"Loss of {found.metric} when a feature's values are shuffled, with 95 % intervals"
        charts.append(intervals(rows, "Importance of features", note, f"Loss of {found.metric}"))
    if calibration is not None:
        charts.append(reliability_chart(calibration))
    else:
        charts.append(prediction_chart(found.data.y, found.chosen.said.p, found.parameters.target, found.seed))
    return charts


def reliability_chart(calibration: Mapping[str, Any]) -> Chart:
    """Observed shares over mean probabilities, beside the diagonal."""
    rows = [
        {"said": row["mean_probability"], "came": row["observed"], "n": row["n"]} for row in calibration["reliability"]
    ]
    unit = alt.Scale(domain=[0, 1])
    dots = drawn(rows).mark_line(point=True)
    dots = dots.encode(
        x=alt.X("said", type="quantitative", title="Mean predicted probability", scale=unit),
        y=alt.Y("came", type="quantitative", title="Observed share", scale=unit),
        tooltip=["said:Q", "came:Q", "n:Q"],
    )
    diagonal = drawn([{"said": 0, "came": 0}, {"said": 1, "came": 1}]).mark_line(strokeDash=[4, 4], color="gray")
    diagonal = diagonal.encode(x=alt.X("said", type="quantitative"), y=alt.Y("came", type="quantitative"))
    note = f"Out of fold; expected calibration error {calibration['ece']:.3f}"
    return finished(alt.layer(diagonal, dots), "Calibration of the probabilities", note)


def prediction_chart(y: FloatArray, predicted: FloatArray, target: str, seed: int) -> Chart:
    """Observed over predicted numbers, beside the diagonal."""
    chosen, note = np.arange(len(y)), ""
    if len(y) > POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(y), size=POINTS, replace=False))
        note = f"A random sample of {POINTS} of {len(y)} rows, each predicted without it"
    rows = [{"predicted": p, "observed": o} for p, o in zip(predicted[chosen], y[chosen], strict=True)]
    dots = drawn(rows).mark_point(opacity=0.4)
    dots = dots.encode(
        x=alt.X("predicted", type="quantitative", title=f"Predicted {target}", scale=alt.Scale(zero=False)),
        y=alt.Y("observed", type="quantitative", title=f"Observed {target}", scale=alt.Scale(zero=False)),
    )
    ends = [float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))]
    line = drawn([{"predicted": end, "observed": end} for end in ends]).mark_line(strokeDash=[4, 4], color="gray")
    line = line.encode(x=alt.X("predicted", type="quantitative"), y=alt.Y("observed", type="quantitative"))
    return finished(alt.layer(dots, line), "Predictions of rows left out", note or "Each row predicted without it")
