"""The result as one HTML page with drawings inside: it opens anywhere, without a network."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from job import Outcome
from report import table

WIDTH, ROW, MARGIN, LABELS = 760, 30, 24, 90
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2rem } svg { width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .15rem .8rem .15rem 0; text-align: right }
td:first-child, th:first-child { text-align: left }
.dim { fill: #777 } text { font: 13px system-ui, sans-serif }
"""


@dataclass(frozen=True)
class Scale:
    """A linear map from data to the picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where the value lies, in pixels."""
        return self.start + (value - self.low) / (self.high - self.low or 1) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """About five round values inside."""
        rough = (self.high - self.low) / 5 or 1.0
        size = 10.0 ** math.floor(math.log10(rough))
        step = size * max(factor for factor in (1, 2, 5) if factor * size <= rough)
        first = math.ceil(self.low / step)
        return [step * index for index in range(first, math.floor(self.high / step) + 1)]


def page(outcome: Outcome) -> str:
    """The whole page."""
    summary = outcome.result["summary"]
    rows = table(outcome.result, "coefficients")
    parts = [
        f"<h1>Diabetes progression on ten features: R² = {summary['r2']:.6f}</h1>",
        f"<p>Ordinary least squares, n = {summary['n']}, F = {summary['f_statistic']:.2f}.</p>",
        "<h2>Coefficients with 95 % confidence intervals</h2>",
        intervals([row for row in rows if row["term"] != "const"]),
        *(f"<h2>{html.escape(cloud.title)}</h2>{points(cloud)}" for cloud in clouds(outcome.result["charts"])),
        "<h2>Numbers</h2>",
        _numbers(rows),
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Regression</title><style>{STYLE}</style>'
    return head + "<body>" + "\n".join(parts) + "</body></html>\n"


def intervals(rows: Sequence[dict[str, Any]]) -> str:
    """One line a coefficient: its interval as a bar, its estimate as a dot, blue when the interval excludes zero."""
    height = ROW * len(rows) + 2 * MARGIN
    bounds = [float(row[side]) for row in rows for side in ("ci_low", "ci_high")]
    x = Scale(min(0.0, *bounds), max(0.0, *bounds), LABELS, WIDTH - MARGIN)
    marks = [_line(x(0), MARGIN / 2, x(0), height - MARGIN, "#999")]
    for index, row in enumerate(rows):
        y = MARGIN + ROW * index
        colour = "#1f5fbf" if row["ci_low"] * row["ci_high"] > 0 else "#9a9a9a"
        marks.append(f'<text x="{LABELS - 12}" y="{y + 4}" text-anchor="end">{html.escape(row["term"])}</text>')
        marks.append(_line(x(row["ci_low"]), y, x(row["ci_high"]), y, colour, 3))
        marks.append(f'<circle cx="{x(row["estimate"]):.1f}" cy="{y}" r="5.5" fill="{colour}"/>')
    marks += [_tick(x(tick), height - 6, tick) for tick in x.ticks()]
    return _svg(height, marks)


@dataclass(frozen=True)
class Cloud:
    """A layer of points of a Vega-Lite chart: its rows, and field and title of either axis."""

    title: str
    rows: Sequence[dict[str, Any]]
    x: tuple[str, str]
    y: tuple[str, str]


def clouds(charts: Sequence[dict[str, Any]]) -> Iterator[Cloud]:
    """The first layer of each chart that shows one number over another."""
    for chart in charts:
        spec = chart["spec"]
        for layer in spec.get("layer", [spec]):
            rows = layer.get("data", {}).get("values", [])
            axes = [layer.get("encoding", {}).get(axis, {}) for axis in ("x", "y")]
            if len(rows) > 1 and all(axis.get("type") == "quantitative" for axis in axes):
                x, y = ((axis["field"], axis.get("title") or axis["field"]) for axis in axes)
                yield Cloud(chart["title"], rows, x, y)
                break


def points(cloud: Cloud) -> str:
    """A scatter with a grid."""
    height = 380
    x = Scale(*_range(cloud.rows, cloud.x[0]), LABELS, WIDTH - MARGIN)
    y = Scale(*_range(cloud.rows, cloud.y[0]), height - 2 * MARGIN, MARGIN)
    marks = [_line(x.start, y(tick), x.end, y(tick), "#e4e4e4") for tick in y.ticks()]
    marks += [_tick(x(tick), height - MARGIN - 6, tick) for tick in x.ticks()]
    marks += [_tick(LABELS - 30, y(tick) + 4, tick) for tick in y.ticks()]
    marks += [_dot(x(row[cloud.x[0]]), y(row[cloud.y[0]])) for row in cloud.rows]
    marks.append(_caption((x.start + x.end) / 2, height - 4, cloud.x[1]))
    marks.append(_caption(LABELS, MARGIN - 10, cloud.y[1]))
    return _svg(height, marks)


def _range(values: Sequence[dict[str, Any]], column: str) -> tuple[float, float]:
    numbers = [float(row[column]) for row in values]
    room = (max(numbers) - min(numbers)) * 0.04
    return min(numbers) - room, max(numbers) + room


def _numbers(rows: Sequence[dict[str, Any]]) -> str:
    columns = ("estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high")
    head = "".join(f"<th>{name}</th>" for name in ("term", *columns))
    body = "".join(
        f"<tr><td>{html.escape(row['term'])}</td>" + "".join(f"<td>{row[name]:.4g}</td>" for name in columns) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="{colour}" stroke-width="{width}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="#1f5fbf" fill-opacity=".55"/>'


def _caption(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{html.escape(text)}</text>'


def _tick(x: float, y: float, value: float) -> str:
    return f'<text class="dim" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{value:g}</text>'


def _svg(height: float, marks: Sequence[str]) -> str:
    body = "\n".join(marks)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">{body}</svg>'
