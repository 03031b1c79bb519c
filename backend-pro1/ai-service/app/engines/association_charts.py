"""The Vega-Lite chart of association rules."""

from __future__ import annotations

import altair as alt

from .charts import Rows, drawn, finished
from .results import Chart


def rule_map(rows: Rows, note: str) -> Chart:
    """Each rule by `support`, `confidence` and, as colour, `lift`."""
    chart = drawn(rows).mark_point(filled=True, size=60, opacity=0.7)
    chart = chart.encode(
        x=alt.X("support", type="quantitative", title="Support (share of transactions)"),
        y=alt.Y("confidence", type="quantitative", title="Confidence", scale=alt.Scale(zero=False)),
        color=alt.Color("lift", type="quantitative", title="Lift", scale=alt.Scale(scheme="viridis")),
        tooltip=[
            "rule:N",
            *(alt.Tooltip(name, type="quantitative", format=".3f") for name in ("support", "confidence", "lift")),
        ],
    )
    return finished(chart, "Association rules", note)
