"""Vega-Lite charts of series: values over time, levels, bars of autocorrelations, and fans of forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import altair as alt
import numpy as np
import numpy.typing as npt

from .charts import POINTS_AT_MOST, Rows, drawn, finished
from .frames import IndexArray
from .results import Chart
from .source import FloatArray

Times = npt.NDArray[np.generic]


def outline(values: FloatArray) -> tuple[IndexArray, str]:
    """Indices to draw so that no peak is lost, and the sentence that says so ("" for all)."""
    if len(values) <= POINTS_AT_MOST:
        return np.arange(len(values)), ""
    stretches = POINTS_AT_MOST // 2
    edges = np.linspace(0, len(values), stretches + 1).astype(np.intp)
    pairs = [
        (start + int(np.argmin(values[start:end])), start + int(np.argmax(values[start:end])))
        for start, end in pairwise(edges.tolist())
    ]
    note = f"Lowest and highest of each of {stretches} stretches of {len(values)} values."
    return np.unique(np.array(pairs, dtype=np.intp)), note


def axis(times: Times, name: str | None) -> alt.X:
    """The axis of time."""
    title = name or "Position"
    if times.dtype.kind == "M":
        return alt.X("time", type="temporal", title=title)
    # Whole numbers without marks of thousands: they may be years.
    ticks = alt.Axis(format="d") if times.dtype.kind == "i" else alt.Axis()
    return alt.X("time", type="quantitative", title=title, scale=alt.Scale(zero=False), axis=ticks)


def lines(times: Times, parts: Sequence[tuple[str, FloatArray]], names: tuple[str | None, str], title: str) -> Chart:
    """One line a part; all have the shape of `times`. `names` are those of time and value."""
    chosen, note = outline(parts[0][1])
    rows = [
        {"time": times[i].item(), "value": values[i], "part": part} for part, values in parts for i in chosen.tolist()
    ]
    chart = drawn(rows).mark_line()
    chart = chart.encode(
        x=axis(times, names[0]),
        y=alt.Y("value", type="quantitative", title=names[1], scale=alt.Scale(zero=False)),
        color=alt.Color("part", type="nominal", title=None, sort=[part for part, _ in parts]),
    )
    return finished(chart, title, note)


def panels(times: Times, parts: Sequence[tuple[str, FloatArray]], names: tuple[str | None, str], title: str) -> Chart:
    """One panel a part, each with its own scale, below each other."""
    chosen, note = outline(parts[0][1])
    order = [part for part, _ in parts]
    rows = [
        {"time": times[i].item(), "value": values[i], "part": part} for part, values in parts for i in chosen.tolist()
    ]
    chart = drawn(rows).mark_line().properties(height=90)
    chart = chart.encode(
        x=axis(times, names[0]),
        y=alt.Y("value", type="quantitative", title=None, scale=alt.Scale(zero=False)),
        row=alt.Row("part", type="nominal", title=names[1], sort=order),
    )
    return finished(chart.resolve_scale(y="independent"), title, note)


def lag_bars(values: FloatArray, bands: FloatArray, names: tuple[str, str]) -> Chart:
    """Bars at lags from 1, and the band around zero within which they mean nothing; `names`: of the axis, the title."""
    rows = [
        {"lag": lag, "value": value, "low": -band, "high": band}
        for lag, (value, band) in enumerate(zip(values.tolist(), bands.tolist(), strict=True), 1)
    ]
    x = alt.X("lag", type="quantitative", title="Lag", axis=alt.Axis(tickMinStep=1))
    base = drawn(rows)
    area = base.mark_area(opacity=0.2, color="gray").encode(x=x, y=alt.Y("low", type="quantitative"), y2="high")
    bars = base.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("value", type="quantitative", title=names[0]))
    ends = bars.mark_point(filled=True, size=25)
    return finished(alt.layer(area, _zero_bars(bars), ends), names[1])


def _zero_bars(bars: alt.Chart) -> alt.Chart:
    return bars.encode(y2=alt.Y2Datum(0))


def levels(times: Times, values: FloatArray, segments: Rows, names: tuple[str | None, str]) -> Chart:
    """The series with the mean of each segment (members `start`, `end`, `mean`) over it."""
    chosen, note = outline(values)
    rows = [{"time": times[i].item(), "value": values[i]} for i in chosen.tolist()]
    series = drawn(rows).mark_line(color="gray", opacity=0.6)
    series = series.encode(
        x=axis(times, names[0]),
        y=alt.Y("value", type="quantitative", title=names[1], scale=alt.Scale(zero=False)),
    )
    spans = [{"time": segment["start"], "end": segment["end"], "value": segment["mean"]} for segment in segments]
    rules = drawn(spans).mark_rule(color="firebrick", strokeWidth=3)
    rules = rules.encode(x=axis(times, names[0]), x2="end", y=alt.Y("value", type="quantitative"))
    return finished(alt.layer(series, rules), f"Levels of {names[1]}", note)


def marked(times: Times, values: FloatArray, flags: npt.NDArray[np.bool_], names: tuple[str, str], title: str) -> Chart:
    """Points over time; the flagged ones stand out. All of one shape, which the caller has bounded."""
    rows = [
        {"time": time, "value": value, "kind": "anomaly" if flag else "usual"}
        for time, value, flag in zip(times.tolist(), values.tolist(), flags.tolist(), strict=True)
    ]
    chart = drawn(rows).mark_point(filled=True, opacity=0.6)
    chart = chart.encode(
        x=axis(times, names[0]),
        y=alt.Y("value", type="quantitative", title=names[1], scale=alt.Scale(zero=False)),
        color=alt.Color(
            "kind",
            type="nominal",
            title=None,
            scale=alt.Scale(domain=["usual", "anomaly"], range=["gray", "firebrick"]),
        ),
    )
    return finished(chart, title)


def fan(
    past: tuple[Times, FloatArray],
    times: Times,
    bands: tuple[FloatArray, FloatArray, FloatArray],
    names: tuple[str | None, str],
    title: str,
) -> Chart:
    """The past (times, values), then mean, lower and upper of a forecast, each of the shape of `times`."""
    chosen, drawn_part = outline(past[1])
    note = f"Gray: the series; blue: the forecast and its limits. {drawn_part}".strip()
    seen = [{"time": past[0][i].item(), "value": past[1][i]} for i in chosen.tolist()]
    coming = [
        {"time": time, "value": mean, "low": low, "high": high}
        for time, mean, low, high in zip(times.tolist(), *(band.tolist() for band in bands), strict=True)
    ]
    y = alt.Y("value", type="quantitative", title=names[1], scale=alt.Scale(zero=False))
    x = axis(times, names[0])
    base = drawn(coming)
    area = base.mark_area(opacity=0.25, color="steelblue").encode(x=x, y=alt.Y("low", type="quantitative"), y2="high")
    mean_line = base.mark_line(color="steelblue", point=len(times) == 1).encode(x=x, y=y)
    past_line = drawn(seen).mark_line(color="gray").encode(x=x, y=y)
    return finished(alt.layer(area, past_line, mean_line), f"Forecast of {names[1]}: {title}", note)
