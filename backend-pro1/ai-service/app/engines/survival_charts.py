"""Vega-Lite charts of survival: steps that fall, one colour a group."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np

from .charts import POINTS_AT_MOST, drawn, finished
from .kaplan_meier import Curve
from .results import Chart


def survival_curves(curves: Mapping[str, Curve], last: Mapping[str, float], time: str, note: str) -> Chart:
    """Steps from 1 at time zero to the `last` time watched, with a band for the interval."""
    rows = [row for name, curve in curves.items() for row in _steps(name, curve, last[name], len(curves))]
    base = drawn(rows)
    x = alt.X("time", type="quantitative", title=time)
    color = alt.Color("group", type="nominal", title="Group", legend=alt.Legend() if len(curves) > 1 else None)
    y = alt.Y("survival", type="quantitative", title="Share without the event", scale=alt.Scale(domain=[0, 1]))
    band = base.mark_area(opacity=0.15, interpolate="step-after")
    band = band.encode(x=x, y=alt.Y("low", type="quantitative"), y2="high", color=color)
    steps = base.mark_line(interpolate="step-after").encode(x=x, y=y, color=color)
    return finished(alt.layer(band, steps), "Kaplan-Meier curves", note)


def _steps(name: str, curve: Curve, last: float, curves: int) -> list[dict[str, object]]:
    chosen = thin(len(curve.times), POINTS_AT_MOST // curves)
    rows: list[dict[str, object]] = [{"group": name, "time": 0, "survival": 1, "low": 1, "high": 1}]
    for i in chosen:
        limits = {"low": curve.low[i], "high": curve.high[i]}
        rows.append({"group": name, "time": curve.times[i], "survival": curve.survival[i], **limits})
    return [*rows, {**rows[-1], "time": last}]


def thin(length: int, at_most: int) -> list[int]:
    """At most so many indices, evenly spread from first to last."""
    if length <= at_most:
        return list(range(length))
    return [int(i) for i in np.linspace(0, length - 1, at_most)]
