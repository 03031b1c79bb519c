"""One chart for a result: a line over time, bars over groups, points of two numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from shared.compute import Report
from shared.tabular.types import NUMERIC, STRING, TEMPORAL

from ..charts import POINTS_AT_MOST, drawn, finished
from ..results import Chart

MOST_BARS = 30
LONGEST_NAME = 60
LONGEST_LABEL = 80


def draw(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """A chart of each of `tables` ({name, columns: [{name, type}], rows}) that has one: {"charts": [{title, spec}]}."""
    charts = [chart for table in job["tables"] if (chart := _chart(table)) is not None]
    report(1, 1, "Drawn")
    return {"charts": [{"title": chart.title, "spec": chart.spec} for chart in charts]}


def _chart(table: Mapping[str, Any]) -> Chart | None:
    columns, rows = table["columns"], table["rows"]
    if not 2 <= len(rows) <= POINTS_AT_MOST or len(columns) < 2:
        return None
    measures = [place for place, column in enumerate(columns) if column["type"] in NUMERIC]
    times = [place for place, column in enumerate(columns) if column["type"] in TEMPORAL]
    groups = [place for place, column in enumerate(columns) if column["type"] == STRING]
    if times and measures:
        return _line(columns, rows, times[0], measures[0], groups[0] if groups else None)
    if groups and measures and len(rows) <= MOST_BARS:
        return _bars(columns, rows, groups[0], measures[0], "nominal")
    if len(measures) >= 2 and not groups:
        return _numbers(columns, rows, measures)
    return None


def _numbers(
    columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Any]], measures: Sequence[int]
) -> Chart | None:
    x, y = measures[:2]
    distinct = {row[x] for row in rows}
    if len(distinct) == len(rows) and all(isinstance(value, int) for value in distinct) and len(rows) <= MOST_BARS:
        return _bars(columns, rows, x, y, "ordinal")
    chart = drawn(_points(rows, x, y)).mark_point(filled=True, opacity=0.6)
    return _titled(
        chart.encode(x=_axis("x", columns[x], "quantitative"), y=_axis("y", columns[y], "quantitative")), columns, x, y
    )


def _bars(columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Any]], x: int, y: int, kind: Any) -> Chart:
    chart = drawn(_points(rows, x, y)).mark_bar()
    across = alt.X("x", type=kind, title=_name(columns[x]), sort=None)
    return _titled(chart.encode(x=across, y=_axis("y", columns[y], "quantitative")), columns, x, y)


def _line(
    columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Any]], x: int, y: int, group: int | None
) -> Chart:
    points = _points(rows, x, y)
    chart = drawn(
        points
        if group is None
        else [{**point, "group": _label(row[group])} for point, row in zip(points, rows, strict=True)]
    )
    chart = chart.mark_line(point=len(rows) <= MOST_BARS).encode(
        x=_axis("x", columns[x], "temporal"), y=_axis("y", columns[y], "quantitative")
    )
    if group is not None:
        chart = chart.encode(color=alt.Color("group", type="nominal", title=_name(columns[group])))
    return _titled(chart, columns, x, y)


def _points(rows: Sequence[Sequence[Any]], x: int, y: int) -> list[dict[str, object]]:
    return [{"x": _label(row[x]), "y": _number(row[y])} for row in rows]


def _number(cell: Any) -> Any:
    return float(cell) if isinstance(cell, str) else cell


def _label(cell: Any) -> Any:
    return cell[:LONGEST_LABEL] if isinstance(cell, str) else cell


def _axis(channel: str, column: Mapping[str, str], kind: Any) -> Any:
    make = alt.X if channel == "x" else alt.Y
    return make(channel, type=kind, title=_name(column))


def _titled(chart: alt.Chart, columns: Sequence[Mapping[str, str]], x: int, y: int) -> Chart:
    return finished(chart, f"{_name(columns[y])} by {_name(columns[x])}")


def _name(column: Mapping[str, str]) -> str:
    name = column["name"]
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…"
