"""Vega-Lite charts with their data inlined: bounded in size, and saying so when they show a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
from altair.utils import schemapi

from .results import Chart, plain
from .source import FloatArray

# Altair checks each value of the data against the JSON Schema of Vega-Lite, and again wherever it nests: eight times
# the work of making a chart of a thousand points. Tests ask for it.
_checks = False
schemapi.disable_debug_mode()

POINTS_AT_MOST = 2000
WIDTH = 420
HEIGHT = 300

Rows = Sequence[Mapping[str, object]]
AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart


def check_charts() -> None:
    """Check every chart from now on; altair raises SchemaValidationError for one that is none."""
    global _checks
    _checks = True
    schemapi.enable_debug_mode()


def sample_rows(rows: int, seed: int) -> tuple[Any, str]:
    """Indices to draw, in order, and the sentence that says which part of the rows they are ("" for all)."""
    if rows <= POINTS_AT_MOST:
        return np.arange(rows), ""
    chosen = np.sort(np.random.default_rng(seed).choice(rows, size=POINTS_AT_MOST, replace=False))
    return chosen, f"A random sample of {POINTS_AT_MOST} of {rows} rows."


def histogram(column: str, edges: FloatArray, counts: Sequence[int]) -> Chart:
    """Bars over `edges` (length bins + 1) with `counts` (length bins)."""
    rows = [
        {"from": low, "to": high, "count": count}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    chart = drawn(rows).mark_bar(binSpacing=1)
    chart = chart.encode(
        x=alt.X("from", type="quantitative", bin="binned", title=column),
        x2=alt.X2("to"),
        y=alt.Y("count", type="quantitative", title="Rows"),
    )
    return finished(chart, f"Distribution of {column}")


def heat_map(names: Sequence[str], matrix: FloatArray, title: str, note: str = "") -> Chart:
    """A square of coefficients from -1 to 1; `matrix` has shape (names, names)."""
    rows = [
        {"row": row, "column": column, "value": matrix[i, j]}
        for i, row in enumerate(names)
        for j, column in enumerate(names)
    ]
    chart = drawn(rows).mark_rect()
    chart = chart.encode(
        x=alt.X("column", type="nominal", sort=list(names), title=None),
        y=alt.Y("row", type="nominal", sort=list(names), title=None),
        color=alt.Color(
            "value", type="quantitative", scale=alt.Scale(scheme="redblue", domain=[-1, 1]), title="Coefficient"
        ),
        tooltip=["row:N", "column:N", alt.Tooltip("value", type="quantitative", format=".3f")],
    )
    return finished(chart, title, note)


def intervals(rows: Rows, title: str, note: str = "", axis: str = "Estimate") -> Chart:
    """One line per `term` from `low` to `high` with a dot at `estimate`, and a rule at zero."""
    order = [str(row["term"]) for row in rows]
    base = drawn(rows)
    y = alt.Y("term", type="nominal", sort=order, title=None)
    lines = base.mark_rule().encode(x=alt.X("low", type="quantitative", title=axis), x2=alt.X2("high"), y=y)
    dots = base.mark_point(filled=True, size=60).encode(x=alt.X("estimate", type="quantitative"), y=y)
    zero = drawn([{"zero": 0}]).mark_rule(strokeDash=[4, 4], color="gray").encode(x=alt.X("zero", type="quantitative"))
    return finished((zero, lines, dots), title, note)


def residuals(fitted: FloatArray, residual: FloatArray, note: str) -> Chart:
    """Residuals over fitted values, both of shape (points,)."""
    rows = [{"fitted": x, "residual": y} for x, y in zip(fitted.tolist(), residual.tolist(), strict=True)]
    dots = drawn(rows).mark_point(opacity=0.5)
    dots = dots.encode(
        x=alt.X("fitted", type="quantitative", title="Fitted value", scale=alt.Scale(zero=False)),
        y=alt.Y("residual", type="quantitative", title="Residual"),
    )
    zero = drawn([{"zero": 0}]).mark_rule(strokeDash=[4, 4]).encode(y=alt.Y("zero", type="quantitative"))
    return finished((dots, zero), "Residuals against fitted values", note)


def quantile_plot(theoretical: FloatArray, observed: FloatArray, note: str) -> Chart:
    """Standardised residuals over normal quantiles, both of shape (points,)."""
    pairs = zip(theoretical.tolist(), observed.tolist(), strict=True)
    rows = [{"theoretical": x, "observed": y} for x, y in pairs]
    dots = drawn(rows).mark_point(opacity=0.5)
    dots = dots.encode(
        x=alt.X("theoretical", type="quantitative", title="Normal quantile"),
        y=alt.Y("observed", type="quantitative", title="Standardised residual"),
    )
    ends = [theoretical.min(), theoretical.max()] if len(theoretical) else []
    line = drawn([{"x": end, "y": end} for end in ends]).mark_line(strokeDash=[4, 4])
    line = line.encode(x=alt.X("x", type="quantitative"), y=alt.Y("y", type="quantitative"))
    return finished((dots, line), "Normal quantiles of the residuals", note)


def scatter(points: FloatArray, groups: Sequence[int | str], axes: tuple[str, str], title: str, note: str) -> Chart:
    """Points of shape (points, 2) coloured by group."""
    rows = [{"x": x, "y": y, "group": group} for (x, y), group in zip(points, groups, strict=True)]
    chart = drawn(rows).mark_point(filled=True, opacity=0.6)
    chart = chart.encode(
        x=alt.X("x", type="quantitative", title=axes[0], scale=alt.Scale(zero=False)),
        y=alt.Y("y", type="quantitative", title=axes[1], scale=alt.Scale(zero=False)),
        color=alt.Color("group", type="nominal", title="Cluster"),
    )
    return finished(chart, title, note)


def line(rows: Rows, axes: tuple[str, str], title: str) -> Chart:
    """`y` over `x` with a dot at each row."""
    chart = drawn(rows).mark_line(point=True)
    chart = chart.encode(
        x=alt.X("x", type="quantitative", title=axes[0], axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("y", type="quantitative", title=axes[1], scale=alt.Scale(zero=False)),
    )
    return finished(chart, title)


def drawn(rows: Rows) -> alt.Chart:
    """An empty chart of the usual size over these rows."""
    # Field names are ours, never a column's: Vega-Lite reads dots and brackets in them as paths.
    values: Any = plain(rows)
    if not _checks:
        values = _Sealed(values)
    return alt.Chart(alt.InlineData(values=values), width=WIDTH, height=HEIGHT)


def finished(chart: AnyChart | tuple[alt.Chart, ...], title: str, note: str = "") -> Chart:
    """The chart, or these layers of one, under its title, as the specification that a result holds."""
    heading = alt.TitleParams(text=title, subtitle=note) if note else title
    # Named data sets and views carry counters that would differ from run to run.
    with alt.data_transformers.enable(consolidate_datasets=False):
        if isinstance(chart, tuple):
            spec = _layered(chart, heading)
        else:
            spec = chart.properties(title=heading).to_dict(validate=_checks)
    return Chart(title, {key: _opened(value) for key, value in spec.items() if key != "name"})


def _layered(layers: tuple[alt.Chart, ...], heading: alt.TitleParams | str) -> dict[str, Any]:
    """What alt.layer makes of charts of one size without parameters, which it copies some ten times each."""
    shared = {"width", "height", "config", "$schema"}
    if all(layer.data is layers[0].data for layer in layers):
        shared.add("data")
    specs = [layer.to_dict(validate=_checks) for layer in layers]
    title = heading if isinstance(heading, str) else heading.to_dict()
    top = {key: value for key, value in specs[0].items() if key in shared}
    below = [{key: value for key, value in spec.items() if key not in shared} for spec in specs]
    spec = {**top, "title": title, "layer": below}
    if _checks:
        alt.LayerChart.validate(spec)
    return spec


class _Sealed:
    """Data as altair is given it: whatever it can look into it copies, cell by cell, with every step of a chart."""

    def __init__(self, values: Any) -> None:
        self.values = values


def _opened(part: Any) -> Any:
    """A part of a specification with its data in place."""
    if isinstance(part, dict):
        return {key: _opened(value) for key, value in part.items() if key != "values"} | _values_of(part)
    if isinstance(part, list):
        return [_opened(item) for item in part]
    return part


def _values_of(part: dict[str, Any]) -> dict[str, Any]:
    if "values" not in part:
        return {}
    values = part["values"]
    return {"values": values.values if isinstance(values, _Sealed) else values}
