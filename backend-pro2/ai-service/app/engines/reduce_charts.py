"""The Vega-Lite chart of rows in two new columns."""

from __future__ import annotations

import altair as alt

from .charts import drawn, finished
from .results import Chart
from .source import FloatArray


def score_map(points: FloatArray, axes: tuple[str, str], note: str) -> Chart:
    """Points of shape (points, 2)."""
    rows = [{"x": x, "y": y} for x, y in points.tolist()]
    chart = drawn(rows).mark_point(filled=True, opacity=0.5)
    chart = chart.encode(
        x=alt.X("x", type="quantitative", title=axes[0], scale=alt.Scale(zero=False)),
        y=alt.Y("y", type="quantitative", title=axes[1], scale=alt.Scale(zero=False)),
    )
    return finished(chart, f"{axes[0]} and {axes[1]}", note)
