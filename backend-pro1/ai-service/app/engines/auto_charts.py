"""Charts of a scan: what was found at a glance, and each of the first findings by itself."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np

from .auto_pairs import Tested
from .charts import drawn, finished, sample_rows
from .results import Chart
from .sample_charts import boxes, shares
from .source import FloatArray

BARS_AT_MOST = 20


def strengths(labels: Sequence[str], tested: Sequence[Tested]) -> Chart:
    """A bar for each finding as long as its strength."""
    rows = [
        {"finding": label, "strength": one.strength, "kind": one.pair.kind.replace("_", " ")}
        for label, one in zip(labels, tested, strict=True)
    ][:BARS_AT_MOST]
    chart = drawn(rows).mark_bar()
    chart = chart.encode(
        x=alt.X("strength", type="quantitative", title="Strength (0: none, 1: without exception)"),
        y=alt.Y("finding", type="nominal", title=None, sort=[str(row["finding"]) for row in rows]),
        color=alt.Color("kind", type="nominal", title="Kind"),
    )
    note = "Strength: the limit of the effect's interval that is nearer to none."
    return finished(chart, "Findings by strength", note)


def picture(tested: Tested, seed: int) -> Chart:
    """The data of one finding: points, boxes or bars."""
    first, second = tested.pair.names
    if tested.table is not None:
        return shares(tested.table, first, second)
    if tested.parts:
        return boxes(tested.parts, first, second, f"{first} by {second}")
    return _points(tested, seed)


def _points(tested: Tested, seed: int) -> Chart:
    """Time goes to the right; otherwise the first column does."""
    pair = tested.pair
    trend = pair.kind == "trend"
    across, up = (pair.second, pair.first) if trend else (pair.first, pair.second)
    x, y = np.asarray(across.numbers), np.asarray(up.numbers)
    both = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[both], y[both]
    chosen, note = sample_rows(len(x), seed)
    rows = [{"x": one, "y": other} for one, other in zip(_shown(x[chosen], trend=trend), y[chosen], strict=True)]
    chart = drawn(rows).mark_point(opacity=0.5)
    scale = alt.Scale(zero=False)
    chart = chart.encode(
        x=alt.X("x", type="temporal", title=across.name)
        if trend
        else alt.X("x", type="quantitative", title=across.name, scale=scale),
        y=alt.Y("y", type="quantitative", title=up.name, scale=scale),
    )
    return finished(chart, f"{up.name} over {across.name}", note)


def _shown(values: FloatArray, *, trend: bool) -> list[object]:
    """Times in days since 1970 as texts."""
    if not trend:
        return [*values.tolist()]
    moments = np.asarray(values * 86_400e3, dtype="datetime64[ms]")
    return [str(moment) for moment in moments]
