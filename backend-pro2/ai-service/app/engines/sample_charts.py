"""Charts of samples: boxes side by side, and bars of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np

from .charts import drawn, finished
from .counts import CrossTable
from .results import Chart
from .samples import Sample

BOXES_AT_MOST = 30
BARS_AT_MOST = 20


def boxes(parts: Sequence[Sample], value: str, group: str | None, title: str) -> Chart:
    """A box from the lower to the upper quartile with the median, and a line from the smallest to the largest value."""
    shown = [part for part in parts if len(part)][:BOXES_AT_MOST]
    rows = [_box(part) for part in shown]
    base = drawn(rows)
    x = alt.X("name", type="nominal", title=group, sort=[part.name for part in shown], axis=alt.Axis(labelAngle=0))
    scale = alt.Scale(zero=False)
    lines = base.mark_rule().encode(x=x, y=alt.Y("low", type="quantitative", title=value, scale=scale), y2="high")
    bars = base.mark_bar(size=24, color="#9ecae1").encode(x=x, y=alt.Y("q1", type="quantitative", title=value), y2="q3")
    ticks = base.mark_tick(size=24, color="black", thickness=2).encode(
        x=x, y=alt.Y("median", type="quantitative", title=value)
    )
    dots = base.mark_point(color="black", filled=True).encode(x=x, y=alt.Y("mean", type="quantitative", title=value))
    note = "Box: quartiles and median; dot: mean; line: smallest to largest."
    if len(parts) > len(shown):
        note += f" The first {len(shown)} of {len(parts)} groups."
    return finished(alt.layer(lines, bars, ticks, dots), title, note)


def _box(part: Sample) -> dict[str, object]:
    low, q1, median, q3, high = np.quantile(part.values, [0, 0.25, 0.5, 0.75, 1])
    mean = part.values.mean()
    return {"name": part.name, "low": low, "q1": q1, "median": median, "q3": q3, "high": high, "mean": mean}


def shares(table: CrossTable, column: str, group: str) -> Chart:
    """One bar per level of the second column, divided by the shares of the first one's levels."""
    counts = table.counts[:BARS_AT_MOST, :BARS_AT_MOST]
    totals = table.counts.sum(axis=0)
    rows = [
        {"group": table.columns[j], "level": table.rows[i], "share": counts[i, j] / totals[j], "count": counts[i, j]}
        for i in range(counts.shape[0])
        for j in range(counts.shape[1])
    ]
    chart = drawn(rows).mark_bar()
    chart = chart.encode(
        x=alt.X("group", type="nominal", title=group, sort=list(table.columns), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("share", type="quantitative", title="Share of rows", axis=alt.Axis(format="%")),
        color=alt.Color("level", type="nominal", title=column, sort=list(table.rows)),
        tooltip=["group:N", "level:N", "count:Q", alt.Tooltip("share", type="quantitative", format=".1%")],
    )
    cut = counts.shape != table.counts.shape
    return finished(chart, f"{column} by {group}", f"The first {BARS_AT_MOST} levels of each." if cut else "")


def cell_means(records: Sequence[Mapping[str, object]], value: str, factors: tuple[str, str]) -> Chart:
    """Means over the levels `x` of the first factor, one line per `group`: parallel where there is no interaction."""
    levels = [list(dict.fromkeys(str(record[name]) for record in records)) for name in ("x", "group")]
    first, second = (set(names[:BARS_AT_MOST]) for names in levels)
    rows = [record for record in records if record["x"] in first and record["group"] in second]
    chart = drawn(rows).mark_line(point=True)
    chart = chart.encode(
        x=alt.X("x", type="nominal", title=factors[0], sort=levels[0], axis=alt.Axis(labelAngle=0)),
        y=alt.Y("mean", type="quantitative", title=f"Mean of {value}", scale=alt.Scale(zero=False)),
        color=alt.Color("group", type="nominal", title=factors[1], sort=levels[1]),
    )
    note = f"The first {BARS_AT_MOST} levels of each." if len(rows) < len(records) else ""
    return finished(chart, f"Means of {value} by {factors[0]} and {factors[1]}", note)
